"""Sheets about what became of people: who improved, by one instrument and by two, and whether it lasted."""

from collections.abc import Sequence

from services.analytics import store
from services.analytics.domain import TALKING_THERAPIES, Asked, Rate, lasted, oldest, outcomes
from services.analytics.domain.rates import share
from services.analytics.domain.reliable import Clinically, Lasting
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import (
    SHARE_AND_ENDS,
    Columns,
    Row,
    Sheet,
    drawing,
    ends,
    interval,
    of_few,
    of_rates,
    of_too_few,
    unsaid,
)
from shared.database import Tx
from shared.web.filters import words

OF_SOME: Columns = (("People", "count"), ("Of", "count"), *SHARE_AND_ENDS)
Named = Sequence[tuple[str, Rate | None]]


async def became(tx: Tx, choice: Choice) -> Sheet | None:
    """Who improved, deteriorated and recovered, by more than the noise of the instrument."""
    if choice.instrument.threshold is None:
        return None
    found = outcomes(choice.asked, await choice.everybody(tx))
    named = (
        ("Reliably better", found.improved),
        ("Reliably worse", found.deteriorated),
        ("Out of the clinical range, of those who were in it", found.recovered),
    )
    rows = [Row(name, _with_bounds(one), found.cut) for name, one in named if one or found.suppressed]
    better, title = found.improved, choice.instrument.title
    notes = [
        f"Reliable is a change larger than the noise of {title} for a single person.",
        *of_rates(choice.seen, dict(named).values()),
    ]
    sentence = unsaid(choice.seen, "Too few people answered twice to say how many improved")
    if better:
        sentence = f"{better.some} of {better.of} improved by more than the noise of {title}"
    columns: Columns = (*OF_SOME, ("If no one missing did", "share"), ("If all missing did", "share"))
    drawn = drawing("Share", _points(named, ("Better", "Worse", "Out of the range")))
    return Sheet("became", sentence, "What became of them", columns, rows, drawn, tuple(notes))


def _with_bounds(one: Rate | None) -> tuple[float | int | None, ...] | None:
    if one is None:
        return None
    bounds = (one.bounds.low, one.bounds.high) if one.bounds else (None, None)
    return one.some, one.of, *ends(one.estimate), *bounds


def _points(named: Named, labels: Sequence[str]) -> list[dict[str, object]]:
    """What is drawn, with words that are short enough to stand side by side."""
    known = [(label, one) for label, (_, one) in zip(labels, named, strict=True) if one and one.estimate]
    return [interval(label, one.estimate, one.of) for label, one in known if one.estimate]


async def clinical(tx: Tx, choice: Choice) -> Sheet | None:
    """The five categories of Jacobson and Truax: reliable change, and the side of the cut-off."""
    threshold, title = choice.instrument.threshold, choice.instrument.title
    if threshold is None or threshold.caseness is None:
        return None
    found = outcomes(choice.asked, await choice.everybody(tx))
    counts, of = found.clinically or {}, found.n.paired or 0
    shares = {name: (counts.get(name, 0), of) for name in CLINICALLY}
    named = [
        (said, None if found.suppressed else Rate(*shares[name], share(*shares[name]) if found.is_complete else None))
        for name, said in CLINICALLY.items()
    ]
    rows = [Row(name, (one.some, one.of, *ends(one.estimate)) if one else None, found.cut) for name, one in named]
    sentence = unsaid(choice.seen, "Too few people answered twice to say how many recovered")
    if not found.suppressed:
        sentence = f"{counts.get('recovered', 0)} of {of} recovered: reliably better, and out of the clinical range"
    note = f"Clinical is a {title} of {_cut_off(choice)}; each person is in one line."
    notes = (note, *of_rates(choice.seen, dict(named).values()))
    drawn = drawing("Share", _points(named, ("Recovered", "Improved", "Unchanged", "Worse", "Harmed")))
    return Sheet("clinical", sentence, "By change and cut-off", OF_SOME, rows, drawn, notes)


def _cut_off(choice: Choice) -> str:
    one = choice.instrument
    assert one.caseness is not None
    return f"{one.caseness / one.unit:g} and {'less' if one.higher_is_better else 'more'}"


CLINICALLY: dict[Clinically, str] = {
    "recovered": "Recovered",
    "improved": "Improved, not recovered",
    "unchanged": "Unchanged",
    "deteriorated": "Deteriorated",
    "harmed": "Harmed: reliably worse, and into the clinical range",
}


async def therapies(tx: Tx, choice: Choice) -> Sheet | None:
    """The four rates of NHS Talking Therapies, where PHQ-9 and GAD-7 are both asked at both occasions."""
    if choice.instrument.code not in TALKING_THERAPIES:
        return None
    asked = store.both_asked(choice.program, choice.known, choice.first, choice.later)
    if not asked:
        return None
    place = tx, choice.program.program_id, choice.seen, None
    quads = (await store.together(*place, asked))[None]
    cut = (await store.cuts(*place, store.base_together(asked))).get(None, choice.seen.cut)
    found = outcomes(choice.asked, await choice.everybody(tx), quads=quads)
    named = [(said, found.course_rates.get(name)) for name, said in THERAPIES.items()]
    dated = oldest((cut, found.cut))
    rows = [
        Row(name, (one.some, one.of, *ends(one.estimate)) if one else None, dated)
        for name, one in named
        if one or not found.course
    ]
    sentence = unsaid(choice.seen, "Too few people answered PHQ-9 and GAD-7 twice to say how many recovered")
    if found.course and (recovered := found.course_rates.get("recovered")):
        sentence = f"{recovered.some} of {recovered.of} cases by PHQ-9 or GAD-7 are below both cut-offs later"
    elif found.course:
        sentence = f"{found.course.improved} of {found.course.finished} are reliably better by PHQ-9 and GAD-7 together"
    notes = (
        "Of everybody who answered both twice, completed or not: a service that counts only courses that have ended "
        "has others.",
        *of_rates(choice.seen, dict(named).values()),
    )
    drawn = drawing("Share", _points(named, ("Recovered", "Reliably so", "Better", "Worse")))
    return Sheet("therapies", sentence, "Talking Therapies", OF_SOME, rows, drawn, notes)


THERAPIES = {
    "recovered": "Recovered, of the cases",
    "reliably_recovered": "Recovered and reliably better, of the cases",
    "improved": "Reliably better",
    "deteriorated": "Reliably worse",
}


async def lasting(tx: Tx, choice: Choice) -> Sheet | None:
    """What is left at the last occasion of what people had gained at the end."""
    three = choice.program.lasting(choice.instrument.code)
    if choice.instrument.threshold is None or three is None:
        return None
    first, end, later = three
    asked = [(choice.instrument, at) for at in three]
    place = tx, choice.program.program_id, choice.seen, None
    triples = (await store.together(*place, asked))[None]
    cut = (await store.cuts(*place, store.base_together(asked))).get(None, choice.seen.cut)
    of = Asked(choice.program.code, choice.instrument, first, later)
    found = lasted(of, triples, await choice.everybody(tx))
    columns: Columns = (("People", "count"), *SHARE_AND_ENDS)
    at_end, at_later = words(end).lower(), words(later).lower()
    if found.states is None or found.improved is None:
        why = f"Too few people answered at {words(first).lower()}, {at_end} and {at_later} to say what lasts"
        rows = [Row(one, None, cut) for one in LASTED.values()]
        return Sheet("lasting", unsaid(choice.seen, why), f"At {at_later}", columns, rows)
    named = []
    for name, said in LASTED.items():
        some, many = found.states.get(name, 0), found.n or 0 if name == "late" else found.improved
        has_rate = found.is_complete and many >= choice.seen.rules.people_min
        named.append((said, Rate(some, many, share(some, many) if has_rate else None)))
    rows = [Row(said, (one.some, *ends(one.estimate)), cut) for said, one in named]
    kept = found.states.get("maintained", 0)
    sentence = f"{kept} of {found.improved} who were reliably better at {at_end} have kept it at {at_later}"
    notes = of_too_few(choice.seen, is_any=not found.is_complete)
    notes += of_few((one.some, one.of) for _, one in named if one.estimate)
    drawn = drawing("Share", _points(named, ("Kept", "Partly", "Lost again", "Only now")))
    return Sheet("lasting", sentence, f"At {at_later}", columns, rows, drawn, tuple(notes))


LASTED: dict[Lasting, str] = {
    "maintained": "Kept",
    "partly": "Kept in part",
    "lost": "Lost again",
    "late": "Better only now, of all",
}
