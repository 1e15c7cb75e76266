"""Batteries: what a program asks when, as it is, and as it was before it changed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.scheduling.domain.occasions import Entry
from shared.database import Record, Tx, made_of
from shared.events.feedback import AttributeIs, ScoreWas

_ASKS = (
    "occasion", "kind", "ordinal", "instruments", "months_after", "window_days", "since", "days_after", "every",
    "after_sessions", "repeats_months", "times", "reminders", "only_attribute", "only_score",
)  # fmt: skip
_COLUMNS = ", ".join(_ASKS)


async def find_battery(tx: Tx, program_id: UUID) -> list[Entry]:
    """The battery of a program, empty until it has been heard of; then its earlier entries, which have an end."""
    rows = await tx.fetch(
        f"""select {_COLUMNS}, null::timestamptz as until, place from battery_entries where program_id = $1
            union all select {_COLUMNS}, until, place from earlier_entries where program_id = $1
            order by until nulls first, place""",
        program_id,
    )
    return [_entry(row) for row in rows]


async def save_battery(tx: Tx, organisation: UUID, program_id: UUID, entries: Sequence[Entry]) -> None:
    """The battery of a program as it is now."""
    await tx.execute("delete from battery_entries where program_id = $1", program_id)
    await _add(tx, "battery_entries", [(organisation, program_id, None, entry) for entry in entries])


async def add_earlier_entries(tx: Tx, organisation: UUID, program_id: UUID, ended: Sequence[Entry]) -> None:
    """What the battery of a program had until now."""
    await _add(tx, "earlier_entries", [(organisation, program_id, entry.until, entry) for entry in ended])


async def _add(tx: Tx, table: str, entries: Sequence[tuple[UUID, UUID, Any, Entry]]) -> None:
    keys = ("organisation_id", "program_id", *(("until",) if table == "earlier_entries" else ()), "place")
    columns = (*keys, *_ASKS)
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    rows = []
    for place, (organisation, program_id, until, entry) in enumerate(entries):
        own = (organisation, program_id, *((until,) if until else ()), place)
        rows.append((*own, *(_value(getattr(entry, name)) for name in _ASKS)))
    await tx.executemany(
        f"insert into {table} ({', '.join(columns)}) values ({places}) on conflict do nothing",
        rows,
    )


def _value(value: Any) -> Any:
    if isinstance(value, AttributeIs | ScoreWas):
        return value.model_dump()
    return list(value) if isinstance(value, tuple) else value


def _entry(row: Record) -> Entry:
    asked, scored = row["only_attribute"], row["only_score"]
    return made_of(
        Entry,
        row,
        instruments=tuple(row["instruments"]),
        reminders=tuple(row["reminders"]),
        only_attribute=AttributeIs.model_validate(asked) if asked else None,
        only_score=ScoreWas.model_validate(scored) if scored else None,
    )
