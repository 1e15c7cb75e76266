"""What an event is: a fact in the past tense, frozen, without a person's name in it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, ClassVar, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Code = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
"""A coded word of the trade, such as `old-town`, `month-2`, `bdi-ii`."""
ShortCode = Annotated[str, Field(pattern=r"^[A-Z]{3}-[0-9]{3}$")]
"""What other services call a participant on their pages: three letters and three digits, minted by intake."""
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
TimeZone = Annotated[str, Field(pattern=r"^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
LocalTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Event(BaseModel):
    """One fact. The class is the schema; the envelope (id, time, version, organisation) travels beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wire: ClassVar[str]
    topic: ClassVar[str]
    speaker: ClassVar[str]
    key_field: ClassVar[str]
    erases: ClassVar[bool] = False  # whoever it is about has no effect any more
    _tells_of_one: ClassVar[bool]
    _names_many: ClassVar[bool]

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Look at the fields once a class: events ask for every one of them."""
        cls._tells_of_one = "participant_id" in cls.model_fields
        cls._names_many = "attendance" in cls.model_fields

    @property
    def key(self) -> UUID:
        """The id of the aggregate that this happened to."""
        value = getattr(self, self.key_field)
        assert isinstance(value, UUID)
        return value

    @property
    def about(self) -> tuple[UUID, ...]:
        """Once one of these is erased the event has no effect: its aggregate, and the participant it tells of."""
        participant: UUID | None = self.participant_id if self._tells_of_one else None  # type: ignore[attr-defined]
        return (self.key,) if participant is None else (self.key, participant)

    @property
    def naming(self) -> tuple[UUID, ...]:
        """Participants whom it names among others."""
        return tuple(one.participant_id for one in self.attendance) if self._names_many else ()  # type: ignore[attr-defined]

    @classmethod
    def ce_type(cls) -> str:
        """The CloudEvents type, such as `org.kith.session-held.v1`."""
        return f"org.kith.{cls.wire}.v1"


class Part(BaseModel):
    """A repeated part of an event's body."""

    model_config = ConfigDict(frozen=True, extra="forbid")


E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)


class Heard(NamedTuple, Generic[E_co]):
    """An event as it was heard: the fact and its envelope."""

    event: E_co
    id: UUID
    organisation_id: UUID
    happened_at: datetime
    version: int


CATALOGUE: dict[str, type[Event]] = {}
"""Every event by its CloudEvents type."""


def event(wire: str, *, topic: str, key: str) -> Callable[[type[E]], type[E]]:
    """Enter an event class into the catalogue under its name on the wire."""

    def enter(cls: type[E]) -> type[E]:
        cls.wire, cls.topic, cls.key_field = wire, topic, key
        cls.speaker = cls.__module__.rpartition(".")[2]
        CATALOGUE[cls.ce_type()] = cls
        return cls

    return enter
