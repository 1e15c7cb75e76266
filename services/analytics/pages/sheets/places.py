"""Sheets about differences: sites beside what chance makes of them, groups of people, and the comparison."""

from collections.abc import Iterator, Sequence
from typing import Any

from services.analytics import store
from services.analytics.domain import Apart, Compared, Equity, Measure, Standings, compared, equity, standings
from services.analytics.domain.rates import is_short
from services.analytics.domain.sites import LIMITS, Funnel
from services.analytics.drawing import Drawing
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import (
    Columns,
    Row,
    Sheet,
    ends,
    of_few,
    of_too_few,
    unsaid,
)
from services.analytics.store import BY_SITE, Seen
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
        ratio = ends(one.adjusted.ratio if one.adjusted else None) if measure == "improved" else ()
        limits = [end for pair in one.within or [(None, None)] * 2 for end in pair]
        rate = one.rate.value if one.rate else None
        rows.append(
            Row(words(one.site), None if one.suppressed else (one.some, one.of, rate, *limits, *ratio), one.cut)
        )
        if rate is not None:
            points.append({"label": words(one.site), "n": one.of, "value": rate})
    sentence = _of_sites(choice, found)
    did = "are reliably better" if measure == "improved" else "have not left"
    columns: Columns = (
        (f"Who {did}", "count"), ("Of", "count"), ("Share", "share"),
        ("95 % of such sites", "limits"), ("to", "high"), ("99.8 % of such sites", "limits"), ("to", "high"),
    )  # fmt: skip
    if measure == "improved":
        columns += (("Observed / expected", "number"), ("from", "low"), ("to", "high"))
    drawn = [*points, *_limits(found.funnel, points)] if found.funnel else []
    return Sheet(
        "sites", sentence, "Site", columns, rows,
        Drawing("funnel", f"Share of people who {did}", drawn) if drawn else None,
        ("Sites differ in whom they serve. This is no ranking: a site outside of the limits is asked why.",
         *_notes(choice.seen, found)),
    )  # fmt: skip


def _of_sites(choice: Choice, found: Standings) -> str:
    known = [one for one in found.sites if one.rate]
    if not known and all(one.suppressed for one in found.sites):
        return unsaid(choice.seen, "Too few people at each site to set them side by side")
    if not known:
        return "At no site have enough people answered for a rate"
    if len(known) == 1:
        return f"Only {words(known[0].site)} has a rate, so there is none to set it beside"
    if outside := sum(one.is_outside[1] for one in known):
        return f"{outside} of {len(known)} sites with a rate lie outside of what chance makes of sites of their size"
    return f"All {len(known)} sites with a rate lie within the limits of chance for their size"


def _notes(seen: Seen, found: Standings) -> list[str]:
    """What must be known where a site has no rate, or where limits fall short of their names."""
    known = [one for one in found.sites if not one.suppressed and one.some is not None and one.of is not None]
    notes = of_too_few(seen, is_any=any(one.rate is None for one in known))
    if any(is_short(one.some or 0, one.of or 0) for one in known if one.rate):
        notes.append("Where fewer than five people of a site are of one kind, limits are less exact than their names.")
    return notes


def _limits(funnel: Funnel, points: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The limits of chance over all sizes that occur."""
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
    found = equity(choice.asked, await choice.everybody(tx), await choice.people(tx, by))
    has_outcome = choice.instrument.threshold is not None
    rows, shares = [], []
    for one in found:
        parts = [*_apart(one.reach), *_apart(one.retention), *(_with_counts(one.outcome) if has_outcome else ())]
        rows.append(Row(words(one.group), None if one.suppressed else (one.n, *parts), one.cut))
        shares += [(each.some, each.of) for each in (one.reach, one.retention, one.outcome) if each and each.gap]
    incomplete = any(one.outcome and one.outcome.share is None for one in found)
    sentence = _of_groups(words(by).lower(), found)
    if all(one.suppressed for one in found):
        sentence = unsaid(choice.seen, f"Too few people to tell them apart by {words(by).lower()}")
    columns: Columns = (
        ("People", "count"),
        ("Came", "share"), ("Gap", "change"), ("from", "low"), ("to", "high"),
        ("Stayed", "share"), ("Gap", "change"), ("from", "low"), ("to", "high"),
    )  # fmt: skip
    if has_outcome:
        columns += (
            ("Reliably better", "count"), ("Of", "count"), ("Share", "share"),
            ("Gap", "change"), ("from", "low"), ("to", "high"),
        )  # fmt: skip
    notes = of_too_few(choice.seen, is_any=incomplete) + of_few(shares)
    return Sheet("groups", sentence, words(by), columns, rows, None, tuple(notes))


def _of_groups(by: str, found: Sequence[Equity]) -> str:
    """Only what was compared is said to differ, or not to."""
    gaps = [
        (f"{words(one.group)} ({what})", apart)
        for one in found
        for what, apart in (("came", one.reach), ("stayed", one.retention), ("improved", one.outcome))
        if apart and apart.gap
    ]
    if flagged := [name for name, apart in gaps if apart.is_flagged]:
        return f"By {by}, these differ from all others by more than chance: {', '.join(flagged)}"
    if gaps:
        return f"By {by}, no gap between a group and all others is larger than chance makes it"
    return f"By {by}, no group can be compared with all others"


def _apart(one: Apart | None) -> tuple[float | None, ...]:
    return (one.share.value if one.share else None, *ends(one.gap)) if one else (None,) * 4


def _with_counts(one: Apart | None) -> tuple[float | None, ...]:
    return (one.some if one else None, one.of if one else None, *_apart(one))


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
    gain, better = "Gain, in SDs at the start", "Reliably better, and the gap of their shares"
    rows = [Row(gain, None if found.suppressed else (found.n, found.n_comparison, *ends(found.gain_over)), found.cut)]
    if choice.instrument.threshold:
        counts = None if found.improved is None else (*(some for some, _ in found.improved), *ends(found.improved_gap))
        rows.append(Row(better, counts, found.cut))
    notes = ["The groups differ by chance alone only if people were assigned to them by lot."]
    notes += of_too_few(choice.seen, is_any=bool(found.improved) and found.improved_gap is None)
    notes += of_few(found.improved or ()) if found.improved_gap else []
    title = _compared(choice, found, words(code))
    return Sheet("beside", title, "Compared with " + words(code), columns, rows, None, tuple(notes))


def _compared(choice: Choice, found: Compared, other: str) -> str:
    more = found.gain_over
    if found.suppressed:
        return unsaid(choice.seen, f"Too few people answered twice to compare with {other}")
    if more is None:
        return f"Scores that are the same for everybody have no gain to compare with {other}"
    if more.low is not None and not more.excludes_zero:
        return f"No clear difference from {other}"
    return f"People gained {abs(more.value):.2f} SD {'more' if more.value > 0 else 'less'} than in {other}"
