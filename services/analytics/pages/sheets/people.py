"""Sheets about people: who answered, what changed for them, what became of them, and whether it lasted."""

from services.analytics import store
from services.analytics.domain import People, Rate, change, lasted, outcomes
from services.analytics.domain.completeness import DIFFERENCE_MAX, differing
from services.analytics.domain.paired import paired
from services.analytics.domain.rates import is_short, share
from services.analytics.domain.reliable import Lasting
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import Columns, Drawing, Row, Sheet, drawing, ends, interval
from shared.database import Tx
from shared.web.filters import words

STAGES = ("Were to be asked", "Invited", "Reached", "Answered")
SHARE_AND_ENDS: Columns = (("Share", "share"), ("from", "low"), ("to", "high"))


async def answered(tx: Tx, choice: Choice) -> Sheet:
    """At each occasion: how many were to be asked, were invited, touched the page, and have answered."""
    kinds = ("eligible", "invited", "reached", "responded")
    people = await choice.everybody(tx)
    rows, points, notes = [], [], await _differing(tx, choice)
    sentence = "Too few people were to be asked or have answered to show how many."
    for occasion in choice.occasions:
        eligible, invited, reached, some = (people.at(kind, occasion) for kind in kinds)
        rate = share(some, eligible)
        if eligible < people.people_min or rate is None:
            rows.append(Row(words(occasion), None))
            continue
        counts = [None if 0 < n < people.people_min else n for n in (eligible, invited, reached, some)]
        rows.append(Row(words(occasion), (*counts, *(ends(rate) if counts[-1] is not None else ends(None)))))
        if occasion == choice.later and counts[-1] is not None:
            points = [{"label": name, "n": n} for name, n in zip(STAGES, counts, strict=True) if n is not None]
            sentence = f"{some} of {eligible} who were to be asked at {words(occasion).lower()} have answered"
            if some > reached:
                notes.append("Answers that came by file, on paper or at a tablet were given without an invitation.")
    columns: Columns = (*((name, "count") for name in STAGES), *SHARE_AND_ENDS)
    drawn = Drawing("bars", f"People, at {words(choice.later).lower()}", points, "people") if points else None
    return Sheet("answered", sentence, "Check-in", columns, rows, drawn, tuple(notes))


async def _differing(tx: Tx, choice: Choice) -> list[str]:
    """How those who answered differ from those who did not, by site and by what people are told apart by."""
    everybody, notes = _response(await choice.everybody(tx), choice.later), []
    for label in filter(None, (store.BY_SITE, await choice.told_apart(tx))):
        people = await choice.people(tx, label)
        groups = {name: _response(one, choice.later) for name, one in people.items()}
        found = differing(groups, everybody, choice.seen.rules.people_min)
        notes += [
            f"{words(label)} {words(name)} is {abs(one):.2f} SD {'more' if one > 0 else 'less'} common among those who "
            "answered than among those who did not."
            for name, one in found.items()
            if abs(one) >= DIFFERENCE_MAX
        ]
    return notes


def _response(people: People, occasion: str) -> tuple[int, int]:
    return people.at("responded", occasion), people.at("eligible", occasion)


async def changed(tx: Tx, choice: Choice, people: People | None = None) -> Sheet:
    """The mean change at each later occasion, with its interval; of everybody, or of these."""
    first, rows, points = words(choice.first).lower(), [], []
    sentence = f"Too few people answered twice to say what changed since {first}"
    changes = await choice.changes(tx) if people is None else [change(asked, people) for asked in choice.course]
    for one in changes:
        at = words(one.asked.later)
        rows.append(Row(at, (one.n.paired, *ends(one.mean), *ends(one.gain)) if one.mean else None))
        if one.mean:
            points.append(interval(at, one.mean, one.n.paired))
        if one.mean and one.asked.later == choice.later:
            clear, better = one.mean.excludes_zero, "better" if one.mean.value > 0 else "worse"
            found = f"people score {abs(one.mean.value):.1f} points {better}" if clear else "no clear change is seen"
            sentence = f"Since {first}, {found} at {at.lower()}"
    columns: Columns = (
        ("Answered both", "count"), ("Mean change", "change"), ("from", "low"), ("to", "high"),
        ("Gain, in SDs", "change"), ("from", "low"), ("to", "high"),
    )  # fmt: skip
    drawn = drawing(f"Points since {first}, more is better", points, "change")
    return Sheet("changed", sentence, "Check-in", columns, rows, drawn)


async def before_and_after(tx: Tx, choice: Choice) -> Sheet:
    """Where on the scale people began, and where they were later: never so finely that a mark is of few people."""
    people = await choice.everybody(tx)
    instrument, first, later = choice.instrument, words(choice.first).lower(), words(choice.later).lower()
    found = paired(people.pairs(instrument, choice.first, choice.later), instrument, people.people_min)
    head = f"{instrument.title} at {first}"
    if found is None:
        sentence = f"Too few people to show where on the scale they were at {first} and at {later}"
        return Sheet("paired", sentence, head, (), [])
    parts = [f"{low / instrument.unit:.3g} to {high / instrument.unit:.3g}" for low, high in found.parts]
    rows, points = [], []
    for place, part in enumerate(parts):
        counts = [found.people.get((place, other), 0) for other in range(len(parts))]
        rows.append(Row(part, tuple(counts)))
        points += [{"first": part, "later": other, "n": n} for other, n in zip(parts, counts, strict=True)]
    n = sum(found.people.values())
    sentence = f"{found.better(instrument.sign)} of {n} are in a better part of the scale at {later} than at {first}"
    columns: Columns = tuple((f"{part} at {later}", "count") for part in parts)
    drawn = Drawing("pairs", f"At {first}", points, "people")
    return Sheet("paired", sentence, head, columns, rows, drawn)


async def became(tx: Tx, choice: Choice) -> Sheet | None:
    """Who improved, deteriorated and recovered, by more than the noise of the instrument."""
    if choice.instrument.threshold is None:
        return None
    people = await choice.everybody(tx)
    found = outcomes(choice.asked, people)
    named = (
        ("Reliably better", found.improved),
        ("Reliably worse", found.deteriorated),
        ("Out of the clinical range, of those who were in it", found.recovered),
    )
    rows = [Row(name, _rate(one)) for name, one in named if one or found.suppressed]
    points = [interval(name.partition(",")[0], one.estimate, one.of) for name, one in named if one and one.estimate]
    better, title = found.improved, choice.instrument.title
    notes = [f"Reliable is a change larger than the noise of {title} for a single person."]
    if found.is_complete is False:
        notes.append(
            "Fewer than 60 % of those who were to be asked have answered, or more answered twice than these numbers "
            "say: no rates are given, only counts."
        )
    if any(is_short(one.some, one.of) for _, one in named if one and one.estimate):
        notes.append("Where there are fewer than five people of one kind, an interval is narrower than its 95 % say.")
    if found.difference is not None:
        lower = "lower" if found.difference < 0 else "higher"
        notes.append(f"Those who answered again began {abs(found.difference):.2f} SD {lower} than those who did not.")
    sentence = "Too few people answered twice to say how many improved"
    if better:
        sentence = f"{better.some} of {better.of} improved by more than the noise of {title}"
    columns: Columns = (
        ("People", "count"), ("Of", "count"), *SHARE_AND_ENDS,
        ("If no one missing did", "share"), ("If all missing did", "share"),
    )  # fmt: skip
    return Sheet("became", sentence, "What became of them", columns, rows, drawing("Share", points), tuple(notes))


def _rate(one: Rate | None) -> tuple[float | int | None, ...] | None:
    if one is None:
        return None
    bounds = (one.bounds.low, one.bounds.high) if one.bounds else (None, None)
    return one.some, one.of, *ends(one.estimate), *bounds


async def lasting(tx: Tx, choice: Choice) -> Sheet | None:
    """What is left at the last occasion of what people had gained at the end."""
    three = choice.program.lasting(choice.instrument.code)
    if choice.instrument.threshold is None or three is None:
        return None
    first, end, later = three
    asked = [(choice.instrument, at) for at in (first, end, later)]
    triples = (await store.together(tx, choice.program.program_id, choice.seen, None, asked))[None]
    found = lasted(choice.instrument, triples, people_min=choice.seen.rules.people_min)
    columns: Columns = (("People", "count"), *SHARE_AND_ENDS)
    at_end, at_later = words(end).lower(), words(later).lower()
    if found.suppressed or found.states is None or found.improved is None:
        sentence = f"Too few people answered at {words(first).lower()}, {at_end} and {at_later} to say what lasts"
        return Sheet("lasting", sentence, f"At {at_later}", columns, [Row(one, None) for one in LASTED.values()])
    rows, points = [], []
    for name, said in LASTED.items():
        some, of = found.states.get(name, 0), found.n or 0 if name == "late" else found.improved
        rate = share(some, of) if of >= choice.seen.rules.people_min else None
        rows.append(Row(said, (some, *ends(rate))))
        points += [interval(said.partition(",")[0], rate, of)] if rate else []
    kept = found.states.get("maintained", 0)
    sentence = f"{kept} of {found.improved} who were reliably better at {at_end} still are at {at_later}"
    return Sheet("lasting", sentence, f"At {at_later}", columns, rows, drawing("Share", points))


LASTED: dict[Lasting, str] = {
    "maintained": "Still reliably better",
    "partly": "Partly",
    "lost": "Lost again",
    "late": "Better only now, of all",
}
