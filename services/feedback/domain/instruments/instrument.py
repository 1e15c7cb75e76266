"""An instrument: a versioned questionnaire, with its wording if it is here, and what it measures."""

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, Field, ValidationInfo, computed_field, model_validator
from pydantic_core import PydanticCustomError

from services.feedback.domain.instruments import checks
from services.feedback.domain.instruments.measure import Measure, measure
from services.feedback.domain.instruments.shapes import Item, Licence, Option, Part, Risk, Scale
from services.feedback.domain.instruments.words import Words
from shared.events.base import Code

TOTAL = "total"


class Range(BaseModel):
    """What follows from a definition: scores are counts of 1/unit points, from minimum to maximum."""

    unit: int
    minimum: int
    maximum: int
    higher_is_better: bool


class Instrument(Part):
    """A version of an instrument. Its scores are counts of 1/unit points."""

    code: Code
    version: int = Field(ge=1, le=10_000)
    comparable_with: tuple[int, ...] = Field((), description="earlier versions whose scores may be paired with these")
    title: Words
    about: Words
    recall: Words | None = Field(None, description="the time that the questions are about")
    asked_of: Literal["participants", "facilitators"] = "participants"
    licence: Licence
    items: tuple[Item, ...] = Field(min_length=1, max_length=100)
    options: tuple[Option, ...] = Field((), max_length=50, description="the answers to each item")
    scales: tuple[Scale, ...] = Field((), max_length=20)
    risk: tuple[Risk, ...] = ()
    is_validated: bool
    note: Words | None = Field(None, description="what everybody who reads a score must know")
    rights: Words | None = Field(None, description="what stands under the questions instead of the attribution")

    @computed_field  # type: ignore[prop-decorator]  # mypy cannot decorate a property
    @property
    def has_wording(self) -> bool:
        """Whether it can be answered here; else its totals are entered."""
        return all(one.text for one in self.items)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ranges(self) -> dict[str, Range]:
        """What each scale can be, in counts."""
        return {
            one.scale.code: Range(
                unit=one.unit,
                minimum=one.minimum,
                maximum=one.maximum,
                higher_is_better=one.scale.higher_is_better,
            )
            for one in self.measures
        }

    @cached_property
    def measures(self) -> tuple[Measure, ...]:
        """Its scales with what they are made of; words do not change them."""
        return tuple(measure(one, self.items, self.options) for one in self.scales)

    @property
    def total(self) -> Measure | None:
        """The scale of the whole; some instruments must not be added up."""
        return self.measure_of(TOTAL)

    def measure_of(self, scale: str) -> Measure | None:
        """One of its scales."""
        return next((one for one in self.measures if one.scale.code == scale), None)

    @property
    def questions(self) -> list[Item]:
        """The items that are answered by choosing."""
        return [one for one in self.items if one.kind == "choice"]

    @property
    def has_risk(self) -> bool:
        """Whether an answer that is given here can be one after which somebody must be told.

        Where only a total is entered nobody sees the item.
        """
        return bool(self.risk) and self.has_wording

    def options_of(self, item: Item) -> tuple[Option, ...]:
        """The answers to an item, in the order in which they are shown."""
        return item.options or self.options

    def may_leave_out(self, item: str) -> bool:
        """Whether an item may stay without an answer: a scale that it is part of says how it is then scored."""
        return any(one.scale.missing.max for one in self.measures if item in one.items)

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> "Instrument":
        is_shipped = bool(info.context and info.context.get("is_shipped"))
        wrong = [*checks.wrong(self)] or ([*checks.wrong_shipped(self)] if is_shipped else [])
        if wrong:
            raise PydanticCustomError("inconsistent", "{wrong}", {"wrong": "; ".join(wrong)})
        return self


def listed(values: Sequence[int]) -> str:
    """Values as a sentence lists them."""
    return ", ".join(map(str, values))
