"""organisation.toml: what an organisation asks of everybody, what its programs ask when, whom to call in need."""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from deploy import Trouble
from services.feedback.domain.battery import SetBattery
from services.feedback.domain.contacts import SetCrisisContacts
from services.feedback.domain.rota import HandOver, SetRota
from services.intake.domain.organisation import RegisterOrganisation
from shared.events.base import Code
from shared.fields import field_errors

FILE = "organisation.toml"


class Battery(SetBattery):
    """What a program asks at which occasion."""

    program: Code


class CrisisContacts(SetCrisisContacts):
    """Whom somebody in need can reach at a site."""

    site: Code


class Rota(SetRota):
    """Who is on call for concerns at a site, and how long each step may take."""

    site: Code
    hand_overs: list[HandOver] = Field(default_factory=list, max_length=0)  # those are made on the page, each for once


class Organisation(RegisterOrganisation):
    """The file: what the services are asked, by their own shapes."""

    code: Code
    batteries: list[Battery] = Field(default_factory=list)
    crisis_contacts: list[CrisisContacts] = Field(default_factory=list)
    rotas: list[Rota] = Field(default_factory=list)


TEMPLATE = """\
# Which organisation this is. The code is part of every id: it never changes.
code = "harbour-trust"
name = "Harbour Trust"

# What you ask of everybody at enrolment; "prefer not to say" is always offered as well.
[[attributes]]
code = "age-band"
label = "Age"
options = [{ code = "18-25", label = "18 to 25" }, { code = "26-40", label = "26 to 40" }]

# What a program asks, when, and on which days after the invitation whoever has not answered is reminded.
[[batteries]]
program = "new-roots"
entries = [
  { occasion = "baseline", kind = "baseline", instruments = ["phq-4"] },
  { occasion = "session", kind = "session", instruments = ["session-pulse"], window_days = 7 },
  { occasion = "month", kind = "monthly", repeats_months = 1, instruments = ["monthly-check-in"], reminders = [3, 7] },
  { occasion = "end", kind = "end", instruments = ["phq-4"] },
  { occasion = "follow-up", kind = "follow-up", months_after = 2, instruments = ["phq-4"], reminders = [4, 9] },
]

# Whom somebody in need can reach, for each site.
[[crisis_contacts]]
site = "old-town"
confirmed_on = 2025-03-04
contacts = [
  { label = { en = "Crisis line", es = "Línea de crisis" }, phone = "555-0100", hours = { en = "always" } },
]
note = { en = "A person reads answers on weekdays.", es = "Una persona lee las respuestas los días laborables." }

# Who is on call for concerns at each site: days 1 (Monday) to 7, times of the clock on the wall there.
[[rotas]]
site = "old-town"
acknowledge_within_minutes = 30
responders = [
  { code = "ana", name = "Ana R.", email = "ana@example.org" },
  { code = "ben", name = "Ben S.", email = "ben@example.org" },
]
shifts = [
  { level = 1, responder = "ana", weekdays = [1, 2, 3, 4, 5, 6, 7], begins = "08:00", ends = "20:00" },
  { level = 1, responder = "ben", weekdays = [1, 2, 3, 4, 5, 6, 7], begins = "20:00", ends = "08:00" },
]
"""


def read(folder: Path) -> Organisation:
    """Read and check the file."""
    path = folder / FILE
    try:
        return Organisation.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise Trouble(f"{folder} has no {FILE}: `kith import --templates FOLDER` writes one to begin with.") from None
    except OSError as error:
        raise Trouble(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Trouble(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        wrong = "; ".join(f"{one.field}: {one.message} [{one.code}]" for one in field_errors(error.errors()))
        raise Trouble(f"{path}: {wrong}") from None
