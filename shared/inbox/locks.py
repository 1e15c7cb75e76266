"""Locks that a batch takes before it is handled, so that two processes of a service never wait for each other."""

from collections.abc import Iterable
from uuid import UUID

from shared.database import Tx

LOCK = 1702  # any number that nobody else locks
PLACES = 256  # people share them: a server has room for some thousands of locks in all, those of all stores on it


async def alone_with(tx: Tx, people: Iterable[UUID]) -> None:
    """No other batch is handled meanwhile that is about one of these, whether anything is known of them yet or not."""
    await _lock(tx, {one.int % PLACES for one in people})


async def alone_with_everybody(tx: Tx) -> None:
    """No other batch is handled meanwhile that is about anybody."""
    await _lock(tx, range(PLACES))


async def _lock(tx: Tx, places: Iterable[int]) -> None:
    """In the same order everywhere."""
    await tx.execute("select pg_advisory_xact_lock($1, place) from unnest($2::int[]) as place", LOCK, sorted(places))
