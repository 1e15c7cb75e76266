"""The file of check-ins: its columns, and which of its rows make up one check-in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from services.feedback.domain.check_in import EnterCheckIn
from services.feedback.domain.kinds import Points, moment_of
from shared.errors import FieldError, Refusal
from shared.events.base import Code
from shared.fields import Day, Line, field_errors
from shared.tables import Outcome, RefusedRow, Report, Table, read


class CheckInRow(BaseModel):
    """One score of one check-in. A check-in with several scores has its rows beside each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant: Line | None = Field(
        None, description="your reference of the participant; on the page their short code"
    )
    program: Code | None = Field(None, description="code of the program")
    occasion: Code = Field(description="code of the occasion, such as baseline or session-3; or its id, alone")
    instrument: Code = Field(description="code of the instrument, such as phq-4")
    total: Points = Field(description="the score in points; a mean with four decimals, such as 2.3333")
    answered_on: Day = Field(description="day of the answer, YYYY-MM-DD")
    scale: Code | None = Field(None, description="code of the part that the score is of; empty is the whole")

    @property
    def field(self) -> str:
        """What the score is called in a command."""
        return f"scales.{self.instrument}.{self.scale}" if self.scale else f"totals.{self.instrument}"

    @property
    def occasion_id(self) -> UUID | None:
        """The id of the occasion, if the row gives that."""
        try:
            return UUID(self.occasion) if len(self.occasion) == 36 else None
        except ValueError:
            return None

    @model_validator(mode="after")
    def _names_one_occasion(self) -> "CheckInRow":
        if self.occasion_id is None and not (self.participant and self.program):
            raise PydanticCustomError("occasion_of_whom", "Give the participant and the program, or an occasion's id.")
        return self


TABLES: dict[str, Table[Any]] = {
    "check-ins": Table(
        "check-ins",
        CheckInRow,
        {
            "participant": "P-0042",
            "program": "new-roots",
            "occasion": "baseline",
            "instrument": "phq-4",
            "total": "7",
            "answered_on": "2025-03-04",
            "scale": "",
        },
    )
}
"""Every kind of file that feedback takes in."""


@dataclass(slots=True)
class Answered:
    """Rows that make up one check-in, with their lines."""

    rows: dict[int, CheckInRow]

    @property
    def first(self) -> CheckInRow:
        """The row that says which occasion it is."""
        return next(iter(self.rows.values()))

    def command(self, occasion_id: UUID, time_zone: str, now: datetime) -> EnterCheckIn:
        """What these rows ask to be entered."""
        scales: dict[str, dict[str, Decimal]] = {}
        for row in self.rows.values():
            if row.scale:
                scales.setdefault(row.instrument, {})[row.scale] = row.total
        return EnterCheckIn(
            occasion_id=occasion_id,
            totals={row.instrument: row.total for row in self.rows.values() if not row.scale},
            scales=scales,
            answered_at=moment_of("answered_on", self.first.answered_on, time_zone, now),
        )


@dataclass(slots=True)
class Batch:
    """A file on its way in: what is to be tried, and what has become of it so far."""

    check_ins: list[Answered] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    def took(self, one: Answered, outcome: Outcome) -> None:
        """This check-in is in, or was before."""
        self.report.took(outcome, len(one.rows))

    def refuse(self, one: Answered, refusal: Refusal) -> None:
        """This check-in is left out; each of its rows says so."""
        errors = refusal.errors or (FieldError("", refusal.code, refusal.message),)
        for line, row in one.rows.items():
            own = [error for error in errors if error.field == row.field] or errors
            self.report.refused += [RefusedRow(line, _column(error), error.code, error.message) for error in own]


def read_check_ins(data: bytes, first_line: int = 1) -> Batch:
    """The check-ins of a file; rows that cannot be read are refused, and with them what belongs to them."""
    batch = Batch()
    for occasion, rows, refused in _groups(data, first_line):
        batch.report.refused += refused
        if refused:
            message = f"Another row of this check-in ({occasion}) was refused: correct that first."
            batch.report.refused += [RefusedRow(line, "", "other-row-refused", message) for line in rows]
        else:
            batch.check_ins.append(Answered(rows))
    return batch


Group = tuple[str, dict[int, CheckInRow], list[RefusedRow]]


def _groups(data: bytes, first_line: int) -> Iterator[Group]:
    """Rows beside each other of one occasion; a score that comes again begins anew."""
    key: tuple[str | None, ...] = ()
    scores: set[tuple[str | None, ...]] = set()
    rows: dict[int, CheckInRow] = {}
    refused: list[RefusedRow] = []
    for line, cells in read(data, list(TABLES["check-ins"].columns), first_line):
        own = tuple(cells.get(name) for name in ("participant", "program", "occasion", "answered_on"))
        score = (cells.get("instrument"), cells.get("scale"))
        if (rows or refused) and (own != key or score in scores):
            yield key[2] or "", rows, refused
            scores, rows, refused = set(), {}, []
        key = own
        scores.add(score)
        try:
            rows[line] = CheckInRow.model_validate(cells)
        except ValidationError as error:
            refused += [RefusedRow(line, _column(one), one.code, one.message) for one in field_errors(error.errors())]
    if rows or refused:
        yield key[2] or "", rows, refused


def _column(error: FieldError) -> str:
    """The column that an error of a check-in is about."""
    kind, _, _ = error.field.partition(".")
    if kind in ("totals", "scales"):
        return {"scale-unknown": "scale"}.get(error.code) or (
            "instrument" if error.code.startswith("instrument-") else "total"
        )
    return {"answered_at": "answered_on", "body": ""}.get(kind, kind)


def one_of(occasions: Sequence[UUID]) -> UUID:
    """The one occasion that a participant, a program and a code name."""
    if not occasions:
        raise Refusal(
            "occasion-not-found",
            "No such check-in has fallen due for this participant: check the columns participant, program, occasion.",
        )
    if len(occasions) > 1:
        raise Refusal("occasion-ambiguous", "This participant has two such check-ins: give the id of the occasion.")
    return occasions[0]
