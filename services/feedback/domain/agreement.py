"""Do two people who read the same text find the same in it? Cohen's kappa with its error, exactly as far as it goes.

kappa = (po - pe) / (1 - pe), standard error sqrt(po (1 - po) / (n (1 - pe)^2)), 95 % interval 1.96 errors to either
side (Cohen, 1960).
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

GOOD = Fraction(6, 10)
"""From here on two people mean the same by a theme; below it stays provisional."""
WIDTH = Decimal("1.96")


@dataclass(frozen=True, slots=True)
class Table:
    """How often both found a theme in a text, only the first, only the second, neither."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        """How many texts two people have coded."""
        return self.both + self.first + self.second + self.neither

    @property
    def observed(self) -> Fraction:
        """The share of texts on which they agree."""
        return Fraction(self.both + self.neither, self.n)

    @property
    def expected(self) -> Fraction:
        """The share on which they would agree if neither had read the text."""
        of_first, of_second = self.both + self.first, self.both + self.second
        agree = of_first * of_second + (self.n - of_first) * (self.n - of_second)
        return Fraction(agree, self.n**2)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Kappa and its 95 % interval; `why_not` says why there is none. Without `n` it must not be shown."""

    n: int | None
    kappa: Fraction | None
    error: Decimal | None
    why_not: str | None

    @property
    def low(self) -> Decimal | None:
        """Where the interval begins."""
        return None if self.kappa is None or self.error is None else as_decimal(self.kappa) - WIDTH * self.error

    @property
    def high(self) -> Decimal | None:
        """Where the interval ends."""
        return None if self.kappa is None or self.error is None else as_decimal(self.kappa) + WIDTH * self.error

    @property
    def is_provisional(self) -> bool:
        """Whether nobody should rely on the theme yet."""
        return self.kappa is None or self.kappa < GOOD


def agreement(table: Table) -> Agreement:
    """The agreement of two people beyond chance, or why it cannot be told."""
    if table.n == 0:
        return Agreement(0, None, None, "No text has been coded by two people yet.")
    observed, expected = table.observed, table.expected
    if expected == 1:
        found = "found it in every text" if table.both else "found it in none"
        sentence = f"Both {found} of {table.n}: agreement beyond chance cannot be told from that."
        return Agreement(table.n, None, None, sentence)
    kappa = (observed - expected) / (1 - expected)
    variance = observed * (1 - observed) / (table.n * (1 - expected) ** 2)
    return Agreement(table.n, kappa, as_decimal(variance).sqrt(), None)


def as_decimal(value: Fraction) -> Decimal:
    """An exact fraction with 28 digits."""
    return Decimal(value.numerator) / value.denominator
