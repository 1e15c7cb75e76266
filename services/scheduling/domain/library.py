"""The activity library: what a session can be made of, and the plan that it has when nobody made one."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.scheduling.domain.shapes import Plan
from shared.errors import FieldError, Invalid
from shared.events.base import Code
from shared.fields import Line, Text


class Activity(BaseModel):
    """Something that a group does together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Code
    title: Line
    minutes: int = Field(ge=1, le=120)
    objective: Code
    what_to_do: Text = Field(min_length=40)


class Library(BaseModel):
    """All icebreakers and activities that ship with Kith."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    icebreakers: tuple[Activity, ...] = Field(min_length=1)
    activities: tuple[Activity, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _codes_are_distinct(self) -> Self:
        codes = [one.code for one in (*self.icebreakers, *self.activities)]
        if twice := {code for code in codes if codes.count(code) > 1}:
            raise ValueError(f"these codes are used twice: {', '.join(sorted(twice))}")
        return self

    def icebreaker(self, code: str) -> Activity | None:
        """The icebreaker with this code."""
        return next((one for one in self.icebreakers if one.code == code), None)

    def activity(self, code: str) -> Activity | None:
        """The activity with this code."""
        return next((one for one in self.activities if one.code == code), None)


def default_plan(library: Library, number: int, minutes: int) -> Plan:
    """An icebreaker and two activities for the `number`-th session; the second only if there is time for it."""
    icebreaker = library.icebreakers[number % len(library.icebreakers)]
    many = len(library.activities)
    first, second = (library.activities[(2 * number + place) % many] for place in (0, 1))
    fits = icebreaker.minutes + first.minutes + second.minutes <= minutes
    return Plan(icebreaker.code, (first.code, second.code) if fits else (first.code,))


def check_plan(library: Library, plan: Plan) -> None:
    """Every code must be in the library."""
    errors = []
    if library.icebreaker(plan.icebreaker) is None:
        errors.append(FieldError("icebreaker", "unknown-icebreaker", "Choose an icebreaker of the library."))
    for place, code in enumerate(plan.activities):
        if library.activity(code) is None:
            where = f"activities.{place}"
            errors.append(FieldError(where, "unknown-activity", f"The library has no activity {code}."))
    if errors:
        raise Invalid(*errors)
