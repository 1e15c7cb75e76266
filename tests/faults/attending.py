"""A group that has met: its attendance is recorded, and corrected again and again while people come and go."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4, uuid5
from zoneinfo import ZoneInfo

from shared import clock
from tests.faults.driver import SCHEDULING, SITES, Driver, Tenant, Write
from tests.faults.installation import Installation

SITE = "old-town"
EARLIER_SECONDS = 90.0  # as far as F15 lets two services differ
STATUSES = ("present", "late", "excused", "absent")
AGAIN_SECONDS = 1.5


async def meet(driver: Driver) -> None:
    """Form a group that has met in each organisation, and begin to say who came."""
    async with a_moment_ago(driver.installation):
        for tenant in driver.tenants:
            await form_group_that_met(driver, tenant)
    for tenant in driver.tenants:
        await driver.is_heard(tenant, "intake", "select count(*) from groups", 2)
        driver.later(AGAIN_SECONDS, partial(attend, driver, tenant, random.Random(driver.random.getrandbits(64))))


def met(moved_seconds: float) -> tuple[int, str, str]:
    """The weekday, time and day, local to the site, of a meeting that began within the last minute."""
    now = clock.now() + timedelta(seconds=moved_seconds)
    began = now.replace(second=0, microsecond=0).astimezone(ZoneInfo(SITES[SITE]))
    return began.isoweekday(), f"{began:%H:%M}", f"{began:%Y-%m-%d}"


@asynccontextmanager
async def a_moment_ago(installation: Installation) -> AsyncIterator[None]:
    """Scheduling lives a moment ago, so that a group can be formed that has met when it is now again."""
    now = float(installation.clock_file("scheduling").read_text())
    installation.move_clock("scheduling", now - EARLIER_SECONDS)
    try:
        yield
    finally:
        installation.move_clock("scheduling", now)


async def form_group_that_met(driver: Driver, tenant: Tenant) -> None:
    """Put a second group beside the circle; it met just now."""
    moved_seconds = float(driver.installation.clock_file("scheduling").read_text()) + EARLIER_SECONDS
    weekday, starts_at, day = met(moved_seconds)
    group = {
        "name": "Evening", "program": "new-roots", "site": SITE, "capacity": 40, "weekday": weekday,
        "starts_at_local": starts_at, "minutes": 60,
        "first_on": f"{datetime.fromisoformat(day) - timedelta(days=7):%Y-%m-%d}",
    }  # fmt: skip
    await driver.must(tenant, "PUT", f"{SCHEDULING}/groups/evening", group)
    group_id = uuid5(tenant.organisation_id, "group:evening")
    driver.meetings[tenant.code] = uuid5(group_id, f"session:{day}")


async def attend(driver: Driver, tenant: Tenant, chance: random.Random) -> None:
    """Record who came, the first time; say it again with somebody's different the next times."""
    session = driver.meetings[tenant.code]
    shown = await driver.ask(tenant, "GET", f"{SCHEDULING}/sessions/{session}", None)
    if shown and shown["roster"]:
        told = [{"participant_id": one["participant_id"], "status": chance.choice(STATUSES)} for one in shown["roster"]]
        is_again = shown["state"] == "held"
        path = f"{SCHEDULING}/sessions/{session}/{'correct' if is_again else 'hold'}"
        if await driver.ask(tenant, "POST", path, {"attendance": told}, str(uuid4()), refused=(409, 422)):
            wire = "attendance-corrected" if is_again else "session-held"
            driver.writes.append(Write(wire, str(tenant.organisation_id), {"session_id": str(session)}))
    if not driver.is_over:
        driver.later(AGAIN_SECONDS * chance.uniform(0.5, 1.5), partial(attend, driver, tenant, chance))
