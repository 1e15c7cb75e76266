"""Sheets over time: how long people stay, and how their scores move."""

from collections.abc import Sequence
from dataclasses import replace

from services.analytics import store
from services.analytics.domain import Estimate, Instrument, People, staying, trend
from services.analytics.domain.courses import Course
from services.analytics.domain.dose import BANDS, SESSIONS, dose
from services.analytics.drawing import Drawing
from services.analytics.pages.choice import Choice, asked_after_sessions
from services.analytics.pages.sheets.sheet import (
    WEEK,
    Columns,
    Row,
    Sheet,
    drawing,
    ends,
    in_points,
    interval,
    of_rates,
    of_versions,
    unsaid,
)
from shared.database import Tx
from shared.web.filters import MINUS, words

DOSE = (
    "People who come more often differ from those who come less, so this does not show what more sessions would do.",
    "Whoever is well enough often leaves early: of 1,868 clients 88 % were reliably better after one session, and 62 % "
    "of those who came to twelve (Barkham and others 2006).",
    "All sessions count that people have come to, also those after the check-in.",
)


async def staying_on(tx: Tx, choice: Choice) -> Sheet:
    """How many people stay beyond how many sessions."""
    people = await choice.everybody(tx)
    found = staying(people)
    steps = found.steps or []
    rows = [Row(str(one.session), (one.at_risk, one.left, *ends(one.staying)), found.cut) for one in steps]
    points = [{"session": 0, "value": 1.0, "low": 1.0, "high": 1.0}]
    for one in steps:
        value, low, high = ends(one.staying)
        points.append({"session": one.session, "value": value, "low": low, "high": high})  # type: ignore[dict-item]
    sentence = unsaid(choice.seen, "Too few people to show how long they stay")
    if steps:
        sentence = f"{steps[-1].staying.value:.0%} stay beyond session {steps[-1].session}"
    elif not found.suppressed:
        sentence = "Too few are left to follow when people leave" if found.has_left else "Nobody has left yet"
    notes = []
    if found.mean is not None:
        notes.append(f"People came to {found.mean:.1f} sessions on average; half of them to {found.median:g} or more.")
    if found.completed is not None:
        notes.append(f"{found.completed} of {found.n} have completed the program.")
    columns: Columns = (
        ("Had stayed until then", "count"),
        ("Left", "count"),
        ("Stay beyond", "share"),
        ("from", "low"),
        ("to", "high"),
    )
    drawn = Drawing("steps", "Share that stays", points) if steps else None
    return Sheet("staying", sentence, "Session", columns, rows, drawn, tuple(notes))


async def by_sessions(tx: Tx, choice: Choice) -> Sheet | None:
    """What changed, by how many sessions people came to. Who sees single sites alone is not told people apart so."""
    if choice.seen.is_by_site_alone:
        return None
    people = await choice.people(tx, SESSIONS)
    found = [dose(choice.asked, people.get(band, choice.seen.nobody), band) for band in BANDS]
    shown = [(BANDS[one.sessions], one.mean, one) for one in found if one.mean]
    rows = []
    for one in found:
        values = (one.n, one.mean_first, *ends(one.mean), *ends(one.improved.estimate if one.improved else None))
        rows.append(Row(BANDS[one.sessions], None if one.suppressed else values[: len(_dosed(choice))], one.cut))
    sentence = unsaid(choice.seen, "Too few people answered twice to tell them apart by how often they came")
    if shown:
        gained = "; ".join(f"{_signed(mean.value)} with {sessions}" for sessions, mean, _ in shown)
        sentence = f"Points gained, by the sessions that people have come to until now: {gained}"
    axis = f"Points since {words(choice.first).lower()}, more is better"
    drawn = drawing(axis, [interval(sessions, mean, one.n) for sessions, mean, one in shown], "change")
    notes = [*DOSE, *of_rates(choice.seen, (one.improved for _, _, one in shown))]
    return Sheet("dose", sentence, "Sessions", _dosed(choice), rows, drawn, tuple(notes))


def _dosed(choice: Choice) -> Columns:
    """Without a reliable change nobody is reliably better."""
    change: Columns = (
        ("People", "count"), ("Mean at first", "points"), ("Mean change", "change"), ("from", "low"), ("to", "high")
    )  # fmt: skip
    reliably: Columns = (("Reliably better", "share"), ("from", "low"), ("to", "high"))
    return (*change, *reliably) if choice.instrument.threshold else change


async def weeks(tx: Tx, choice: Choice) -> Sheet | None:
    """Means by week, beside the mean of the personal slopes; of what is asked after sessions, if anything is."""
    instrument = choice.after_sessions
    courses = await store.by_session(tx, choice.program.program_id, choice.seen, instrument)
    why = "Nothing is asked after sessions, so it is not known how single people move from one to the next"
    if asked_after_sessions(choice.program, choice.known):
        why = unsaid(choice.seen, f"Too few people answer {instrument.title} more than once to say how it moves")
    sheet = weekly(instrument, await choice.everybody(tx), courses[None], why)
    base = store.base_by_session(instrument)
    cut = (await store.cuts(tx, choice.program.program_id, choice.seen, None, base)).get(None, choice.seen.cut)
    if cut == choice.seen.cut:
        return sheet
    return replace(sheet, notes=(*sheet.notes, f"The personal slopes are as of release {cut.release}."))


def weekly(instrument: Instrument, people: People, courses: Sequence[Course] = (), why: str = "") -> Sheet:
    """The same of whichever people; without their courses nothing is said of personal slopes, but `why` not."""
    found = trend(instrument, people, courses)
    shown = found.weeks[-WEEKS_SHOWN:]
    rows = [Row(at, None if n is None else (n, *ends(mean)), cut) for at, n, mean, cut in shown]
    points = [interval(at, mean, n) for at, n, mean, _ in shown if mean]
    title, personal = instrument.title, found.personal
    sentence = _movement(instrument, personal) if personal else why
    line = "Other people answer each week: the line through the points is nobody's course."
    notes = [line, *of_versions(instrument)]
    if personal and personal.low is not None and personal.high is not None:
        spread = f"{_signed(personal.value)} points a session ({_signed(personal.low)} to {_signed(personal.high)})"
        notes.insert(0, f"Mean of the personal slopes of {found.people} people: {spread}; more is better.")
    columns: Columns = (("People", "count"), ("Mean", "points"), ("from", "low"), ("to", "high"))
    drawn = drawing(f"Points on {title}", points, "points")
    return Sheet("weeks", sentence, WEEK, columns, rows, drawn, tuple(notes))


def _movement(instrument: Instrument, personal: Estimate) -> str:
    """Better or worse, as a higher score may be either. Where all move alike there is no interval: that is clear."""
    is_clear = personal.excludes_zero or (personal.low is None and personal.value)
    if not is_clear:
        return f"No clear movement of {instrument.title} from session to session"
    moved = f"{in_points(personal.value, 2)} points {'better' if personal.value > 0 else 'worse'}"
    return f"From session to session a person's {instrument.title} gets {moved}"


WEEKS_SHOWN = 26


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)
