"""How fast what falls due at the same moment is done: check-ins of so many people, month by month, at ten o'clock.

Every other month rings as a service does it, in crowds; the months between ring one by one.
Run: uv run python -m benchmarks.ringing [PEOPLE] [ROUNDS]
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import uvloop

from benchmarks.parts import fresh_database, parts, spread
from services.scheduling.handlers import HANDLERS
from services.scheduling.handlers.clocks import on_occasions
from shared import clock
from shared.database import Database, Tx
from shared.events import Event, Heard
from shared.inbox import handle
from shared.timers import Timer, TimerHandlers, Timers, Together
from tests.scheduling.examples import (
    ORGANISATION,
    battery_activated,
    enrolled,
    entry,
    program_published,
    site_opened,
    utc,
)

DUE = "occasion-due"
CROWD = 500  # enrolments that are heard at once


async def main(people: int, rounds: int) -> None:
    """Measure and print."""
    months = [entry(f"month-{one}", "monthly", months_after=one, ordinal=one) for one in range(1, 2 * rounds + 1)]
    with tempfile.NamedTemporaryFile("w") as file:
        os.environ["KITH_CLOCK_FILE"] = file.name
        at = partial(move, Path(file.name))
        at(utc("2025-01-07 15:00"))
        async with parts(kafka=False) as servers:
            database = await Database.open(
                (await fresh_database(servers, "scheduling")).dsn_machinery, size=3, name="bench"
            )
            await tell(database, site_opened(), program_published(), battery_activated(*months))
            for begin in range(0, people, CROWD):
                names = (f"person {number}" for number in range(begin, min(begin + CROWD, people)))
                await tell(database, *(enrolled(name, short_code="KLM-482") for name in names))
            await measure(database, at, people, rounds)
            await database.close()


async def measure(database: Database, at: Callable[[datetime], None], people: int, rounds: int) -> None:
    """Ring month after month, in turns."""
    together, one_by_one, ratios = list[float](), list[float](), list[float]()
    for number in range(1, 2 * rounds + 1):
        at(utc(f"{2025 + number // 12}-{number % 12 + 1:02}-20 15:00"))
        is_crowd = number % 2 == 1
        handlers: TimerHandlers = {DUE: Together(on_occasions) if is_crowd else by_itself}
        (together if is_crowd else one_by_one).append(await ring(Timers(database, handlers), people))
        if not is_crowd:
            ratios.append(one_by_one[-1] / together[-1])
    both = f"{spread(together)} s, one by one {spread(one_by_one)} s"
    print(f"{people:,} check-ins due at once: {both}: {spread(ratios, 1)} times")


async def ring(timers: Timers, people: int) -> float:
    """Seconds until everybody has been asked."""
    began, ran = time.perf_counter(), 0
    while more := await timers._one_round():
        ran += more
    assert ran == people, ran
    return time.perf_counter() - began


async def by_itself(tx: Tx, timer: Timer) -> None:
    """The same handler, for one at a time."""
    await on_occasions(tx, [timer])


def move(file: Path, moment: datetime) -> None:
    """Move the clock of this process to a moment."""
    file.write_text("0")
    file.write_text(str((moment - clock.now()).total_seconds()))


async def tell(database: Database, *events: Event) -> None:
    """Have them heard."""
    async with database.transaction(ORGANISATION) as tx:
        for kind in {type(one): None for one in events}:
            told = [Heard(one, uuid4(), ORGANISATION, clock.now(), 1) for one in events if type(one) is kind]
            await handle(HANDLERS, tx, told)


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    uvloop.run(main(*(given + [2_000, 5][len(given) :])))
