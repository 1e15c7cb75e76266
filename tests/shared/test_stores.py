"""The stores of tests: one that is used again is as new, and one whose shape was changed is not used again."""

import asyncpg
import pytest

from tests.stores import Stores


async def test_a_store_that_is_used_again_is_as_new(stores: Stores) -> None:
    store, made = await stores.open("parcels")
    admin = await asyncpg.connect(store.dsn_admin)
    put = """insert into machinery.outbox (lane, topic, key, version, headers, value, put_at)
             values (0, 't', 'k', 1, '{}', '', now()) returning id"""
    try:
        ids = [await admin.fetchval(put) for _ in range(2)]
        left_behind = await asyncpg.connect(store.dsn)
        await stores.take_back("parcels", store, made)
    finally:
        await admin.close()
    again, made = await stores.open("parcels")
    assert again.dsn == store.dsn
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await left_behind.fetchval("select 1")
    admin = await asyncpg.connect(again.dsn_admin)
    try:
        assert await admin.fetchval("select count(*) from machinery.outbox") == 0
        assert await admin.fetchval(put) <= ids[0]
    finally:
        await admin.close()
    await stores.take_back("parcels", again, made)


@pytest.mark.parametrize(
    "change",
    [
        "create table more (id int)",
        "alter table machinery.outbox add column more int",
        "grant select on machinery.outbox to public",
        "create or replace function machinery.more() returns int language sql as 'select 1'",
        "create policy more on machinery.outbox using (true)",
        "revoke connect on database {name} from public",
        "alter database {name} set work_mem = '8MB'",
        "delete from schema_migrations",
    ],
)
async def test_a_store_that_is_made_otherwise_is_not_used_again(stores: Stores, change: str) -> None:
    store, made = await stores.open("parcels")
    name = store.dsn.rpartition("/")[2]
    admin = await asyncpg.connect(store.dsn_admin)
    await admin.execute(change.format(name=name))
    await admin.close()
    await stores.take_back("parcels", store, made)
    assert name not in [one for one, _ in stores.spare["parcels"]]
