"""Sites: what is called chance is chance, limits are widened where sites are enough, and where sessions were held."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.events.intake import SiteOpened
from shared.events.scheduling import GroupFormed, SessionHeld
from tests.analytics.conftest import AT, NORTH_QUAY, OLD_TOWN, ORGANISATION, PROGRAM, Told
from tests.analytics.test_releases import COORDINATOR, MANAGER, release
from tests.analytics.test_sentences import API, PAGE, text_of
from tests.analytics.world import ASKED, Person, play, somebody
from tests.doors import bearer

BETTER, SAME = {"baseline": (18, 9), "end": (6, 9)}, {"baseline": (18, 9), "end": (18, 9)}
AT_EACH = 40


async def at_sites(told: Told, *better: int) -> None:
    """A site for each of these numbers: so many of its forty are reliably better."""
    sites = [uuid4() for _ in better]
    people = [Person(site=site, scores=BETTER if n < some else SAME) for site, some in zip(sites, better, strict=True)
              for n in range(AT_EACH)]  # fmt: skip
    await play(told, people)
    for number, site in enumerate(sites):
        code = f"site-{number}"
        opened = {"organisation_id": ORGANISATION, "site_id": site, "code": code, "time_zone": "Europe/London"}
        await told.tell(SiteOpened(**opened, languages=["en"]))


@pytest.mark.parametrize(
    ("better", "said", "noted"),
    [
        (
            (4, 10, 20, 20, 30, 36),
            "Sites differ by more than chance alone (dispersion 10.7); the limits are widened for that: "
            "all 6 sites with a rate lie within the limits for their size",
            "is 0.272, by which the limits are widened.",
        ),
        (
            (36, 20, 20, 20),
            "Sites differ by more than chance alone (dispersion 3.2): 1 of 4 sites with a rate lies outside",
            "Of fewer than 6 sites one can make most of it, so the limits are not widened by it.",
        ),
        (
            (13, 16, 20, 20, 24, 27),
            "within the limits for their size, widened by what they differ (dispersion 1.6)",
            "is 0.075, by which the limits are widened.",
        ),
        (
            (19, 20, 20, 20, 20, 21),
            "All 6 sites with a rate lie within the limits for their size: those of chance alone",
            "is 0.000: the limits are those of chance alone.",
        ),
    ],
    ids=["far apart", "one of few", "somewhat", "alike"],
)
async def test_what_is_more_than_chance_is_not_called_chance(
    client: Any, told: Told, better: tuple[int, ...], said: str, noted: str
) -> None:
    await at_sites(told, *better)
    text = await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert said in text
    assert noted in text
    found = (await client.get(f"{API}/sites", params=ASKED, headers=COORDINATOR)).json()
    assert f"Dispersion (phi) is {found['dispersion']:.2f}; by chance alone it would be about 1." in text
    assert (found["between"] is None) is (len(better) < 6)


async def a_group(told: Told, code: str, site: UUID, *weeks: int) -> None:
    """It held a session so many weeks after the others were told of."""
    group = uuid4()
    where: Any = {"group_id": group, "program_id": PROGRAM, "site_id": site}
    began: Any = {"weekday": 2, "starts_at_local": "18:00", "minutes": 60, "first_on": AT.date()}
    await told.tell(GroupFormed(**where, **began, code=code, capacity=12))
    for week in weeks:
        starts = AT + timedelta(weeks=week)
        await told.tell(SessionHeld(**where, session_id=uuid4(), starts_at=starts, minutes=60, attendance=[]))


async def test_adoption_is_at_how_many_sites_and_in_how_many_groups_sessions_were_held(client: Any, told: Told) -> None:
    """Of a release until its data end; what became of people stands under effectiveness."""
    await play(told, [somebody(number) for number in range(40)])
    await a_group(told, "elm", OLD_TOWN, -2, -1)
    await a_group(told, "oak", OLD_TOWN, -1)
    await a_group(told, "ash", NORTH_QUAY)
    await release(client)
    for who in (COORDINATOR, MANAGER):
        text = await text_of(client, f"{PAGE}?to=end", who)
        assert "Adoption Sessions were held at 1 of 2 sites, in 2 groups" in text
        assert "North Quay 0 Old Town 2" in text
        assert text.index("sites with a rate lie") < text.index(" Adoption ")
    await a_group(told, "yew", NORTH_QUAY, 1)
    assert "at 2 of 2 sites, in 3 groups" in await text_of(client, f"{PAGE}?to=end", COORDINATOR)
    assert "at 1 of 2 sites, in 2 groups" in await text_of(client, f"{PAGE}?to=end", MANAGER)
    mine = await text_of(client, f"{PAGE}?to=end", bearer("coordinator", "north-quay"))
    assert "at 1 of 1 sites, in 1 group" in mine
