"""What a program's page shows, each under its heading of RE-AIM (Glasgow, Vogt and Boles 1999)."""

from dataclasses import replace

from services.analytics.domain import named
from services.analytics.domain.change import must_differ
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.apart import gained, gained_at_sites, groups
from services.analytics.pages.sheets.became import became, clinical, lasting, therapies
from services.analytics.pages.sheets.over_time import by_sessions, staying_on, weekly, weeks
from services.analytics.pages.sheets.people import answered, before_and_after, changed
from services.analytics.pages.sheets.places import beside, held, sites
from services.analytics.pages.sheets.sheet import HIDDEN, Read, Row, Sheet, Values, as_of, of_versions, unsaid
from shared.database import Tx

SHEETS: dict[str, dict[str, Read]] = {
    "Reach": {"groups": groups},
    "Effectiveness": {
        "changed": changed,
        "paired": before_and_after,
        "became": became,
        "gained": gained,
        "gained-at-sites": gained_at_sites,
        "clinical": clinical,
        "therapies": therapies,
        "sites": sites,
        "beside": beside,
    },
    "Adoption": {"held": held},
    "Implementation": {"answered": answered, "staying": staying_on, "dose": by_sessions, "weeks": weeks},
    "Maintenance": {"lasting": lasting},
}
DEFINED: dict[str, tuple[str, ...]] = {
    "groups": ("rate", "equity"),
    "changed": ("mean change", "gain (SMCR)"),
    "paired": ("before and after",),
    "became": ("reliable change", "rate", "bounds"),
    "gained": ("mean change", "gap in change"),
    "gained-at-sites": ("mean change", "gap in change"),
    "clinical": ("categories", "rate"),
    "therapies": ("rates of NHS Talking Therapies", "rate"),
    "beside": ("gain over a comparison (d_ppc2)", "gap of two groups"),
    "held": ("adoption",),
    "sites": ("limits", "dispersion and spread", "observed / expected"),
    "answered": (
        "rate",
        "complete enough",
        "difference of who answered",
        "difference of those who answered again",
    ),
    "staying": ("staying",),
    "dose": ("change by sessions attended", "rate"),
    "weeks": ("mean of a week", "personal slopes"),
    "lasting": ("lasting", "rate"),
}
"""By which definitions the figures of a sheet are computed."""
NAMED: dict[str, str] = {
    "groups": named.EQUITY,
    "changed": named.CHANGE,
    "paired": named.PAIRED,
    "became": named.RATES,
    "gained": named.EQUITY,
    "gained-at-sites": named.EQUITY,
    "clinical": named.RATES,
    "therapies": named.RATES,
    "beside": named.COMPARISON,
    "held": named.ADOPTION,
    "sites": named.SITES,
    "answered": named.RATES,
    "staying": named.RETENTION,
    "dose": named.DOSE,
    "weeks": named.TREND,
    "lasting": named.LASTING,
}
"""The name of these formulas: that of the answer which has the same figures as JSON, if one has."""
BY_NAME = {name: read for sheets in SHEETS.values() for name, read in sheets.items()}


async def read_one(tx: Tx, choice: Choice, name: str) -> Sheet | None:
    """One sheet, if the program has it. It takes two check-ins."""
    must_differ(choice.first, choice.later)
    sheet = await BY_NAME[name](tx, choice) if name in BY_NAME else None
    return _finished(sheet, choice) if sheet else None


async def read_all(tx: Tx, choice: Choice) -> list[tuple[str, list[Sheet]]]:
    """All sheets that a program has, by heading."""
    found = [(heading, [await read(tx, choice) for read in reads.values()]) for heading, reads in SHEETS.items()]
    return [(heading, [_finished(one, choice) for one in sheets if one]) for heading, sheets in found]


def _finished(one: Sheet, choice: Choice) -> Sheet:
    """With the name of its formulas, and with a mark where a row waits."""
    return as_of(replace(one, definition=NAMED[one.name]), choice.seen)


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
    "of_versions",
    "read_all",
    "read_one",
    "unsaid",
    "weekly",
]
