"""How small a number an organisation hides."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """`people_min`: cells of fewer people are hidden, and fewer changes wait; `zeros_hidden`: those of nobody, too."""

    people_min: int = 11
    zeros_hidden: bool = False

    @property
    def least(self) -> int:
        """Of how many people a cell is at least that is named without a number."""
        return 0 if self.zeros_hidden else 1

    def milder(self, other: "Rules") -> "Rules":
        """What both of them hide."""
        return Rules(min(self.people_min, other.people_min), self.zeros_hidden and other.zeros_hidden)

    def is_small(self, n: int) -> bool:
        """Whether a cell of so many people is hidden."""
        return n < self.people_min and (n > 0 or self.zeros_hidden)
