"""What can be chosen in the forms of a session, and of who leads."""

from datetime import date
from uuid import UUID

from services.scheduling import store
from services.scheduling.domain.leading import Facilitator, Flag, flag
from services.scheduling.domain.library import Activity
from services.scheduling.domain.sessions import REASONS
from shared.database import Tx

STATUSES = [("present", "Present"), ("late", "Late"), ("excused", "Excused"), ("absent", "Absent")]
NOT_HERE = "not-here"  # a guest who is taken out again


def _sentence(code: str) -> str:
    words = code.replace("-", " ")
    return words[:1].upper() + words[1:]


def _option(activity: Activity) -> str:
    return f"{activity.title} ({activity.minutes} min)"


OPTIONS = {
    "icebreaker_options": [(one.code, _option(one)) for one in store.LIBRARY.icebreakers],
    "activity_options": [(one.code, _option(one)) for one in store.LIBRARY.activities],
    "statuses": STATUSES,
    "guest_statuses": [*STATUSES, (NOT_HERE, "Not here")],
    "reasons": [(one, _sentence(one)) for one in REASONS],
}
"""All of it, for the page."""


async def leaders_for(
    tx: Tx, site_id: UUID, leader: Facilitator | None, on: date
) -> list[tuple[Facilitator, Flag | None]]:
    """Who can be chosen to lead at a site, and what is the matter with each on this day.

    Whoever leads now is among them, also if they do not work there any more: or whoever presses the button of a form
    on which nobody is chosen would take them off.
    """
    found = await store.facilitators(tx, [site_id])
    if leader:
        found[leader.facilitator_id] = leader
    return [(one, flag(one, site_id, on)) for one in found.values()]
