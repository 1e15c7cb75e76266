"""What all consumers do alike: one event of 12 fields, folded into three views by the same statements."""

import json
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

TOPIC, PARTITIONS, TYPE = "bench.scores", 12, "org.kith.bench-scored.v1"
ORGANISATION = UUID(int=7)
Code = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
TABLES = """
    create table people (organisation_id uuid not null, person_id uuid primary key, n int not null,
                         total bigint not null, squares bigint not null, last_score int not null);
    create table programs (organisation_id uuid not null, program_id uuid primary key, n bigint not null,
                           total bigint not null, squares bigint not null);
    create table days (organisation_id uuid not null, program_id uuid, day date, n bigint not null,
                       primary key (program_id, day));
"""
PEOPLE = """
    insert into people as v select $1, * from unnest($2::uuid[], $3::int[], $4::bigint[], $5::bigint[], $6::int[])
    on conflict (person_id) do update set n = v.n + excluded.n, total = v.total + excluded.total,
        squares = v.squares + excluded.squares, last_score = excluded.last_score
"""
PROGRAMS = """
    insert into programs as v select $1, * from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
    on conflict (program_id) do update set n = v.n + excluded.n, total = v.total + excluded.total,
        squares = v.squares + excluded.squares
"""
DAYS = """
    insert into days as v select $1, * from unnest($2::uuid[], $3::date[], $4::bigint[])
    on conflict (program_id, day) do update set n = v.n + excluded.n
"""


class Scored(BaseModel):
    """A score, as large and as strict as a real event of ours."""

    model_config = ConfigDict(frozen=True)

    scored_id: UUID
    person_id: UUID
    enrolment_id: UUID
    program_id: UUID
    site_id: UUID
    kind: Literal["baseline", "session", "monthly", "end", "follow-up"]
    code: Code
    ordinal: int = Field(ge=0)
    instrument: Code
    score: int = Field(ge=0, le=63)
    unit: int = Field(ge=1)
    answered_at: datetime


Statement = tuple[str, list[list[Any]]]
Record = tuple[bytes, bytes, list[tuple[str, bytes]]]


def statements(events: Iterable[Scored]) -> list[Statement]:
    """Many events as three statements: folded first, and in the order of the keys."""
    people: dict[UUID, list[int]] = {}
    programs: dict[UUID, list[int]] = {}
    days: dict[tuple[UUID, date], int] = {}
    for one in events:
        score, square = one.score, one.score * one.score
        person = people.setdefault(one.person_id, [0, 0, 0, 0])
        program = programs.setdefault(one.program_id, [0, 0, 0])
        for sums in (person, program):
            sums[0] += 1
            sums[1] += score
            sums[2] += square
        person[3] = score
        day = one.program_id, one.answered_at.date()
        days[day] = days.get(day, 0) + 1
    return [
        (PEOPLE, columns([(key, *sums) for key, sums in sorted(people.items(), key=lambda one: one[0].int)])),
        (PROGRAMS, columns([(key, *sums) for key, sums in sorted(programs.items(), key=lambda one: one[0].int)])),
        (DAYS, columns([(*key, n) for key, n in sorted(days.items(), key=lambda one: (one[0][0].int, one[0][1]))])),
    ]


def columns(rows: list[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows as the lists that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


def records(count: int, seed: int = 1) -> Iterable[Record]:
    """Key, value and headers of so many events, each of an aggregate of its own."""
    draw = random.Random(seed)
    people = [(uuid4(), uuid4()) for _ in range(20_000)]
    programs, sites = [uuid4() for _ in range(8)], [uuid4() for _ in range(40)]
    began = datetime(2025, 1, 1, tzinfo=UTC)
    for _ in range(count):
        own, (person, enrolment) = uuid4(), draw.choice(people)
        body = {
            "scored_id": str(own),
            "person_id": str(person),
            "enrolment_id": str(enrolment),
            "program_id": str(draw.choice(programs)),
            "site_id": str(draw.choice(sites)),
            "kind": "monthly",
            "code": "month-2",
            "ordinal": 2,
            "instrument": "phq-4",
            "score": draw.randrange(64),
            "unit": 1,
            "answered_at": (began + timedelta(minutes=draw.randrange(200_000))).isoformat(),
        }
        headers = {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_id": str(uuid4()),
            "ce_source": "/bench",
            "ce_type": TYPE,
            "ce_subject": str(own),
            "ce_time": "2025-03-04T18:00:00Z",
            "ce_organisation": str(ORGANISATION),
            "ce_aggregateversion": "1",
        }
        yield str(own).encode(), json.dumps(body).encode(), [(name, text.encode()) for name, text in headers.items()]
