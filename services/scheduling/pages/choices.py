"""What can be chosen in the forms of a session."""

from services.scheduling import store
from services.scheduling.domain.library import Activity
from services.scheduling.domain.sessions import REASONS

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
