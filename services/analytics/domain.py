"""What the facts add up to: exact sums in, figures with their uncertainty out."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import sqrt

from scipy.special import stdtrit

PEOPLE_MIN = 11
"""A cell with fewer people than this shows a sentence instead of numbers."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """What a score means: a count of 1/unit points, and which way is better."""

    code: str
    version: int
    unit: int
    minimum: int
    maximum: int
    higher_is_better: bool
    is_validated: bool
    comparable_versions: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """As people say it: the known ones go by their initials, ours by their names."""
        return self.code.upper() if self.is_validated else self.code.replace("-", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Sums:
    """Exact sufficient statistics of one pair of occasions, in counts of the instrument's unit.

    `first` and `later` are sums over the paired; `change` and `change_squared` are sums of later minus first.
    """

    n_enrolled: int
    n_first: int
    n_later: int
    n_paired: int
    first: int
    later: int
    change: int
    change_squared: int


@dataclass(frozen=True, slots=True)
class Change:
    """One row: how a score changed between two occasions. None is a number that must not be shown, or is none."""

    program: str
    instrument: str
    first_occasion: str
    later_occasion: str
    n_enrolled: int | None
    n_first: int | None
    n_later: int | None
    n_paired: int | None
    mean_first: float | None
    mean_later: float | None
    mean_change: float | None
    change_low: float | None
    change_high: float | None
    suppressed: bool
    data_through: datetime | None


def change(
    program: str, instrument: Instrument, occasions: tuple[str, str], sums: Sums, data_through: datetime | None
) -> Change:
    """The mean change of the paired with its 95 % interval (Student's t), signed so that more is better.

    Points of the instrument. Source: research/domain.md section 4, notation; the paired t interval is textbook.
    """
    n = sums.n_paired
    is_hidden = n < PEOPLE_MIN
    means = (None, None, None, None, None) if is_hidden else _means(instrument, sums)
    mean_first, mean_later, mean_change, low, high = means
    return Change(
        program=program,
        instrument=instrument.code,
        first_occasion=occasions[0],
        later_occasion=occasions[1],
        n_enrolled=_shown(sums.n_enrolled),
        n_first=_shown(sums.n_first),
        n_later=_shown(sums.n_later),
        n_paired=_shown(n),
        mean_first=mean_first,
        mean_later=mean_later,
        mean_change=mean_change,
        change_low=low,
        change_high=high,
        suppressed=is_hidden,
        data_through=data_through,
    )


def _means(instrument: Instrument, sums: Sums) -> tuple[float, float, float, float, float]:
    n, sign = sums.n_paired, 1 if instrument.higher_is_better else -1
    mean = sign * Fraction(sums.change, n * instrument.unit)
    squares = sums.change_squared - Fraction(sums.change**2, n)
    variance = squares / (n - 1) / instrument.unit**2
    margin = float(stdtrit(n - 1, 0.975)) * sqrt(variance / n)
    return (
        float(Fraction(sums.first, n * instrument.unit)),
        float(Fraction(sums.later, n * instrument.unit)),
        float(mean),
        float(mean) - margin,
        float(mean) + margin,
    )


def _shown(count: int) -> int | None:
    return count if count >= PEOPLE_MIN else None
