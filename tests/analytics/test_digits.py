"""Points are written as finely as their scale is, and what cannot be said has its reason beside it."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from tests.analytics.conftest import Told, a_battery, a_check_in, a_program, an_enrolment, an_instrument
from tests.analytics.test_releases import COORDINATOR
from tests.analytics.test_sentences import PAGE, text_of

NO_INTERVAL = "there is no interval"
BELONGING = {"maximum": 16, "unit": 4, "higher_is_better": True}


async def scored(told: Told, pairs: Sequence[tuple[int, int]], **instrument: Any) -> None:
    """So did people score at first and at the end."""
    await told.tell(a_program(), an_instrument(**instrument), a_battery("baseline", "end"))
    for pair in pairs:
        one = an_enrolment(uuid4())
        answers = [a_check_in(one.enrolment_id, *each) for each in zip(("baseline", "end"), pair, strict=True)]
        unit = instrument.get("unit", 1)
        for answer in answers:
            answer.scores[0] = answer.scores[0].model_copy(update={"unit": unit})
        await told.tell_at_once([one, *answers])


@pytest.mark.parametrize(
    ("instrument", "moved", "more", "listed", "said"),
    [
        (BELONGING, 7, 1, "+0.04 points (+0.01 to +0.07)", "people score 0.04 points better at end"),
        ({"higher_is_better": True}, 38, 2, "+1.8 points (+1.6 to +2.0)", "people score 1.8 points better at end"),
    ],
    ids=["a mean of items", "a sum of items"],
)
async def test_a_small_change_of_a_short_scale_is_not_nothing(
    client: Any, told: Told, instrument: dict[str, Any], moved: int, more: int, listed: str, said: str
) -> None:
    await scored(told, [(8 + n % 5, 8 + n % 5 + more * (n < moved)) for n in range(42)], **instrument)
    assert listed in await text_of(client, "/analytics/", COORDINATOR)
    assert said in await text_of(client, PAGE, COORDINATOR)


@pytest.mark.parametrize(
    ("pairs", "said", "unsaid"),
    [
        (
            [(20 + n, 15 + n) for n in range(12)],
            ["all changed alike, so there is no interval", "From baseline to end all changed alike"],
            "there is no gain",
        ),
        (
            [(20, 15 + n % 4) for n in range(12)],
            ["At baseline all scored alike, so from baseline to end there is no gain in SDs."],
            NO_INTERVAL,
        ),
        (
            [(20 + n % 4, 15) for n in range(12)],
            ["At end all scored alike, so from baseline to end there is no gain in SDs."],
            NO_INTERVAL,
        ),
    ],
)
async def test_where_there_is_no_interval_or_no_gain_it_is_said_why(
    client: Any, told: Told, pairs: list[tuple[int, int]], said: list[str], unsaid: str
) -> None:
    await scored(told, pairs)
    text = await text_of(client, PAGE, COORDINATOR)
    assert [one for one in said if one not in text] == []
    assert unsaid not in text
    assert "– to –" not in text
    listed = await text_of(client, "/analytics/", COORDINATOR)
    assert ("points (all changed alike, so there is no interval), 12 people" in listed) is (unsaid != NO_INTERVAL)
