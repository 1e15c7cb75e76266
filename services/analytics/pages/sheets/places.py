"""Sheets about differences: sites beside what chance makes of them, groups of people, and the comparison."""

from collections.abc import Iterator, Sequence
from typing import Any

from services.analytics import store
from services.analytics.domain import Apart, Measure, compared, equity, standings
from services.analytics.domain.sites import LIMITS, Funnel
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import Columns, Drawing, Row, Sheet, ends
from services.analytics.store import BY_SITE
from shared.database import Tx
from shared.web.filters import words


async def sites(tx: Tx, choice: Choice) -> Sheet | None:
    """A funnel: by who improved where a source says what is reliable, else by who stayed."""
    measure: Measure = "improved" if choice.instrument.threshold else "stayed"
    asked = choice.asked
    people = await choice.people(tx, BY_SITE)
    if len(people) < 2:
        return None
    found = standings(measure, asked, people)
    rows, points = [], []
    for one in found.sites:
        if one.suppressed or one.rate is None or one.of is None:
            rows.append(Row(words(one.site), None))
            continue
        ratio = ends(one.adjusted.ratio if one.adjusted else None) if measure == "improved" else ()
        rows.append(Row(words(one.site), (one.some, one.of, one.rate.value, *one.within[0], *one.within[1], *ratio)))
        points.append({"label": words(one.site), "n": one.of, "value": one.rate.value})
    known = [one for one in found.sites if not one.suppressed]
    outside = sum(one.is_outside[1] for one in known)
    sentence = "Too few people at each site to set them side by side"
    if known:
        sentence = (
            f"{outside} of {len(known)} sites lie outside of what chance makes of sites of their size"
            if outside
            else "All sites lie within the limits of chance for their size"
        )
    did = "are reliably better" if measure == "improved" else "have not left"
    columns: Columns = (
        (f"Who {did}", "count"), ("Of", "count"), ("Share", "share"),
        ("95 % of such sites", "limits"), ("to", "high"), ("99.8 % of such sites", "limits"), ("to", "high"),
    )  # fmt: skip
    if measure == "improved":
        columns += (("Observed / expected", "number"), ("from", "low"), ("to", "high"))
    return Sheet(
        "sites", sentence, "Site", columns, rows,
        Drawing("funnel", f"Share of people who {did}", [*points, *_limits(found.funnel, points)]) if points else None,
        ("Sites differ in whom they serve. This is no ranking: a site outside of the limits is asked why.",),
    )  # fmt: skip


def _limits(funnel: Funnel | None, points: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The limits of chance over all sizes that occur."""
    if funnel is None or not points:
        return
    most = max(one["n"] for one in points) * 1.15
    for level in LIMITS:
        for n in (max(most * step / 40, 5) for step in range(1, 41)):
            low, high = funnel.limits(n, level)
            yield {"level": f"{level:.1%}", "n": n, "low": low, "high": high}


async def groups(tx: Tx, choice: Choice) -> Sheet | None:
    """Who came, stayed and improved, by an attribute."""
    by = await choice.told_apart(tx)
    if by is None:
        return None
    found = equity(choice.asked, await choice.people(tx, by))
    rows = []
    for one in found:
        parts = [number for apart in (one.reach, one.retention, one.outcome) for number in _apart(apart)]
        rows.append(Row(words(one.group), None if one.suppressed else (one.n, *parts)))
    flagged = [
        f"{words(one.group)} ({what})"
        for one in found
        for what, apart in (("came", one.reach), ("stayed", one.retention), ("improved", one.outcome))
        if apart and apart.is_flagged
    ]
    sentence = f"By {words(by).lower()}, no group differs from the others by more than chance"
    if flagged:
        sentence = f"By {words(by).lower()}, these differ from all others by more than chance: {', '.join(flagged)}"
    if all(one.suppressed for one in found):
        sentence = f"Too few people to tell them apart by {words(by).lower()}"
    columns: Columns = (
        ("People", "count"),
        ("Came", "share"), ("Gap", "change"), ("from", "low"), ("to", "high"),
        ("Stayed", "share"), ("Gap", "change"), ("from", "low"), ("to", "high"),
        ("Reliably better", "share"), ("Gap", "change"), ("from", "low"), ("to", "high"),
    )  # fmt: skip
    return Sheet("groups", sentence, words(by), columns, rows)


def _apart(one: Apart | None) -> tuple[float | None, ...]:
    return (one.share.value, *ends(one.gap)) if one else (None,) * 4


async def beside(tx: Tx, choice: Choice) -> Sheet | None:
    """How much more people gained than those of the comparison."""
    other = choice.program.comparison_program_id
    code = await store.find_program_code(tx, other) if other else None
    if other is None or code is None:
        return None
    sides = [
        await store.everybody(tx, one, choice.seen, choice.asked.facts) for one in (choice.program.program_id, other)
    ]
    found = compared(choice.asked, *sides)
    columns: Columns = (
        ("People", "count"),
        ("Of the comparison", "count"),
        ("More", "change"),
        ("from", "low"),
        ("to", "high"),
    )
    rows = []
    for name, one in (("Gain, in SDs at the start", found.gain_over), ("Share reliably better", found.improved_gap)):
        if one or found.suppressed:
            rows.append(Row(name, None if found.suppressed else (found.n, found.n_comparison, *ends(one))))
    sentence = f"Too few people answered twice to compare with {words(code)}"
    if found.gain_over:
        more = found.gain_over
        sentence = (
            f"People gained {abs(more.value):.2f} SD {'more' if more.value > 0 else 'less'} than in {words(code)}"
            if more.excludes_zero
            else f"No clear difference from {words(code)}"
        )
    note = "The groups differ by chance alone only if people were assigned to them by lot."
    return Sheet("beside", sentence, "Compared with " + words(code), columns, rows, None, (note,))
