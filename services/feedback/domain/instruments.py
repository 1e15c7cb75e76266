"""What an instrument is: its wording if it has one, how it is scored, and what a score means in plain words."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator
from pydantic_core import PydanticCustomError

from shared.events.base import Code
from shared.events.feedback import InstrumentPublished
from shared.identity import derived_id


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_min_length=1)


class Words(_Part):
    """The same words in every language that participants can choose."""

    en: str
    es: str

    def in_(self, language: str) -> str:
        """In this language; English if we do not speak it."""
        return self.es if language == "es" else self.en


class Item(_Part):
    """One question. A reversed one counts from the other end."""

    code: Code
    text: Words
    reverse: bool = False


class Option(_Part):
    """One answer that can be chosen, the same for all items."""

    value: int = Field(ge=0, le=100)
    label: Words


class Band(_Part):
    """What scores from one count to another say, in plain words."""

    lowest: int
    highest: int
    means: Words


class Instrument(_Part):
    """A version of an instrument. Its scores are counts of 1/unit points."""

    code: Code
    version: int = Field(ge=1)
    title: Words
    about: Words
    licence: str
    attribution: str
    items: tuple[Item, ...] = Field(description="empty for an instrument whose wording is not ours: totals are entered")
    options: tuple[Option, ...]
    scoring: Literal["sum", "mean"]
    unit: int = Field(ge=1, description="how many counts make one point: 1 for a sum, k for a mean of k items")
    minimum: int = Field(description="in counts")
    maximum: int = Field(description="in counts")
    higher_is_better: bool
    is_validated: bool
    note: Words | None = Field(None, description="what everybody who reads a score must know")
    bands: tuple[Band, ...] = ()
    limits: Words | None = Field(None, description="what a score does not mean")

    @computed_field  # type: ignore[prop-decorator]  # mypy cannot decorate a property
    @property
    def has_wording(self) -> bool:
        """Whether participants can answer it here."""
        return bool(self.items)

    @model_validator(mode="after")
    def _fits_together(self) -> "Instrument":
        for wrong in (self._wrong_scale(), self._wrong_wording(), self._wrong_bands()):
            if wrong:
                raise PydanticCustomError("inconsistent", "{wrong}", {"wrong": wrong})
        return self

    def _wrong_scale(self) -> str | None:
        if self.minimum >= self.maximum:
            return "minimum must be below maximum"
        if self.scoring == "sum" and self.unit != 1:
            return "the unit of a sum is 1"
        if not self.is_validated and self.note is None:
            return "an instrument that is not validated needs a note that says so"
        return None

    def _wrong_wording(self) -> str | None:
        if not self.items:
            return "options without items" if self.options else None
        values = [one.value for one in self.options]
        if len(values) < 2 or values != sorted(set(values)):
            return "options must be at least two, with rising values"
        if len({one.code for one in self.items}) < len(self.items):
            return "two items have the same code"
        if self.scoring == "mean" and self.unit != len(self.items):
            return f"the unit of a mean of {len(self.items)} items is {len(self.items)}"
        if (self.minimum, self.maximum) != (values[0] * len(self.items), values[-1] * len(self.items)):
            return "minimum and maximum are not what the items can add up to"
        if not self.bands or self.limits is None:
            return "people see their own score: bands and limits must say what it means and what it does not"
        return None

    def _wrong_bands(self) -> str | None:
        edges = [(one.lowest, one.highest) for one in self.bands]
        expected = self.minimum
        for lowest, highest in edges:
            if lowest != expected or highest < lowest:
                return f"bands must follow each other without a gap: one must begin at {expected}"
            expected = highest + 1
        return "bands must end at maximum" if edges and expected != self.maximum + 1 else None


Library = dict[str, Instrument]
"""The newest version of each instrument by its code."""


def published(organisation_id: UUID, instrument: Instrument) -> InstrumentPublished:
    """How others are told that an instrument can be asked here."""
    code, version = instrument.code, instrument.version
    same = ("code", "version", "unit", "minimum", "maximum", "higher_is_better", "is_validated")
    return InstrumentPublished(
        instrument_id=derived_id(organisation_id, "instrument", f"{code}:{version}"),
        comparable_versions=[],
        **{name: getattr(instrument, name) for name in same},
    )
