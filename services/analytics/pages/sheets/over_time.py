"""Sheets over time: how long people stay, and how their scores move."""

from collections.abc import Sequence
from dataclasses import replace

from services.analytics import store
from services.analytics.domain import Estimate, Instrument, People, staying, trend
from services.analytics.domain.courses import Course
from services.analytics.drawing import Drawing
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import Columns, Row, Sheet, drawing, ends, interval, unsaid
from shared.database import Tx
from shared.web.filters import MINUS

DOSE = (
    "People who come more often differ from those who come less, so the number of sessions beside change does not show "
    "what more sessions would do."
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
    notes = [DOSE]
    if found.mean is not None:
        notes.insert(
            0, f"People came to {found.mean:.1f} sessions on average; half of them to {found.median:g} or more."
        )
    columns: Columns = (
        ("Had stayed until then", "count"),
        ("Left", "count"),
        ("Stay beyond", "share"),
        ("from", "low"),
        ("to", "high"),
    )
    drawn = Drawing("steps", "Share that stays", points) if steps else None
    return Sheet("staying", sentence, "Session", columns, rows, drawn, tuple(notes))


async def weeks(tx: Tx, choice: Choice) -> Sheet | None:
    """Means by week, beside the mean of the personal slopes; of what is asked after sessions, if anything is."""
    instrument = choice.after_sessions
    courses = await store.by_session(tx, choice.program.program_id, choice.seen, instrument)
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
    rows = [Row(at, None if n is None else (n, *ends(mean)), cut) for at, n, mean, cut in found.weeks]
    points = [interval(at, mean, n) for at, n, mean, _ in found.weeks if mean]
    title, personal = instrument.title, found.personal
    sentence = _movement(title, personal) if personal else why
    notes = ["Other people answer each week: the line through the points is nobody's course."]
    if personal and personal.low is not None and personal.high is not None:
        spread = f"{_signed(personal.value)} points a session ({_signed(personal.low)} to {_signed(personal.high)})"
        notes.insert(0, f"Mean of the personal slopes of {found.people} people: {spread}; more is better.")
    columns: Columns = (("People", "count"), ("Mean", "points"), ("from", "low"), ("to", "high"))
    shown = rows[-WEEKS_SHOWN:]
    return Sheet(
        "weeks",
        sentence,
        "Week",
        columns,
        shown,
        drawing(f"Points on {title}", points[-WEEKS_SHOWN:], "points"),
        tuple(notes),
    )


def _movement(title: str, personal: Estimate) -> str:
    """Better or worse, as a higher score may be either. Where all move alike there is no interval: that is clear."""
    is_clear = personal.excludes_zero or (personal.low is None and personal.value)
    if not is_clear:
        return f"No clear movement of {title} from session to session"
    better = "better" if personal.value > 0 else "worse"
    return f"From session to session a person's {title} gets {abs(personal.value):.2f} points {better}"


WEEKS_SHOWN = 26


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", MINUS)
