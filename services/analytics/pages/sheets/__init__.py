"""What a program's page shows, each under its heading of RE-AIM (Glasgow, Vogt and Boles 1999)."""

from services.analytics.domain.change import must_differ
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.became import became, clinical, lasting, therapies
from services.analytics.pages.sheets.over_time import by_sessions, staying_on, weekly, weeks
from services.analytics.pages.sheets.people import answered, before_and_after, changed
from services.analytics.pages.sheets.places import beside, groups, sites
from services.analytics.pages.sheets.sheet import HIDDEN, Read, Row, Sheet, Values, as_of, unsaid
from shared.database import Tx

SHEETS: dict[str, dict[str, Read]] = {
    "Reach": {"groups": groups},
    "Effectiveness": {
        "changed": changed,
        "paired": before_and_after,
        "became": became,
        "clinical": clinical,
        "therapies": therapies,
        "beside": beside,
    },
    "Adoption": {"sites": sites},
    "Implementation": {"answered": answered, "staying": staying_on, "dose": by_sessions, "weeks": weeks},
    "Maintenance": {"lasting": lasting},
}
DEFINED: dict[str, tuple[str, ...]] = {
    "groups": ("rate", "equity"),
    "changed": ("mean change", "gain (SMCR)"),
    "paired": ("before and after",),
    "became": ("reliable change", "rate", "bounds"),
    "clinical": ("categories", "rate"),
    "therapies": ("rates of NHS Talking Therapies", "rate"),
    "beside": ("gain over a comparison (d_ppc2)", "gap of two groups"),
    "sites": ("limits", "dispersion and spread", "observed / expected"),
    "answered": ("rate", "complete enough", "difference of who answered"),
    "staying": ("staying",),
    "dose": ("change by sessions attended", "rate"),
    "weeks": ("mean of a week", "personal slopes"),
    "lasting": ("lasting", "rate"),
}
"""By which definitions the figures of a sheet are computed."""
BY_NAME = {name: read for sheets in SHEETS.values() for name, read in sheets.items()}


async def read_one(tx: Tx, choice: Choice, name: str) -> Sheet | None:
    """One sheet, if the program has it. It takes two check-ins."""
    must_differ(choice.first, choice.later)
    sheet = await BY_NAME[name](tx, choice) if name in BY_NAME else None
    return as_of(sheet, choice.seen) if sheet else None


async def read_all(tx: Tx, choice: Choice) -> list[tuple[str, list[Sheet]]]:
    """All sheets that a program has, by heading."""
    found = [(heading, [await read(tx, choice) for read in reads.values()]) for heading, reads in SHEETS.items()]
    return [(heading, [as_of(one, choice.seen) for one in sheets if one]) for heading, sheets in found]


__all__ = [
    "BY_NAME",
    "DEFINED",
    "HIDDEN",
    "SHEETS",
    "Read",
    "Row",
    "Sheet",
    "Values",
    "changed",
    "read_all",
    "read_one",
    "unsaid",
    "weekly",
]
