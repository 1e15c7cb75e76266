"""How small a number an organisation hides, by page and by JSON."""

from datetime import date

from pydantic import Field

from services.analytics import store
from services.analytics.domain.rules import Rules
from shared.database import Tx
from shared.fields import Command, Line, invalid
from shared.security import Who

DEFAULT = Rules()


class SmallNumbers(Command):
    """How small a number is hidden."""

    people_min: int = Field(ge=5, le=1000, description="groups of fewer people are hidden; fewer than 11 by decision")
    zeros_hidden: bool = Field(default=False, description="whether groups of nobody are hidden, too")
    decision: Line | None = Field(
        default=None, description="where the organisation wrote down that it is fewer than 11"
    )
    decided_on: date | None = Field(default=None, description="the day of that decision")


async def set_small_numbers(tx: Tx, who: Who, body: SmallNumbers) -> None:
    """It holds from the next release on."""
    if body.people_min < DEFAULT.people_min and not (body.decision and body.decided_on):
        raise invalid(
            "decided_on" if body.decision else "decision",
            "decision-needed",
            f"Fewer than {DEFAULT.people_min} people are shown only by a written decision of the organisation: "
            "say where it is written, and of which day it is.",
        )
    rules = Rules(body.people_min, body.zeros_hidden)
    await store.save_rules(tx, who.organisation_id, rules, body.decision, body.decided_on)
