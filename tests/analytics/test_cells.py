"""Cells and courses are what counting everybody anew would give, after any history."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.analytics import store as analytics_store
from tests.analytics.conftest import Told
from tests.analytics.histories import OCCASIONS, World

WHAT = [
    "enrol",
    "leave out",
    "answer",
    "answer",
    "answer",
    "take back",
    "due",
    "invite",
    "open",
    "cancel",
    "consent",
    "become",
    "place",
    "wait",
    "give up",
    "form",
    "site",
    "complete",
    "leave",
    "resume",
    "hold",
    "correct",
    "erase",
    "count",
    "forget",
]
STEPS = st.tuples(st.sampled_from(WHAT), st.integers(0, 3), st.sampled_from(OCCASIONS), st.integers(0, 30))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=5, max_size=60), st.integers(0, 30))
async def test_cells_equal_counting_everybody_anew(
    told: Told, steps: list[tuple[str, int, str, int]], luck: int
) -> None:
    world = World()
    three = [("hold", number, "", luck) for number in range(3)]  # to which everybody comes, or does not, alike
    for what, number, code, score in [*steps[:luck], *three, *steps[luck:]]:
        if what == "count":
            await count(told, world)
        elif what == "forget":  # as after a rebuild: everybody is to be counted again
            async with told.store.machinery.transaction(world.organisation) as tx:
                await analytics_store.touch_everybody(tx)
        elif event := world.happens(what, number, code, score):
            await told.tell(event, organisation=world.organisation)
    await count(told, world)
    async with told.store.machinery.transaction(world.organisation) as tx:
        rows = await tx.fetch("select site_id, label, value, fact, n from cells")
        people = await tx.fetch("select enrolment_id, courses from counted")
        left = await tx.fetchval("select count(*) from touched")
    assert {person: sorted(courses) for person, courses in people} == world.courses()
    assert {(*row[:3], *row["fact"].split(" ")): row["n"] for row in rows} == world.counted()
    assert left == 0


async def count(told: Told, world: World) -> None:
    async with told.store.machinery.transaction(world.organisation) as tx:
        while await analytics_store.count(tx, 3):
            pass
