"""What analytics says: that figures were released."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.base import Event, Part, event

RELEASES = "kith.releases"


class ReleasedProgram(Part):
    """A program in a release."""

    program_id: UUID
    people: int | None = Field(ge=0, description="people counted, as shown in this release; null: hidden")


@event("figures-released", topic=RELEASES, key="organisation_id")
class FiguresReleased(Event):
    """What most readers see has moved. The figures themselves are read from analytics; what is hidden there is here."""

    organisation_id: UUID
    release: int = Field(ge=1, description="its number in the organisation")
    data_through: AwareDatetime | None = Field(description="time of the newest event in its data")
    people_min: int = Field(ge=1, description="groups of fewer people are hidden, and changes of fewer wait")
    programs: list[ReleasedProgram] = Field(max_length=10_000)
