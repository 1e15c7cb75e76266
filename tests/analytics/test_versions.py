"""What people answered to one version of an instrument stays to be seen when one comes that does not compare."""

from typing import Any
from uuid import UUID, uuid4

from services.analytics.acts import Figure, compute_again, find_published
from shared.events import Event
from shared.events.feedback import CheckInSubmitted
from shared.events.intake import ParticipantErased
from tests.analytics.conftest import ORGANISATION, Told, an_enrolment, an_instrument
from tests.analytics.test_readers import answered
from tests.analytics.test_releases import COORDINATOR, MANAGER, improving, release, rows
from tests.analytics.test_sentences import PAGE, text_of
from tests.analytics.world import PHQ9, play

NOT_WITH = (
    "Answers to version {} of PHQ-9 cannot be compared with those to version {}: they are in none of these figures."
)
NOT_WITH_2, NOT_WITH_1 = NOT_WITH.format(2, 1), NOT_WITH.format(1, 2)


def by_version(one: Any, version: int) -> Event:
    """The same check-in, answered to another version."""
    assert isinstance(one, CheckInSubmitted)
    return one.model_copy(update={"scores": [one.scores[0].model_copy(update={"version": version})]})


async def answer_twice(told: Told, many: int) -> list[tuple[UUID, UUID]]:
    """So many more people answer the second version at both occasions."""
    people = [an_enrolment(uuid4()) for _ in range(many)]
    for number, one in enumerate(people):
        said = [answered(one.enrolment_id, at, 14 + number % n) for at, n in (("baseline", 3), ("end", 4))]
        await told.tell(one, *(by_version(each, 2) for each in said))
    return [(one.participant_id, one.enrolment_id) for one in people]


async def shown(client: Any, who: Any) -> tuple[int, int | None]:
    """Of which version the change is, and of how many people."""
    [row] = await rows(client, who)
    return row["version"], row["n_paired"]


async def test_a_new_version_that_nobody_has_answered_hides_nothing(client: Any, told: Told) -> None:
    """Whoever mends a typo publishes a version that does not compare; thirty answered the one before."""
    await play(told, [improving(number) for number in range(30)])
    await release(client)
    await told.tell(an_instrument(**PHQ9 | {"version": 2}))
    await play(told, [improving(number) for number in range(15)])
    await answer_twice(told, 4)
    await release(client)
    for who in (COORDINATOR, MANAGER):
        assert await shown(client, who) == (1, 45)
        text = await text_of(client, f"{PAGE}?to=end", who)
        assert "what changed for 45 people" in text
        assert NOT_WITH_2 in text
        assert "Fewer than" not in text


async def test_where_enough_answered_the_new_version_figures_are_of_it(client: Any, told: Told) -> None:
    """For readers of releases from the next release on; of the one before nothing is said as if it were too few."""
    await play(told, [improving(number) for number in range(30)])
    await release(client)
    await told.tell(an_instrument(**PHQ9 | {"version": 2}))
    await answer_twice(told, 12)
    assert (await shown(client, COORDINATOR), await shown(client, MANAGER)) == ((2, 12), (1, 30))
    await release(client)
    for who in (COORDINATOR, MANAGER):
        assert await shown(client, who) == (2, 12)
        assert NOT_WITH_1 in await text_of(client, f"{PAGE}?to=end", who)


async def test_a_released_figure_is_computed_again_by_the_version_that_it_is_of(client: Any, told: Told) -> None:
    """Twelve answered the new version since: the release before it is of the old one."""
    await play(told, [improving(number) for number in range(30)])
    await release(client)
    await told.tell(an_instrument(**PHQ9 | {"version": 2}))
    await answer_twice(told, 12)
    figure = Figure.named("evening-circle/phq-9/baseline/end")
    assert figure
    async with told.store.machinery.transaction(ORGANISATION) as tx:
        published = await find_published(tx, ORGANISATION, figure)
        again = await compute_again(tx, ORGANISATION, figure, published)
    assert published == again
    assert published.change
    assert (published.people, published.change.n.paired) == (30, 30)


async def test_a_change_of_few_of_the_new_version_says_of_which_version(client: Any, told: Told) -> None:
    """Twelve answered it at baseline and at the end, and nobody later: of the other thirty that would be no reason."""
    people = [improving(number) for number in range(30)]
    for one in people:
        one.scores["follow-up"] = one.scores["end"]
    await play(told, people)
    await told.tell(an_instrument(**PHQ9 | {"version": 2}))
    await answer_twice(told, 12)
    text = await text_of(client, f"{PAGE}?to=follow-up", COORDINATOR)
    assert "Fewer than 11 people answered version 2 at both check-ins." in text
    assert NOT_WITH_1 in text


async def test_a_release_does_not_go_back_to_an_older_version(client: Any, told: Told) -> None:
    """Who saw it go back would know that somebody is gone: two of the twelve are."""
    await play(told, [improving(number) for number in range(30)])
    await told.tell(an_instrument(**PHQ9 | {"version": 2}))
    people = await answer_twice(told, 12)
    await release(client)
    for participant, enrolment in people[:2]:
        await told.tell(ParticipantErased(participant_id=participant, enrolment_ids=[enrolment], occasion_ids=[]))
    await play(told, [improving(number) for number in range(15)])
    await release(client)
    assert (await shown(client, COORDINATOR), await shown(client, MANAGER)) == ((1, 45), (2, 12))
