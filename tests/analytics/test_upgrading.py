"""A store whose view was put in place by an earlier version comes to the newest one."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.analytics.store import FACTS
from shared import clock
from shared.database import SERVICES, SHARED_MIGRATIONS, migrate
from tests.stores import Store

SHARED_THEN = "0009_floods.sql"  # a rebuild of that version left the names to PostgreSQL
INDEXES = """
    select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by tablename, indexname
"""
Until = Callable[[str], None]


@pytest.fixture
def program_of_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Until:
    """A function that makes this the program that had no files of analytics after this one."""

    def until(last: str) -> None:
        for source, newest, there in (
            (SHARED_MIGRATIONS, SHARED_THEN, tmp_path / "shared"),
            (SERVICES / "analytics" / "migrations", last, tmp_path / "analytics" / "migrations"),
        ):
            shutil.rmtree(there, ignore_errors=True)
            there.mkdir(parents=True)
            for file in source.glob("*.sql"):
                if file.name <= newest and not file.name.startswith("0016b"):
                    shutil.copy(file, there)
        monkeypatch.setattr("shared.database.SHARED_MIGRATIONS", tmp_path / "shared")
        monkeypatch.setattr("shared.database.SERVICES", tmp_path)

    return until


async def empty(store: Store) -> str:
    """A database beside this one, with nothing in it."""
    admin = await asyncpg.connect(store.dsn_admin)
    name = f"then_{uuid4().hex[:12]}"
    await admin.execute(f"create database {name} owner analytics_owner")
    await admin.close()
    return f"{store.dsn_admin.rpartition('/')[0]}/{name}"


async def ask(dsn: str, sql: str, *args: Any) -> Any:
    """Rows of a statement of an administrator."""
    admin = await asyncpg.connect(dsn)
    rows = await admin.fetch(sql, *args)
    await admin.close()
    return rows


async def begin(dsn: str) -> None:
    """As `kith rebuild` begins it."""
    await ask(dsn, "select machinery.begin_rebuild('facts', $1, $2)", list(FACTS), clock.now())


async def test_a_view_that_was_put_in_place_before_an_index_was_dropped_by_its_name(
    fresh_store: Any, program_of_then: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await fresh_store("analytics")
    dsn = await empty(store)
    program_of_then("0016_answered_without_a_score.sql")
    await migrate(dsn, "analytics", "analytics_owner")
    await begin(dsn)
    await ask(dsn, "select machinery.switch_rebuild('facts')")
    await ask(dsn, "select machinery.drop_rebuild('facts')")
    assert not await ask(dsn, "select from pg_indexes where indexname = 'scores_by_cell'")
    monkeypatch.undo()
    await migrate(dsn, "analytics", "analytics_owner")
    assert await ask(dsn, INDEXES) == await ask(store.dsn_admin, INDEXES)


@pytest.mark.parametrize("is_begun_before", [True, False])
async def test_a_view_that_was_put_in_place_after_an_index_was_dropped(
    fresh_store: Any, program_of_then: Until, monkeypatch: pytest.MonkeyPatch, is_begun_before: bool
) -> None:
    store = await fresh_store("analytics")
    dsn = await empty(store)
    program_of_then("0016_answered_without_a_score.sql")
    await migrate(dsn, "analytics", "analytics_owner")
    if is_begun_before:
        await begin(dsn)
    program_of_then("0017_an_index_that_nobody_reads.sql")
    await migrate(dsn, "analytics", "analytics_owner")
    if not is_begun_before:
        await begin(dsn)
    await ask(dsn, "select machinery.switch_rebuild('facts')")
    monkeypatch.undo()
    await migrate(dsn, "analytics", "analytics_owner")
    assert await ask(dsn, INDEXES) == await ask(store.dsn_admin, INDEXES)
