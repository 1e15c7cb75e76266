"""What came from Kafka, at a terminal: in its order, in full, and obeyed in nothing."""

import asyncio
import json
from typing import Any

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli.events import in_order
from deploy.cli.events.finding import Found
from shared import clock
from shared.inbox import store as inbox
from shared.inbox.decode import decode
from tests.local.test_mistakes import typed

CLEAR = "\x1b[2J"


def record(part: int, offset: int, timestamp: int, key: bytes = b"k", headers: Any = ()) -> Any:
    return ConsumerRecord("kith.groups", part, offset, timestamp, 0, key, b"{", None, 0, 0, headers)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5))))
def test_records_are_told_by_their_time_but_never_against_the_order_of_a_partition(told: list[Any]) -> None:
    batch = [record(part, offset, timestamp) for offset, (part, timestamp) in enumerate(told)]
    found = list(in_order(batch))
    assert sorted(one.offset for one in found) == list(range(len(batch)))
    for part in range(3):
        offsets = [one.offset for one in found if one.partition == part]
        assert offsets == sorted(offsets)
    if all(ours == sorted(ours) for ours in ([at for part, at in told if part == one] for one in range(3))):
        assert [one.timestamp for one in found] == sorted(one.timestamp for one in found)


def test_a_body_that_is_too_deep_to_be_laid_out_is_shown_as_it_is() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert list(Found("Kafka", "kith.groups", [], deep.encode()).lines())[1] == deep


async def test_what_is_parked_obeys_no_control_character(fresh_store: Any) -> None:
    opened = await fresh_store("feedback")
    incoming = decode(record(0, 0, 0, f"{CLEAR}k".encode(), [(f"na{CLEAR}me", b"\xff"), ("x", b"y")]))
    assert incoming.unreadable
    async with opened.machinery.transaction() as tx:
        await inbox.park(tx, [(incoming, incoming.unreadable)], clock.now())
    here = {"KITH_DATABASE_MACHINERY": opened.dsn_machinery}
    for words in (["list", "--service", "feedback"], ["show", "feedback", "kith.groups", f"{CLEAR}k"]):
        status, said = await asyncio.to_thread(typed, "parked", *words, **here)
        assert (status, "\x1b" in said) == (0, False)
        assert r"\x1b[2Jk" in said
    status, said = await asyncio.to_thread(typed, "parked", "list", "--service", "feedback", "--json", **here)
    assert json.loads(said)[0]["key"] == f"{CLEAR}k"
