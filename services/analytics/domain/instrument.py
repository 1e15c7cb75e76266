"""What a score means: a count of 1/unit points, which way is better, and the figures that were published of it."""

from dataclasses import dataclass

from services.analytics.domain.reliable import Threshold


@dataclass(frozen=True, slots=True)
class Instrument:
    """A version of an instrument, as it was published."""

    code: str
    version: int
    unit: int
    minimum: int
    maximum: int
    higher_is_better: bool
    is_validated: bool
    comparable_versions: tuple[int, ...] = ()
    reliable_change: int | None = None
    caseness: int | None = None
    other_versions: tuple[int, ...] = ()
    """Those whose scores may not be taken together with those of this one: they are in no figure of it."""

    @property
    def title(self) -> str:
        """As people say it: the known ones go by their initials, ours by their names."""
        return self.code.upper() if self.is_validated else self.code.replace("-", " ").capitalize()

    @property
    def digits(self) -> int:
        """After the point of a mean: two where a score is a mean of items, or no more than ten points are there."""
        return 2 if self.unit > 1 or self.maximum - self.minimum <= 10 else 1

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return 1 if self.higher_is_better else -1

    @property
    def threshold(self) -> Threshold | None:
        """What is reliable for one person. None where no source says it: it is never invented."""
        return None if self.reliable_change is None else Threshold(self.reliable_change, self.sign, self.caseness)
