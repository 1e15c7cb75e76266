"""Events of a batch are handled type by type, and still in the order of each aggregate."""

import itertools
from collections import defaultdict
from typing import Any
from uuid import UUID, uuid4

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from shared.events.base import Event, Heard
from shared.identity import NIL
from shared.inbox import store
from shared.inbox.batch import erasures_last, turns
from shared.inbox.decode import Incoming
from tests.shared.conftest import AT, ORGANISATION


class Packed(Event):
    """A parcel was packed."""


class Sent(Event):
    """A parcel was sent."""


class Opened(Event):
    """A parcel was opened."""


class Forgotten(Event):
    """A parcel was forgotten: nothing about it has an effect any more."""

    erases = True


def incoming(key: int, event: Event, version: int) -> Incoming:
    record: Any = ConsumerRecord("parcels", 0, version, 0, 0, None, None, None, 0, 0, ())
    return Incoming(record, str(UUID(int=key)), NIL, Heard(event, uuid4(), ORGANISATION, AT, version), None)


async def test_a_batch_reads_what_is_known_of_its_own_aggregates_alone(fresh_store: Any) -> None:
    opened, every = await fresh_store(), [("parcels", str(number)) for number in range(5_000)]
    batch = every[:200]
    async with opened.machinery.transaction(ORGANISATION) as tx:
        for _ in range(10):  # so often is a statement planned anew: here while there is nothing to read
            await store.standing(tx, batch)
        await store.save_versions(tx, dict.fromkeys(every, 1))
        for _ in range(10):
            assert await store.standing(tx, batch) == (dict.fromkeys(batch, 1), set())
        read = await tx.fetchval("select seq_tup_read from pg_stat_xact_user_tables where relname = 'seen_versions'")
    assert read == 0


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([Packed, Sent, Opened]))))
def test_every_event_has_its_turn_after_the_earlier_ones_of_its_aggregate(history: list[tuple[int, Any]]) -> None:
    versions: dict[int, int] = defaultdict(int)
    batch = []
    for key, kind in history:
        versions[key] += 1
        batch.append(incoming(key, kind(), versions[key]))
    parts = list(turns(batch))
    assert all(len({type(heard.event) for heard in together}) == 1 for together in parts)
    place = {heard.id: number for number, heard in enumerate(itertools.chain(*parts))}
    assert place.keys() == {one.heard.id for one in batch if one.heard}
    for key in versions:
        own = [place[one.heard.id] for one in batch if one.heard and one.key == str(UUID(int=key))]
        assert own == sorted(own)


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from([Packed, Sent, Forgotten]))))
def test_who_is_erased_in_a_batch_is_so_at_once_and_what_follows_of_theirs_finds_it_done(
    history: list[tuple[int, Any]],
) -> None:
    batch = [incoming(key, kind(), version) for version, (key, kind) in enumerate(history, 1)]
    parts = [list(part) for part in erasures_last(batch)]
    assert all(parts)
    assert len([part for part in parts if any(one.heard and one.heard.event.erases for one in part)]) <= 1
    place = {one.record.offset: number for number, part in enumerate(parts) for one in part}
    assert sum(map(len, parts)) == len(place) == len(batch)
    for key in range(1, 6):
        own = [one for one in batch if one.key == str(UUID(int=key))]
        began = next((at for at, one in enumerate(own) if one.heard and one.heard.event.erases), len(own))
        erased = [one for one in own if one.heard and one.heard.event.erases]
        for one in erased:
            assert all(place[before.record.offset] < place[one.record.offset] for before in own[:began])
            late = [later for later in own[began:] if later not in erased]
            assert all(place[later.record.offset] > place[one.record.offset] for later in late)


def test_one_type_of_many_aggregates_is_one_turn() -> None:
    batch = [incoming(key, kind(), version) for version, kind in enumerate((Packed, Sent), 1) for key in range(1, 50)]
    assert [(type(together[0].event), len(together)) for together in turns(batch)] == [(Packed, 49), (Sent, 49)]
