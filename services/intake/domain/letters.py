"""The words of a message, in the languages we have. A bystander learns nothing from the subject."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from babel.dates import format_date


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is sent."""

    subject: str
    body: str


LAST_MINUTE = time(23, 59)  # scheduling closes what is open for whole days then
_HOURS = {"en": "{day}, {hour}", "es": "{day} a las {hour}"}
_SUBJECTS = {"en": "A short note for you", "es": "Una nota breve para ti"}
_OPENINGS = {
    ("en", False): "a few questions are ready for you. They take about three minutes:",
    ("en", True): "some time has passed, and we would like to know how you are. It takes about three minutes:",
    ("es", False): "tenemos unas pocas preguntas para ti. Se responden en unos tres minutos:",
    ("es", True): "ha pasado un tiempo y nos gustaría saber cómo estás. Son unos tres minutos:",
}
_REMINDERS = {
    "en": "a few questions still wait for you, if you like to answer them. They take about three minutes:",
    "es": "unas pocas preguntas te siguen esperando, si quieres contestarlas. Son unos tres minutos:",
}
_BODIES = {
    "en": """\
Hello {name},

{opening}

{link}

The link is for you alone and works until {until}.
You need not answer, and you may stop at any time.

{organisation}
""",
    "es": """\
Hola, {name}:

{opening}

{link}

El enlace es solo para ti y funciona hasta el {until}.
No tienes que contestar, y puedes dejarlo cuando quieras.

{organisation}
""",
}


def letter(
    *,
    language: str,
    kind: str,
    name: str,
    organisation: str,
    link: str,
    closes_at: datetime,
    time_zone: str,
    is_reminder: bool = False,
) -> Letter:
    """The message that brings a link; English where we have no words in the person's language."""
    spoken = language if language in _BODIES else "en"
    body = _BODIES[spoken].format(
        name=name,
        opening=_REMINDERS[spoken] if is_reminder else _OPENINGS[spoken, kind == "follow-up"],
        link=link,
        until=_until(closes_at.astimezone(ZoneInfo(time_zone)), spoken),
        organisation=organisation,
    )
    return Letter(_SUBJECTS[spoken], body)


def _until(closes_at: datetime, spoken: str) -> str:
    """The last day; with the hour if the link works on a part of it only."""
    day = format_date(closes_at.date(), "long", locale="en_GB" if spoken == "en" else spoken)
    if closes_at.time() >= LAST_MINUTE:
        return day
    return _HOURS[spoken].format(day=day, hour=f"{closes_at:%H:%M}")
