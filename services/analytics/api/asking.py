"""What the questions to analytics have in common: who may ask, of what, and by which groups."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from services.analytics import store
from services.analytics.domain import Asked, Cut, Instrument, People
from services.analytics.domain.change import must_differ
from services.analytics.domain.definitions import BY_FIGURE
from services.analytics.store import Program, Seen
from shared.database import Tx
from shared.doors import allow
from shared.errors import NotFound
from shared.events.base import Code
from shared.security import Who

Analyst = Annotated[Who, Depends(allow("program-manager", "coordinator", "administrator"))]
OfProgram = Annotated[Code, Query(description="code of a program")]
OfInstrument = Annotated[Code, Query(description="code of an instrument")]
From = Annotated[Code, Query(alias="from", description="code of the first occasion, such as `baseline`")]
To = Annotated[Code, Query(alias="to", description="code of the later occasion, such as `month-2`")]
By = Annotated[
    Code | None,
    Query(
        description="a row for each group instead of one for all: `site`, `cohort` (quarter of enrolment), or an "
        "attribute of the organisation, such as `age-band`; for coordinators also `group`, and `facilitator`: the "
        "`facilitator_id` of who led the newest session of their group. People of whom it is not known are `unknown`"
    ),
]


def source(figure: str) -> str:
    """Where its formula comes from, as the definitions say."""
    return BY_FIGURE[figure].source


Defined = Annotated[str, Field(description="name and version of the formulas, as in docs/statistics.md")]
Suppressed = Annotated[
    bool, Field(description="too few people, or the numbers of too few people would follow from these")
]
OfGroup = Annotated[str | None, Field(description="which group of people, by what `by` asked for; null is everybody")]
NEWEST = "time of the newest event in the newest data; each row says up to when its own reach"


class Dated(BaseModel):
    """What every row says of itself. A number that waits is as of the release in which it moved last."""

    definition: Defined
    release: int | None = Field(
        description="in which the figures of this row moved last, or of several the one that moved first; null: they "
        "are as of now. How many are enrolled is as of the tables of people"
    )
    data_through: datetime | None = Field(description="time of the newest event in the data of these figures")


def dated(definition: str, cut: Cut) -> dict[str, Any]:
    """The fields of `Dated`."""
    return {"definition": definition, "release": cut.release, "data_through": cut.data_through}


@dataclass(frozen=True, slots=True)
class Question:
    """A question that makes sense: a program at a site of the reader, which asks the instrument at both occasions."""

    seen: Seen
    program: Program
    instrument: Instrument
    asked: Asked


async def question(tx: Tx, who: Who, program: str, instrument: str, *occasions: str) -> Question:
    """Check what is asked for, from the first of the occasions to the last; whatever is unknown is not found."""
    seen = await store.seen_by(tx, who)
    found = await store.get_program(tx, who.organisation_id, program, who.site_ids, seen)
    measured = await store.get_instrument(tx, found.program_id, instrument, seen)
    for occasion in occasions:
        if occasion not in found.occasions(instrument):
            raise NotFound("occasion")
    must_differ(*occasions)
    return Question(seen, found, measured, Asked(program, measured, occasions[0], occasions[-1]))


async def groups(
    tx: Tx, seen: Seen, program: Program, by: str | None, wanted: Collection[str]
) -> dict[str | None, People]:
    """The people of a program that the reader sees, as one group (None) or by what is asked for."""
    if by is None:
        return {None: await store.everybody(tx, program.program_id, seen, wanted)}
    if by not in await store.labels(tx, program.program_id, seen):
        raise NotFound("attribute")
    found = await store.by(tx, program.program_id, by, seen, wanted)
    return dict(found.items())
