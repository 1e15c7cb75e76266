"""What a program's page shows, each under its heading of RE-AIM (Glasgow, Vogt and Boles 1999)."""

from services.analytics.pages.sheets.over_time import staying_on, weeks
from services.analytics.pages.sheets.people import answered, became, changed, course, lasting
from services.analytics.pages.sheets.places import beside, groups, sites
from services.analytics.pages.sheets.sheet import Drawing, Read, Row, Sheet

SHEETS: dict[str, dict[str, Read]] = {
    "Reach": {"groups": groups},
    "Effectiveness": {"changed": changed, "became": became, "beside": beside},
    "Adoption": {"sites": sites},
    "Implementation": {"answered": answered, "staying": staying_on, "weeks": weeks},
    "Maintenance": {"lasting": lasting},
}
BY_NAME = {name: read for sheets in SHEETS.values() for name, read in sheets.items()}

__all__ = ["BY_NAME", "SHEETS", "Drawing", "Read", "Row", "Sheet", "course"]
