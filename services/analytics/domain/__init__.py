"""What the facts add up to: exact counts in, figures with their uncertainty out."""

from services.analytics.domain.adoption import adoption
from services.analytics.domain.change import Asked, Change, change
from services.analytics.domain.comparing import Compared, compared
from services.analytics.domain.dose import BANDS, SESSIONS, Dose, dose
from services.analytics.domain.equity import Apart, Equity, Gained, equity
from services.analytics.domain.figures import Estimate
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.outcomes import TALKING_THERAPIES, Lasted, Outcomes, Rate, lasted, outcomes
from services.analytics.domain.over_time import Staying, Trend, after_sessions, staying, trend
from services.analytics.domain.people import ANSWERED_MIN, NOW, PEOPLE_MIN, UNKNOWN, Cut, Fact, People, about, oldest
from services.analytics.domain.standing import Measure, Standing, Standings, standings

__all__ = [
    "ANSWERED_MIN",
    "BANDS",
    "NOW",
    "PEOPLE_MIN",
    "SESSIONS",
    "TALKING_THERAPIES",
    "UNKNOWN",
    "Apart",
    "Asked",
    "Change",
    "Compared",
    "Cut",
    "Dose",
    "Equity",
    "Estimate",
    "Fact",
    "Gained",
    "Instrument",
    "Lasted",
    "Measure",
    "Outcomes",
    "People",
    "Rate",
    "Standing",
    "Standings",
    "Staying",
    "Trend",
    "about",
    "adoption",
    "after_sessions",
    "change",
    "compared",
    "dose",
    "equity",
    "lasted",
    "oldest",
    "outcomes",
    "standings",
    "staying",
    "trend",
]
