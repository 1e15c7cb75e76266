"""People who have written what they think, for the tests of the loop back."""

from typing import Any
from uuid import UUID, uuid4

from shared import clock
from shared.events.scheduling import GroupFormed
from shared.identity import derived_id
from tests.doors import bearer
from tests.feedback.conftest import API, OLD_TOWN, ORGANISATION, PROGRAM, Told, a_due, an_enrolment, an_invitation

ANA, BEN = ("Ana R.", "old-town"), ("Ben S.", "old-town")
CANARY = "the lamp above the stairs is out"
TIME = {
    "code": "starts-too-late",
    "title": {"en": "The group starts too late", "es": "El grupo empieza muy tarde"},
    "about": "The hour, not the day.",
}
LAMP = {"code": "light", "title": {"en": "Light", "es": "Luz"}, "about": "Anything about light."}
GROUP = derived_id(ORGANISATION, "group", "tuesday")


def a_group() -> GroupFormed:
    """A group at the first site."""
    return GroupFormed(
        group_id=GROUP,
        code="tuesday",
        program_id=PROGRAM,
        site_id=OLD_TOWN,
        capacity=12,
        weekday=2,
        starts_at_local="18:00",
        minutes=90,
        first_on=clock.now().date(),
    )


def by(who: tuple[str, str], role: str = "coordinator") -> dict[str, str]:
    """A token of somebody at their site."""
    name, site = who
    return bearer(role, site, sub=name, name=name)


def monthly(**changes: Any) -> Any:
    """A monthly check-in that is due."""
    return a_due("monthly-check-in", **{"kind": "monthly", "code": "month-1", "ordinal": 1} | changes)


async def writes(
    client: Any, told: Told, number: int, text: str = CANARY, item: str = "one-change", **changes: Any
) -> Any:
    """Somebody answers their monthly check-in; gives the occasion and the address of their link."""
    due, token = monthly(**changes), f"a-token-of-22-letters{number}"
    await told.tell(an_enrolment(due, short_code=f"KLM-{number:03}"), due, an_invitation(due, token))
    answer = await client.post(f"/c/{token}", data={f"texts.monthly-check-in.{item}": text})
    assert answer.status_code == 200, answer.text
    return due, f"/c/{token}"


async def themes(client: Any, *themes: dict[str, Any]) -> None:
    """Themes in the codebook."""
    for one in themes:
        answer = await client.post(f"{API}/voices/themes", json=one, headers=by(ANA))
        assert answer.status_code == 201, answer.text


async def share(client: Any, percent: int) -> None:
    """So many in a hundred texts are coded by two."""
    answer = await client.put(f"{API}/voices/share", json={"percent": percent}, headers=bearer("administrator"))
    assert answer.status_code == 200, answer.text


async def code(client: Any, occasion: UUID | str, *found: str, who: tuple[str, str] = ANA, **more: Any) -> Any:
    """Somebody codes a text."""
    body = {"occasion_id": str(occasion), "item": "one-change", "themes": list(found)} | more
    return await client.post(f"{API}/voices/codings", json=body, headers=by(who))


async def voice(client: Any, theme: str = "starts-too-late", **who: Any) -> dict[str, Any]:
    """What Voices shows of a theme."""
    headers = who.get("headers") or by(ANA)
    answer = await client.get(f"{API}/voices", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = next(one for one in answer.json()["voices"] if one["theme"]["code"] == theme)
    return found


def an_id() -> str:
    """An id of nobody."""
    return str(uuid4())
