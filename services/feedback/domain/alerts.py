"""The words of the mail to those who answer for a concern. Whoever looks over a shoulder learns nothing of anybody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

Others = Literal["somebody", "nobody", "everybody"]  # asked after whoever is told; everybody was told with them
_CONCERN = """\
Hello {name},

a concern at {site} needs you by {by} (local time of the site).

What it is about stands behind your sign-in:
{link}

{otherwise}
Reply to nobody by e-mail about it.
"""
_FOLLOWED = "If you cannot take it now, do nothing: at {by} somebody else is asked."
_LAST = """\
Nobody else is asked after you. If you cannot take it now, call somebody who can, or hand over:
{rotas}
"""
_ALL = """\
Nobody is on call, so everybody on the rota is told. Look whether somebody has taken it: if not, whoever can takes it.
"""
_GAP = """\
Hello {name},

nobody is on call at {site} from {by} (local time of the site) on.

Please fill the gap in the rota, or hand over:
{link}
"""


@dataclass(frozen=True, slots=True)
class AlertWords:
    """A message as it is sent."""

    subject: str
    body: str


def alert_words(
    *,
    name: str,
    site: str,
    by: datetime,
    time_zone: str,
    public_url: str,
    concern_id: object | None,
    others: Others,
) -> AlertWords:
    """The message about a concern, or, without one, about a gap in the rota."""
    at = format_datetime(by.astimezone(ZoneInfo(time_zone)), "EEEE d MMMM, HH:mm", locale="en_GB")
    rotas = f"{public_url}/feedback/rotas"
    if concern_id is None:
        return AlertWords("Nobody is on call", _GAP.format(name=name, site=site, by=at, link=rotas))
    otherwise = {"somebody": _FOLLOWED, "nobody": _LAST, "everybody": _ALL}[others].format(by=at, rotas=rotas)
    link = f"{public_url}/feedback/concerns/{concern_id}"
    body = _CONCERN.format(name=name, site=site, by=at, link=link, otherwise=otherwise)
    return AlertWords("Somebody needs you", body)
