"""How small a number an organisation hides, and how many answers it takes for a rate: by page and by JSON."""

from datetime import date

from pydantic import Field

from services.analytics import store
from services.analytics.domain import ANSWERED_MIN
from services.analytics.domain.rules import Rules
from shared.database import Tx
from shared.fields import Command, Line, invalid
from shared.security import Who

DEFAULT = Rules()


class SmallNumbers(Command):
    """How small a number is hidden, from the next release on; and how many answers it takes for a rate, at once."""

    people_min: int = Field(ge=5, le=1000, description="groups of fewer people are hidden; fewer than 11 by decision")
    zeros_hidden: bool = Field(default=False, description="whether groups of nobody are hidden, too")
    answered_min: int = Field(
        default=ANSWERED_MIN, ge=0, le=100, description="percent of those asked; of fewer answers no rate is given"
    )
    decision: Line | None = Field(
        default=None, description="where the organisation wrote down that it is fewer than 11"
    )
    decided_on: date | None = Field(default=None, description="the day of that decision")


async def set_small_numbers(tx: Tx, who: Who, body: SmallNumbers) -> None:
    """Keep it, if that is what the organisation may decide."""
    if body.people_min < DEFAULT.people_min and not (body.decision and body.decided_on):
        raise invalid(
            "decided_on" if body.decision else "decision",
            "decision-needed",
            f"Fewer than {DEFAULT.people_min} people are shown only by a written decision of the organisation: "
            "say where it is written, and of which day it is.",
        )
    rules = Rules(body.people_min, body.zeros_hidden)
    await store.save_rules(tx, who.organisation_id, rules, body.answered_min, body.decision, body.decided_on)
