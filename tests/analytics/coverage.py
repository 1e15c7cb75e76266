"""How often the 95 % intervals hold the truth: seeded data sets in which it is known, and enumeration where one can.

Run: uv run python -m tests.analytics.coverage (writes the tables of docs/statistics.md)
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from scipy import stats

from services.analytics.domain import gain, rates
from services.analytics.domain.figures import Estimate
from services.analytics.domain.pairs import Moments

SEED, SETS = 20261123, 10_000
PAIRS, CORRELATIONS, GAINS = (20, 50, 200), (0.3, 0.5, 0.7), (0.0, 0.5, 1.0)
PEOPLE, SHARES = (11, 20, 50, 200), (0.02, 0.05, 0.10, 0.30, 0.50)
PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
BEGIN, END = "<!-- coverage: made by tests.analytics.coverage -->\n", "<!-- end of coverage -->\n"


def simulated(rng: np.random.Generator, n: int, r: float, change: float, sets: int) -> Iterator[Moments]:
    """Data sets of normal scores with SD 1, this correlation, and this true change."""
    first = rng.standard_normal((sets, n))
    later = change + r * first + np.sqrt(1 - r * r) * rng.standard_normal((sets, n))
    columns = [one.mean(axis=1) for one in (first, later, later - first)]
    columns += [one.var(axis=1, ddof=1) for one in (first, later, later - first)]
    for row in zip(*columns, strict=True):
        yield Moments(n, *map(float, row))  # type: ignore[arg-type]  # of real numbers, not of counts


def of_gain(rng: np.random.Generator, n: int, r: float, change: float) -> float:
    """Of the standardized mean gain."""
    return _held([gain.gain(one) for one in simulated(rng, n, r, change, SETS)], change)


def of_gain_over(rng: np.random.Generator, n: int, r: float, change: float) -> float:
    """Of the gain over a comparison group that does not change."""
    groups = zip(simulated(rng, n, r, change, SETS), simulated(rng, n, r, 0.0, SETS), strict=True)
    return _held([gain.gain_over(one, other) for one, other in groups], change)


def of_share(n: int, p: float) -> float:
    """Of Wilson's interval, exactly: the probability of every count whose interval holds p."""
    found = [(some, rates.share(some, n)) for some in range(n + 1)]
    held = [
        some for some, one in found if one and one.low is not None and one.high is not None and one.low <= p <= one.high
    ]
    return float(stats.binom.pmf(held, n, p).sum())


def _held(estimates: list[Estimate | None], truth: float) -> float:
    ends = [(one.low, one.high) for one in estimates if one and one.low is not None and one.high is not None]
    return sum(low <= truth <= high for low, high in ends) / len(estimates)


def tables() -> str:
    """Both tables, as Markdown. The same seeds give the same tables."""
    rng = np.random.default_rng(SEED)
    lines = [
        f"Standardized gains, {SETS:,} data sets a cell, normal scores, seed {SEED}. Gain over: two groups of n each.",
        "",
        "| pairs | r | true gain | gain (SMCR) | gain over a comparison (d_ppc2) |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for n, r, change in product(PAIRS, CORRELATIONS, GAINS):
        found = of_gain(rng, n, r, change), of_gain_over(rng, n, r, change)
        lines.append(f"| {n} | {r} | {change} | {_shown(found[0])} | {_shown(found[1])} |")
    lines += ["", "Shares (Wilson), by enumeration of every possible count:", ""]
    lines += [f"| people | {' | '.join(f'p {p:.2f}' for p in SHARES)} |", "| ---: |" + " ---: |" * len(SHARES)]
    lines += [f"| {n} | {' | '.join(_shown(of_share(n, p)) for p in SHARES)} |" for n in PEOPLE]
    return "\n".join(lines) + "\n"


def _shown(covered: float) -> str:
    return f"{covered:.3f}" if covered >= 0.93 else f"**{covered:.3f}**"


def in_page() -> str:
    """The tables as the page has them."""
    text = PAGE.read_text()
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


if __name__ == "__main__":
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + BEGIN + tables() + rest[rest.index(END) :])
