"""What all of them do with a batch, over psycopg, and the clock that they stop when all is done."""

import gc
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psycopg
from pydantic import TypeAdapter

from benchmarks.consume.workload import ORGANISATION, Scored, statements

read = TypeAdapter(Scored).validate_json


@dataclass
class Task:
    """What the process was told, and how far it is."""

    settings: dict[str, int]
    dsn: str
    kafka: str
    count: int
    group: str
    done: int = 0
    began: float = field(default=0.0)

    def begin(self) -> None:
        """The first event is here."""
        self.began = self.began or time.perf_counter()

    def tick(self, n: int) -> None:
        """So many more are committed; after the last one, print and end."""
        self.done += n
        if self.done >= self.count:
            print("", time.perf_counter() - self.began, time.process_time(), "seconds", flush=True)
            os._exit(0)


def told() -> Task:
    """From the command line."""
    settings = {name: int(value) for name, value in (one.split("=") for one in sys.argv[1].split(","))}
    gc.set_threshold(settings.get("gc", gc.get_threshold()[0]))
    return Task(settings, sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])


def connect(task: Task) -> psycopg.Connection:
    """With the placeholders of PostgreSQL itself, as asyncpg has them."""
    return psycopg.connect(task.dsn, cursor_factory=psycopg.RawCursor, autocommit=True)


def write(connection: psycopg.Connection, values: Iterable[bytes]) -> None:
    """Read, fold, and three statements in a transaction."""
    events: Sequence[Scored] = [read(one) for one in values]
    with connection.transaction():
        for sql, columns in statements(events):
            connection.execute(sql, [ORGANISATION, *columns])
