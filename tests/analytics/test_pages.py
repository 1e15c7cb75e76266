"""The page of a program, whatever two check-ins a reader chooses."""

from typing import Any

import pytest

from tests.analytics.conftest import Told, a_battery, a_program, an_instrument
from tests.doors import bearer

MANAGER = bearer("program-manager")


@pytest.mark.parametrize(
    ("first", "later", "said"),
    [
        ("end", "end", "That is one check-in, not two."),
        ("end", "baseline", "From baseline to end"),
        ("baseline", "end", "From baseline to end"),
    ],
)
async def test_change_goes_forward_and_needs_two_check_ins(
    client: Any, told: Told, first: str, later: str, said: str
) -> None:
    await told.tell(a_program(), an_instrument(), a_battery("baseline", "end"))
    address = f"/analytics/programs/evening-circle?instrument=bdi-ii&from={first}&to={later}"
    answer = await client.get(address, headers=MANAGER)
    assert answer.status_code == 200
    assert said in answer.text
