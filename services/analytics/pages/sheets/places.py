"""Sheets about places: where sessions were held, sites beside the limits for their size, and a comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from services.analytics import store
from services.analytics.domain import Compared, Measure, Standings, adoption, compared, standings
from services.analytics.domain.rates import is_short
from services.analytics.domain.sites import LIMITS, SITES_MIN, Funnel
from services.analytics.drawing import Drawing
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import (
    GAP,
    Columns,
    Row,
    Sheet,
    ends,
    of_few,
    of_gap,
    of_too_few,
    unsaid,
)
from services.analytics.store import BY_SITE, Seen
from shared.database import Tx
from shared.web.filters import words


async def held(tx: Tx, choice: Choice) -> Sheet | None:
    """At which sites of the program, and in how many groups, sessions were held."""
    by_site = await store.groups_held(tx, choice.program.program_id, choice.seen)
    if not by_site:
        return None
    found = adoption(by_site)
    groups = "1 group" if found.groups == 1 else f"{found.groups} groups"
    sentence = f"Sessions were held at {found.sites} of {found.of} sites, in {groups}"
    if not found.groups:
        sentence = "No group has held a session yet"
    rows = [Row(words(site), (many,), choice.seen.cut) for site, many in by_site.items()]
    columns: Columns = (("Groups that have held sessions", "count"),)
    notes = ("These are counts of sites and groups, not of people.",)
    return Sheet("held", sentence, "Site", columns, rows, None, notes)


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
    assert found.funnel
    return _dispersed(found.funnel, sum(one.is_outside[1] for one in known), len(known))


def _dispersed(funnel: Funnel, outside: int, many: int) -> str:
    """Nothing that lies within limits which were widened is called chance."""
    where = f"all {many} sites with a rate lie within the limits for their size"
    if outside:
        where = f"{outside} of {many} sites with a rate {'lies' if outside == 1 else 'lie'} outside of the limits for "
        where += "their size"
    widened = "; the limits are widened for that" if funnel.between else ""
    if funnel.is_beyond_chance:
        return f"Sites differ by more than chance alone (dispersion {funnel.dispersion:.1f}){widened}: {where}"
    if widened:
        return f"{where[0].upper()}{where[1:]}, widened by what they differ (dispersion {funnel.dispersion:.1f})"
    return f"{where[0].upper()}{where[1:]}: those of chance alone"


def _notes(seen: Seen, found: Standings) -> list[str]:
    """What must be known where a site has no rate, or where limits fall short of their names."""
    known = [one for one in found.sites if not one.suppressed and one.some is not None and one.of is not None]
    notes = of_too_few(seen, is_any=any(one.rate is None for one in known))
    if found.funnel:
        notes.insert(0, _spread(found.funnel))
    if any(is_short(one.some or 0, one.of or 0) for one in known if one.rate):
        notes.append("Where fewer than five people of a site are of one kind, limits are less exact than their names.")
    return notes


def _spread(funnel: Funnel) -> str:
    """How far sites scatter, and what that does to the limits."""
    said = f"Dispersion (phi) is {funnel.dispersion:.2f}; by chance alone it would be about 1."
    if funnel.between is None:
        return f"{said} Of fewer than {SITES_MIN} sites one can make most of it, so the limits are not widened by it."
    widened = ", by which the limits are widened" if funnel.between else ": the limits are those of chance alone"
    return f"{said} What is left between sites (tau, arcsine scale) is {funnel.between:.3f}{widened}."


def _limits(funnel: Funnel, points: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The limits over all sizes that occur."""
    most = max(one["n"] for one in points) * 1.15
    for level in LIMITS:
        for n in (max(most * step / 40, 5) for step in range(1, 41)):
            low, high = funnel.limits(n, level)
            yield {"level": f"{level:.1%}", "n": n, "low": low, "high": high}


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
        ("People", "count"), ("Of the comparison", "count"),
        ("More gained, in SDs at the start", "change"), ("from", "low"), ("to", "high"),
    )  # fmt: skip
    values: tuple[float | None, ...] = (found.n, found.n_comparison, *ends(found.gain_over))
    if choice.instrument.threshold:
        columns += (
            ("Reliably better", "part"), ("of", "high"), ("The same of the comparison", "part"), ("of", "high"),
            GAP, ("from", "low"), ("to", "high"),
        )  # fmt: skip
        values += (*(one for part in found.improved or () for one in part), *of_gap(found.improved_gap))
    row = Row(f"{words(choice.first)} to {words(choice.later).lower()}", values, found.cut)
    rows = [replace(row, values=None) if found.suppressed else row]
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
