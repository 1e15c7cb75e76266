"""Attributes that are asked after the first release, and that nobody has any more."""

from dataclasses import replace
from typing import Any

from shared.events.intake import ConsentChanged, Consents
from tests.analytics.conftest import Told
from tests.analytics.test_releases import improving, release, rows
from tests.analytics.world import play


async def by_age(client: Any) -> dict[str, int | None]:
    return {row["group"]: row["n_paired"] for row in await rows(client, by="age")}


async def test_who_was_never_asked_is_unknown(client: Any, told: Told) -> None:
    await play(told, [improving(number) for number in range(40)])
    await release(client)
    await play(told, [replace(improving(number), age="under-30") for number in range(55)])
    await release(client)
    assert await by_age(client) == {"under-30": 55, "unknown": 40}


async def test_an_attribute_that_nobody_has_any_more_is_known_of_nobody(client: Any, told: Told) -> None:
    young = [replace(improving(number), age="under-30") for number in range(20)]
    await play(told, [*young, *(improving(number) for number in range(40))])
    await release(client)
    assert await by_age(client) == {"under-30": 20, "unknown": 40}
    without = Consents(taking_part=True, reporting=False, contact_after=True)
    await told.tell(
        *(
            ConsentChanged(
                participant_id=one.participant,
                enrolment_id=one.enrolment,
                consents=without,
                consent_text="standard",
                consent_version=1,
            )
            for one in young
        )
    )
    await play(told, [improving(number) for number in range(50)])
    await release(client)
    assert (await by_age(client))["unknown"] == 90
