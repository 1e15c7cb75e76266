"""Sheets about people: who answered, and what changed for them."""

from collections.abc import Iterator, Sequence

from services.analytics import store
from services.analytics.domain import Change, People, change, outcomes
from services.analytics.domain.completeness import DIFFERENCE_MAX, differing
from services.analytics.domain.dose import BANDS, SESSIONS
from services.analytics.domain.paired import paired
from services.analytics.domain.rates import share
from services.analytics.drawing import Drawing
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import (
    SHARE_AND_ENDS,
    Columns,
    Row,
    Sheet,
    drawing,
    ends,
    in_points,
    interval,
    of_few,
    of_versions,
    unsaid,
)
from shared.database import Tx
from shared.web.filters import words

STAGES = ("Were to be asked", "Invited", "Reached", "Answered")


async def answered(tx: Tx, choice: Choice) -> Sheet:
    """At each occasion: how many were to be asked, were invited, touched the page, and have answered."""
    kinds = ("eligible", "invited", "reached", "responded")
    people = await choice.everybody(tx)
    rows, points, shares, notes = [], [], [], [*_not_asked(choice, people), *_began(choice, people)]
    notes += await _differing(tx, choice)
    sentence = unsaid(choice.seen, "Too few people were to be asked or have answered to show how many")
    for occasion in choice.occasions:
        eligible, invited, reached, some = (people.at(kind, occasion) for kind in kinds)
        rate, cut = share(some, eligible), people.as_of(("asked", occasion))
        if eligible < people.people_min or rate is None:
            rows.append(Row(words(occasion), None, cut))
            continue
        counts = [None if 0 < n < people.people_min else n for n in (eligible, invited, reached, some)]
        is_shown = counts[-1] is not None
        rows.append(Row(words(occasion), (*counts, *ends(rate if is_shown else None)), cut))
        shares += [(some, eligible)] if is_shown else []
        if occasion == choice.later and is_shown:
            points = [{"label": name, "n": n} for name, n in zip(STAGES, counts, strict=True) if n is not None]
            sentence = f"{some} of {eligible} who were to be asked at {words(occasion).lower()} have answered"
            if some > reached:
                notes.append("Some answered by file or on paper, without touching the page.")
    columns: Columns = (*((name, "count") for name in STAGES), *SHARE_AND_ENDS)
    drawn = Drawing("bars", f"People, at {words(choice.later).lower()}", points, "people") if points else None
    return Sheet("answered", sentence, "Check-in", columns, rows, drawn, (*notes, *of_few(shares)))


def _not_asked(choice: Choice, people: People) -> Iterator[str]:
    """Whom the share of those who answered says nothing of: what falls due at the end does so for who comes so far.

    Only where both numbers are shown, and of one release.
    """
    asked, at = choice.asked.asked_later, words(choice.later).lower()
    enrolled, eligible = people.enrolled, people.at("eligible", choice.later)
    is_of_one = len(people.cuts_of(("enrolled",), asked)) == 1 and people.has_all(("enrolled",), asked)
    if is_of_one and people.people_min <= eligible <= enrolled - people.people_min:
        who = f"{enrolled - eligible} of {enrolled} who enrolled were not to be asked at {at}"
        yield f"{who}: they left before, or have not come so far."


def _began(choice: Choice, people: People) -> Iterator[str]:
    """Whether those who answered again were as well at first as those who did not."""
    difference = outcomes(choice.asked, people).difference
    if difference is not None:
        lower = "lower" if difference < 0 else "higher"
        began = f"began {abs(difference):.2f} SD {lower} than those who have not, or were not asked yet"
        yield f"Those who answered {choice.instrument.title} again at {words(choice.later).lower()} {began}."


async def _differing(tx: Tx, choice: Choice) -> list[str]:
    """How those who answered differ from those who did not: by site, by an attribute, and by sessions attended."""
    everybody, notes = _response(await choice.everybody(tx), choice.later), []
    sessions = None if choice.seen.is_by_site_alone else SESSIONS
    for label in dict.fromkeys(filter(None, (store.BY_SITE, await choice.told_apart(tx), sessions))):
        people = await choice.people(tx, label)
        groups = {name: _response(one, choice.later) for name, one in people.items()}
        found = differing(groups, everybody, choice.seen.rules.people_min)
        notes += [
            f"{_who(label, name)} is {abs(one):.2f} SD {'more' if one > 0 else 'less'} common among those who "
            "answered than among those who did not."
            for name, one in found.items()
            if abs(one) >= DIFFERENCE_MAX
        ]
    return notes


def _who(label: str, name: str) -> str:
    return f"Who came to {BANDS[name]} sessions" if label == SESSIONS else f"{words(label)} {words(name)}"


def _response(people: People, occasion: str) -> tuple[int, int]:
    return people.at("responded", occasion), people.at("eligible", occasion)


async def changed(tx: Tx, choice: Choice, people: People | None = None) -> Sheet:
    """The mean change at each later occasion, with its interval; of everybody, or of these."""
    first, rows, points = words(choice.first).lower(), [], []
    sentence = unsaid(choice.seen, f"Too few people answered twice to say what changed since {first}")
    changes = await choice.changes(tx) if people is None else [change(asked, people) for asked in choice.course]
    for one in changes:
        at = words(one.asked.later)
        rows.append(Row(at, (one.n.paired, *ends(one.mean), *ends(one.gain)) if one.mean else None, one.cut))
        if one.mean:
            points.append(interval(at, one.mean, one.n.paired))
        if one.mean and one.asked.later == choice.later:
            sentence = f"Since {first}, {_found(one)} at {at.lower()}"
    columns: Columns = (
        ("Answered both", "count"), ("Mean change", "change"), ("from", "low"), ("to", "high"),
        ("Gain, in SDs", "change"), ("from", "low"), ("to", "high"),
    )  # fmt: skip
    drawn = drawing(f"Points since {first}, more is better", points, "change")
    notes = (*of_versions(choice.instrument), *_missing(changes))
    return Sheet("changed", sentence, "Check-in", columns, rows, drawn, notes)


def _missing(changes: Sequence[Change]) -> Iterator[str]:
    """Why there is no interval of a change, or no gain beside it."""
    for one in changes:
        first, later = words(one.asked.first).lower(), words(one.asked.later).lower()
        if one.mean and one.mean.low is None:
            yield f"From {first} to {later} all changed alike, so there is no interval."
        if one.found and one.gain is None:
            at = later if one.found.variance_first else first
            yield f"At {at} all scored alike, so from {first} to {later} there is no gain in SDs."


def _found(one: Change) -> str:
    """In words. There is no interval where everybody changed alike: that is as clear as can be."""
    assert one.mean
    if not one.mean.value and one.mean.low is None:
        return "nobody's score has changed"
    if one.mean.low is not None and not one.mean.excludes_zero:
        return "no clear change is seen"
    who = "people score" if one.mean.low is not None else "everybody scores"
    changed = in_points(one.mean.value, one.asked.instrument.digits)
    return f"{who} {changed} points {'better' if one.mean.value > 0 else 'worse'}"


async def before_and_after(tx: Tx, choice: Choice) -> Sheet:
    """Where on the scale people began, and where they were later: never so finely that a mark is of few people."""
    people = await choice.everybody(tx)
    instrument, first, later = choice.instrument, words(choice.first).lower(), words(choice.later).lower()
    found = paired(people.pairs(instrument, choice.first, choice.later), instrument, people.people_min)
    head = f"{instrument.title} at {first}"
    if found is None:
        why = f"Too few people to show where on the scale they were at {first} and at {later}"
        return Sheet("paired", unsaid(choice.seen, why), head, (), [])
    parts = [f"{low / instrument.unit:.3g} to {high / instrument.unit:.3g}" for low, high in found.parts]
    rows, points = [], []
    for place, part in enumerate(parts):
        counts = [found.people.get((place, other), 0) for other in range(len(parts))]
        rows.append(Row(part, tuple(counts), people.as_of(choice.asked.pairs)))
        points += [{"first": part, "later": other, "n": n} for other, n in zip(parts, counts, strict=True)]
    n = sum(found.people.values())
    sentence = f"{found.better(instrument.sign)} of {n} are in a better part of the scale at {later} than at {first}"
    columns: Columns = tuple((f"{part} at {later}", "count") for part in parts)
    drawn = Drawing("pairs", f"At {first}", points, "people")
    return Sheet("paired", sentence, head, columns, rows, drawn)
