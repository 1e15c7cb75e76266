"""What each figure is: in words, its formula, where it comes from, and the code that makes it."""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.analytics.domain import completeness, courses, figures, gain, named, paired, rates, reliable, retention
from services.analytics.domain.adoption import adoption
from services.analytics.domain.change import change
from services.analytics.domain.dose import dose
from services.analytics.domain.equity import equity
from services.analytics.domain.over_time import trend
from services.analytics.domain.sites import Funnel, adjusted, funnel


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure. `made_by` is the function that a reader of the code looks at.

    `names` are those that answers and files give in `definition` where it is among their figures.
    """

    section: str
    figure: str
    formula: str
    source: str
    made_by: Callable[..., Any]
    names: tuple[str, ...]

    @property
    def slug(self) -> str:
        """Its name in an address."""
        return re.sub(r"[^a-z0-9]+", "-", self.figure.lower()).strip("-")

    @property
    def place(self) -> tuple[str, int]:
        """The file, from the root of the project, and the line at which the function begins."""
        file = Path(inspect.getfile(self.made_by)).relative_to(ROOT)
        return str(file), inspect.getsourcelines(self.made_by)[1]


ROOT = Path(__file__).parents[3]
_CHANGE, _RATES, _TIME, _SITES = "Change", "Rates", "Over time", "Sites"
DEFINITIONS = (
    Definition(
        "Completeness", "complete enough",
        "answered twice / eligible at the later occasion (of what lasts: three times / at the follow-up); under 60 %, "
        "or another share that the organisation set, or if more answered twice than at the later one, no rate of those "
        "who did but counts, at sites, of groups, beside a comparison and of what lasts, too",
        "Kith", completeness.is_complete,
        (named.RATES, named.LASTING, named.SITES, named.EQUITY, named.COMPARISON, named.DOSE),
    ),
    Definition(
        "Completeness", "bounds", "low: some / eligible; high: (some + eligible - answered) / eligible",
        "Manski 1989", completeness.bounds,
        (named.RATES,),
    ),
    Definition(
        "Completeness", "difference of those who answered again",
        "(mean - mean of the others) / sqrt((variance + variance) / 2), of the first scores; the others have not "
        "answered again, or were not asked yet",
        "Austin 2009", completeness.difference_of_means,
        (named.RATES,),
    ),
    Definition(
        "Completeness", "difference of who answered",
        "(p - q) / sqrt((p (1 - p) + q (1 - q)) / 2), p: share of a group among the answers, q: among the others",
        "Austin 2009", completeness.differing,
        (named.RATES,),
    ),
    Definition(
        _CHANGE, "mean change",
        "mean of sign * (later - first); interval: t(n - 1, .975) * SD of the change / sqrt(n) either side",
        "Student 1908", gain.mean_change,
        (named.CHANGE, named.DOSE, named.EQUITY),
    ),
    Definition(
        _CHANGE, "gain (SMCR)",
        "g = J(n - 1) * mean change / SD of first; variance 2 (1 - r) / n + g^2 / 2n; z errors either side",
        "Becker 1988; as metafor's SMCR with exact J", gain.gain,
        (named.CHANGE,),
    ),
    Definition(
        _CHANGE, "gain by the change (SMCC)",
        "J(n - 1) * mean change / SD of the change; variance 1 / n + g^2 / 2n; in the JSON alone, never beside SMCR",
        "Becker 1988; as metafor's SMCC with exact J", gain.gain_by_change,
        (named.CHANGE,),
    ),
    Definition(
        _CHANGE, "J, for small samples", "gamma(m / 2) / (sqrt(m / 2) * gamma((m - 1) / 2))",
        "Hedges 1981, exact", figures.small_sample,
        (named.CHANGE, named.COMPARISON),
    ),
    Definition(
        _CHANGE, "before and after",
        "people by part of the scale at both times; 4, 3 or 2 parts of equally many scores, as many as leave no cell "
        "of fewer people than are shown", "Kith", paired.paired,
        (named.PAIRED,),
    ),
    Definition(
        _CHANGE, "gain over a comparison (d_ppc2)",
        "J(n + m - 2) * (change - change of the comparison) / pooled SD of first",
        "Morris 2008, equations 8 to 10 and 25", gain.gain_over,
        (named.COMPARISON,),
    ),
    Definition(
        _CHANGE, "reliable change",
        "z * sqrt(2) * SD * sqrt(1 - reliability), up to the next count; none without a published SD and reliability",
        "Jacobson and Truax 1991", reliable.reliable_change,
        (named.CHANGE, named.RATES, named.LASTING, named.DOSE, named.SITES, named.EQUITY, named.COMPARISON),
    ),
    Definition(
        _CHANGE, "categories",
        "recovered: reliably better and out of the clinical range; harmed: reliably worse and into it",
        "Jacobson and Truax 1991", reliable.Threshold.clinically,
        (named.RATES,),
    ),
    Definition(
        _CHANGE, "rates of NHS Talking Therapies",
        "PHQ-9: case from 10, reliable from 6; GAD-7: case from 8, reliable from 4; both together, of all who answered "
        "both at both occasions, completed or not",
        "NHS Talking Therapies manual", reliable.talking_therapies,
        (named.RATES,),
    ),
    Definition(
        _CHANGE, "row of figures",
        "all of the above for one group; hidden where fewer people answered twice than are shown", "Kith", change,
        (named.CHANGE,),
    ),
    Definition(
        _RATES, "rate", "p = some / of; (p + z^2 / 2n +- z * sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)",
        "Wilson 1927; Newcombe 1998, method 3", rates.share,
        (named.RATES, named.LASTING, named.SITES, named.EQUITY, named.DOSE),
    ),
    Definition(
        _RATES, "gap of two groups", "p - q; ends from the ends of both Wilson intervals",
        "Newcombe 1998, method 10", rates.gap,
        (named.EQUITY, named.COMPARISON),
    ),
    Definition(
        _RATES, "equity", "gap of a group to everybody else; flagged only where its interval excludes zero",
        "Newcombe 1998, method 10", equity,
        (named.EQUITY,),
    ),
    Definition(
        _RATES, "gap in change",
        "mean change of a group less that of everybody else, points; t(v, .975) * sqrt(s^2 / n + s^2 / m) either side, "
        "v of Welch and Satterthwaite; in place of who is reliably better where no source says how much is",
        "Welch 1947", gain.gap_of_changes,
        (named.EQUITY,),
    ),
    Definition(
        _RATES, "lasting",
        "of those reliably improved at the end: kept (maintained: still reliably better than at first, and nothing "
        "reliably lost since the end), in part (one of the two), lost (neither); besides, late; follow-ups in their "
        "window",
        "Kith", reliable.lasting,
        (named.LASTING,),
    ),
    Definition(
        _TIME, "staying",
        "product of (1 - left / at risk); Greenwood's variance, log(-log) scale; left: has withdrawn, or was absent, "
        "not excused, from their last three sessions and has not completed",
        "Kaplan and Meier 1958; Kalbfleisch and Prentice 1980", retention.kaplan_meier,
        (named.RETENTION,),
    ),
    Definition(
        _TIME, "change by sessions attended",
        "mean first score, mean change and reliably better of those who have come to 0 or 1, 2 to 4, 5 to 8, 9 or more "
        "sessions of the program until now and answered twice; never what more sessions would do",
        "Barkham and others 2006", dose,
        (named.DOSE,),
    ),
    Definition(
        _TIME, "personal slopes", "least squares for each person, exactly; their mean with Student's interval",
        "Feldman 1988, two stages", courses.mean_slope,
        (named.TREND,),
    ),
    Definition(
        _TIME, "mean of a week", "mean of the answers of an ISO week by the clock of the site, with Student's interval",
        "Student 1908", trend,
        (named.TREND,),
    ),
    Definition(
        _SITES, "adoption",
        "sites of the program with a group that has held a session / sites of the program; and how many such groups",
        "Glasgow, Vogt and Boles 1999", adoption,
        (named.ADOPTION,),
    ),
    Definition(
        _SITES, "limits",
        "sin^2(arcsin(sqrt(target)) +- z * sqrt(1 / 4n + tau^2)), at 95 % and 99.8 %: those of chance alone where tau "
        "is 0, and of fewer than 6 sites",
        "Spiegelhalter 2005; as FunnelPlotR, which adds tau however few sites there are", Funnel.limits,
        (named.SITES,),
    ),
    Definition(
        _SITES, "dispersion and spread",
        "phi: mean of squared z-scores, winsorised at 10 %; tau by moments, of 6 sites and more: of fewer the one that "
        "lies apart makes most of it; more than chance alone: phi times the sites is above 95 % of chi-squared with "
        "one degree less",
        "Spiegelhalter 2005; DerSimonian and Laird 1986; Cochran 1954", funnel,
        (named.SITES,),
    ),
    Definition(
        _SITES, "observed / expected", "indirect standardization by fourth of the first scores; exact Poisson interval",
        "Ulm 1990", adjusted,
        (named.SITES,),
    ),
)  # fmt: skip

TRIALS = (
    "Against a comparison, people in group peer support recovered by 0.18 SD more (0.07 to 0.29; Lyons 2021), in peer "
    "support of any kind by 0.15 SD more (0.04 to 0.27; Smit 2022, 28 trials). On a waiting list alone PHQ-9 fell from "
    "13.6 to 7.0 in 16 weeks, 1.27 SD (Graham 2020). So a large change without a comparison is what one sees when "
    "nothing is done, too."
)
"""Beside what a change without a comparison is to be read."""
BY_FIGURE = {one.figure: one for one in DEFINITIONS}


def by_section() -> Iterator[tuple[str, list[Definition]]]:
    """All definitions, by heading."""
    for section in dict.fromkeys(one.section for one in DEFINITIONS):
        yield section, [one for one in DEFINITIONS if one.section == section]
