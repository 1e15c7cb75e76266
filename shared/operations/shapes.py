"""What operators are told: the facts of one service, and for each thing that is wrong what it is and what to do."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from shared.fields import Line
from shared.operations.waiting import Done, Shown, Waiting, as_text, in_base64

Name = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
"""A topic or a key: whatever came from Kafka, so nothing is stripped from it."""


Process = Literal["answers", "away", "not-ready"]
"""What became of asking a process whether it lives and is ready."""


class Topic(BaseModel):
    """How far a service has come in a topic that it hears."""

    topic: str
    position: int  # events applied, over all partitions
    behind: int | None  # events in Kafka that are not applied; None while the broker does not answer
    behind_seconds: float | None  # age of the oldest of those
    moved_at: AwareDatetime


class Outbox(BaseModel):
    """What was said and has not left."""

    rows: int
    oldest_seconds: float
    oldest_topic: str | None  # where that one is to be said
    refused: int  # by the broker, for good: they wait for a person


class Parked(BaseModel):
    """What was heard and waits for a person."""

    keys: int
    events: int
    since: AwareDatetime | None


class Timers(BaseModel):
    """Due dates: how many are late, by how much, and how often one has failed."""

    overdue: int
    latest_seconds: float
    attempts_most: int


class Letters(BaseModel):
    """Messages to people that do not go out: the mail server is away, or has refused several."""

    held_up: int
    since: AwareDatetime | None  # when the first of them was first tried


class Schema(BaseModel):
    """Migrations: those that the store lacks, and those that it has and this program does not know."""

    applied: int | None  # None if the store is older than this question
    missing: list[str]
    unknown: list[str]


class Clocks(BaseModel):
    """By how many seconds the others' clocks are ahead of ours."""

    postgresql_seconds: float
    broker_seconds: float | None


class Finding(BaseModel):
    """Something that needs a person: a stable code, what is the matter, and what to do."""

    code: str
    what: str
    todo: str


class Health(BaseModel):
    """The facts of one service, and what follows from them."""

    service: str
    at: AwareDatetime
    processes: dict[str, Process] = {}  # of those that could be asked, by name
    store_answers: bool
    broker_answers: bool
    topics: list[Topic] = []
    outbox: Outbox | None = None
    parked: Parked | None = None
    timers: Timers | None = None
    letters: Letters | None = None
    schema_versions: Schema | None = None
    clocks: Clocks | None = None
    findings: list[Finding] = []


class WaitingKey(BaseModel):
    """A key whose events wait: heard ones that cannot take effect, or said ones that the broker refused."""

    side: Literal["heard", "said"]
    topic: str
    key: str
    reason: str
    field: str | None
    message: str
    since: AwareDatetime
    count: int
    behind: int
    first: str | None


class Header(BaseModel):
    """A header byte for byte, and as text if it is text."""

    name: str
    text: str | None
    base64: str | None


class WaitingEvent(BaseModel):
    """An event that waits, byte for byte, and as text if it is text."""

    name: str
    reason: str
    field: str | None
    message: str
    version: int | None
    event_id: str | None
    organisation_id: UUID
    since: AwareDatetime
    key_base64: str | None
    headers: list[Header]
    value_text: str | None
    value_base64: str | None


class WaitingKeys(BaseModel):
    """All keys that wait; `elsewhere` counts those of other organisations, which their own operators see."""

    keys: list[WaitingKey]
    elsewhere: int


class WaitingEvents(BaseModel):
    """A key with the first of its events."""

    key: WaitingKey
    events: list[WaitingEvent]


class Outcome(BaseModel):
    """What became of the events of a key."""

    handled: int
    passed_over: int
    said_again: int
    dropped: int
    left: int
    blocked_by: WaitingKey | None


class Replay(BaseModel):
    """Let the events of a key take effect; with `accept_gap` the versions missing before the first are given up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: Name
    key: Name
    accept_gap: bool = False
    reason: Line | None = None


class Drop(BaseModel):
    """Give up all events of a key, or only the first one, by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    topic: Name
    key: Name
    reason: Line
    only: Annotated[str, StringConstraints(max_length=60)] | None = None


def key_shown(found: Waiting) -> WaitingKey:
    """A key as JSON."""
    return WaitingKey.model_validate(found, from_attributes=True)


def event_shown(shown: Shown) -> WaitingEvent:
    """An event as JSON."""
    return WaitingEvent(
        name=shown.name,
        reason=shown.reason,
        field=shown.field,
        message=shown.message,
        version=shown.version,
        event_id=shown.event_id,
        organisation_id=shown.organisation_id,
        since=shown.since,
        key_base64=in_base64(shown.key),
        headers=[Header(name=name, text=as_text(value), base64=in_base64(value)) for name, value in shown.headers],
        value_text=shown.text,
        value_base64=in_base64(shown.value),
    )


def outcome_shown(done: Done) -> Outcome:
    """What became of a key, as JSON."""
    return Outcome.model_validate(done, from_attributes=True)
