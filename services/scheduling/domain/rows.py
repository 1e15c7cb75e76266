"""Files that can be imported: a model of a row for each, with an example."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.scheduling.domain.groups import FormGroup
from services.scheduling.domain.kinds import Capacity, ClockTime, Minutes, Weekday
from services.scheduling.domain.sessions import Reason
from shared.events.base import Code, ShortCode
from shared.events.scheduling import Attendance
from shared.fields import Day, Line
from shared.tables import Table


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Person = UUID | Annotated[ShortCode, StringConstraints(to_upper=True)]
"""A participant or a facilitator: their id, or their short code."""


class Row(BaseModel):
    """One row of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GroupRow(Row):
    """A group."""

    code: Code = Field(description="code of the group, such as evening-circle; it never changes")
    name: Line = Field(description="its name as people say it")
    program: Code = Field(description="code of the program")
    site: Code = Field(description="code of the site")
    capacity: Capacity = Field(description="how many places it has, 1 to 100")
    weekday: Weekday = Field(description="monday to sunday, or 1 to 7")
    starts_at: ClockTime = Field(description="when it starts, by the clock of the site, such as 18:00")
    minutes: Minutes = Field(description="how long it takes, 15 to 480")
    first_on: Day = Field(description="from which day on it meets, YYYY-MM-DD")

    @property
    def command(self) -> FormGroup:
        """What the row asks for; who leads the group stays as it is."""
        values = self.model_dump(exclude={"code", "starts_at"})
        return FormGroup(**values, starts_at_local=self.starts_at)


class SessionRow(Row):
    """A session. One that was held is recorded by its rows in the file of attendance."""

    group: Code = Field(description="code of the group")
    date: Day = Field(description="the day of the session at its site, YYYY-MM-DD")
    starts_at: ClockTime | None = Field(None, description="by the clock of the site; empty: as the group usually does")
    minutes: Minutes | None = Field(None, description="how long it took; empty: as the group usually does")
    status: Annotated[Literal["held", "cancelled", "scheduled"], BeforeValidator(_lower)] = Field(
        description="held, cancelled or scheduled"
    )
    facilitator: Person | None = Field(None, description="short code or id of whoever led it")
    reason: Reason | None = Field(
        None, description="of a cancelled one: facilitator-away, too-few-people, room-closed, holiday or other"
    )


class AttendanceRow(Row):
    """How one participant attended one session. The rows of a session stand together."""

    group: Code = Field(description="code of the group")
    date: Day = Field(description="the day of the session at its site, YYYY-MM-DD")
    participant: Person = Field(description="your reference of the participant; on the page their short code")
    status: Annotated[Attendance, BeforeValidator(_lower)] = Field(description="present, late, excused or absent")


TABLES: dict[str, Table[Any]] = {
    "groups": Table(
        "groups",
        GroupRow,
        {
            "code": "evening-circle",
            "name": "Evening Circle",
            "program": "new-roots",
            "site": "old-town",
            "capacity": "10",
            "weekday": "tuesday",
            "starts_at": "18:00",
            "minutes": "90",
            "first_on": "2025-01-07",
        },
    ),
    "sessions": Table(
        "sessions",
        SessionRow,
        {
            "group": "evening-circle",
            "date": "2025-03-04",
            "starts_at": "18:00",
            "minutes": "90",
            "status": "held",
            "facilitator": "",
            "reason": "",
        },
    ),
    "attendance": Table(
        "attendance",
        AttendanceRow,
        {"group": "evening-circle", "date": "2025-03-04", "participant": "KLM-482", "status": "present"},
    ),
}
"""Every kind of file that scheduling takes in."""
