"""Files that can be imported: a model of a row for each, with an example."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.intake.domain.kinds import ClockTime, Codes, Languages, Phone, SomeCodes, Zone
from services.intake.domain.sites import MESSAGES_A_DAY_MAX, PEOPLE_MAX
from shared.events.base import Code, Language
from shared.fields import Day, Email, Line, Whole
from shared.tables import Table


def _words(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = [word.partition("=") for word in value.split()]
    if any(not (name and sign and said) for name, sign, said in pairs):
        raise PydanticCustomError("not_pairs", "Write pairs such as age-band=25-34, with spaces between them.")
    if len({name for name, _, _ in pairs}) < len(pairs):
        raise PydanticCustomError("repeated", "Name each only once.")
    return {name: said for name, _, said in pairs}


def _yes_or_no(value: Any) -> Any:
    if isinstance(value, str) and value.lower() not in ("yes", "no"):
        raise PydanticCustomError("bool_parsing", "Give yes or no.")
    return value


Words = BeforeValidator(_words)
Pairs = BeforeValidator(_pairs)
YesOrNo = Annotated[bool, BeforeValidator(_yes_or_no)]


class Row(BaseModel):
    """One row of a file; `model_fields_set` are the columns that the file has, and another one says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SiteRow(Row):
    """A site."""

    code: Code = Field(description="code of the site, such as old-town; it never changes")
    name: Line = Field(description="its name as people say it")
    time_zone: Zone = Field(description="IANA name, such as Europe/Madrid")
    languages: Annotated[Languages, Words] = Field(
        description="two-letter codes with spaces between them, such as en es"
    )
    quiet_from: ClockTime | None = Field(None, description="from then on nobody is reminded; empty: as it is, or 20:00")
    quiet_until: ClockTime | None = Field(None, description="until then nobody is reminded; empty: as it is, or 09:00")
    messages_a_day: int | None = Field(
        None, ge=1, le=MESSAGES_A_DAY_MAX, description="at most, to one person; empty: as it is, or 1"
    )


class ProgramRow(Row):
    """A program."""

    code: Code = Field(description="code of the program; it never changes")
    name: Line = Field(description="its name as people say it")
    sites: Annotated[SomeCodes, Words] = Field(description="codes of the sites that offer it, with spaces between them")
    objectives: Annotated[Codes, Words] = Field(
        default_factory=list, description="codes of its objectives, with spaces between them"
    )
    comparison_program: Code | None = Field(
        None, description="code of the program that it is compared with, in a row further up or known already"
    )
    target_population: Annotated[Whole, Field(ge=0, le=PEOPLE_MAX)] | None = Field(
        None, description="how many people it is meant for"
    )
    target_population_source: Code | None = Field(None, description="code of where that number comes from")


class FacilitatorRow(Row):
    """A facilitator."""

    reference: Line = Field(description="how your own records name this person; it stays here and never changes")
    name: Line = Field(description="name")
    email: Email | None = Field(None, description="e-mail address")
    sites: Annotated[SomeCodes, Words] = Field(description="codes of their sites, with spaces between them")
    qualifications: Annotated[dict[Code, Day], Pairs] = Field(
        default_factory=dict,
        max_length=50,
        description="code=last valid day, with spaces between them, such as peer-support=2026-03-31",
    )


class ParticipantRow(Row):
    """A participant in a program. A second program is a second row with the same reference."""

    reference: Line = Field(description="how your own records name this person; it stays here and never changes")
    preferred_name: Line = Field(description="the name they like to be called")
    email: Email | None = Field(None, description="e-mail address")
    phone: Phone | None = Field(None, description="phone number")
    language: Language = Field(description="two-letter code of a language of the site")
    site: Code = Field(description="code of the site")
    program: Code = Field(description="code of the program")
    enrolled_on: Day = Field(description="day of the enrolment, YYYY-MM-DD")
    group: Code | None = Field(None, description="code of the group")
    attributes: Annotated[dict[Code, Code], Pairs] = Field(
        default_factory=dict,
        max_length=20,
        description="attribute=answer with spaces between them, such as age-band=26-40",
    )
    consent_reporting: YesOrNo = Field(description="yes or no: may be counted in reports")
    consent_contact_after: YesOrNo = Field(description="yes or no: may be contacted after the end")
    completed_on: Day | None = Field(None, description="day of completion, YYYY-MM-DD")
    withdrawn_on: Day | None = Field(None, description="last day of whoever left before the end, YYYY-MM-DD")

    @model_validator(mode="after")
    def _ends_once(self) -> "ParticipantRow":
        if self.completed_on and self.withdrawn_on:
            raise PydanticCustomError("ended_twice", "Give completed_on or withdrawn_on, not both.")
        return self

    @property
    def ended_on(self) -> date | None:
        """The last day, if the enrolment is over."""
        return self.completed_on or self.withdrawn_on


TABLES: dict[str, Table[Any]] = {
    "sites": Table(
        "sites",
        SiteRow,
        {
            "code": "old-town",
            "name": "Old Town",
            "time_zone": "Europe/Madrid",
            "languages": "es en",
            "quiet_from": "20:00",
            "quiet_until": "09:00",
            "messages_a_day": "1",
        },
    ),
    "programs": Table(
        "programs",
        ProgramRow,
        {
            "code": "new-roots",
            "name": "New Roots",
            "sites": "old-town",
            "objectives": "belonging coping",
            "comparison_program": "",
            "target_population": "4200",
            "target_population_source": "city-census-2021",
        },
    ),
    "facilitators": Table(
        "facilitators",
        FacilitatorRow,
        {
            "reference": "F-007",
            "name": "Ines Beltran",
            "email": "ines@example.org",
            "sites": "old-town",
            "qualifications": "peer-support=2027-03-31",
        },
    ),
    "participants": Table(
        "participants",
        ParticipantRow,
        {
            "reference": "P-0042",
            "preferred_name": "Marisol",
            "email": "marisol@example.org",
            "phone": "+34 600 123 456",
            "language": "es",
            "site": "old-town",
            "program": "new-roots",
            "enrolled_on": "2025-03-04",
            "group": "evening-circle",
            "attributes": "age-band=26-40",
            "consent_reporting": "yes",
            "consent_contact_after": "no",
            "completed_on": "",
            "withdrawn_on": "",
        },
    ),
}
"""Every kind of file that intake takes in."""
