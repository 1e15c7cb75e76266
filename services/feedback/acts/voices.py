"""The loop at one sight: theme, decision, change, who has been told, and the next pulse."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from services.feedback import store
from services.feedback.domain.agreement import Agreement
from services.feedback.domain.instruments import TOTAL
from services.feedback.domain.pulse import INSTRUMENT, Pulse, pulse_of
from services.feedback.domain.themes import Prevalence, Theme, agreements, prevalences
from services.feedback.domain.told import PEOPLE_MIN
from services.feedback.store.changes import Asked, Seen
from services.feedback.store.themes import Progress
from shared.database import Tx
from shared.security import Who


@dataclass(frozen=True, slots=True)
class Answered:
    """A decision or a change, who has been told, and the pulse beside it once it is made."""

    seen: Seen
    told: str
    pulse: Pulse | None


@dataclass(frozen=True, slots=True)
class Voice:
    """A theme with everything that has become of it."""

    theme: Theme
    prevalence: Prevalence
    agreement: Agreement
    answers: list[Answered]


@dataclass(frozen=True, slots=True)
class Voices:
    """Every theme of the reader's sites, and how far the coding has come; None where that would tell of few people."""

    voices: list[Voice]
    progress: Progress | None
    share_percent: int


async def voices(tx: Tx, who: Who) -> Voices:
    """Everything that the page shows. Nothing in it is about one person.

    What moves with every text and every reading tells of few people to coordinators alone, who read the texts.
    """
    tells_of_few = "coordinator" in who.roles
    codebook = await store.themes.codebook(tx)
    counted = await store.themes.counted(tx, who.site_ids, codebook)
    asked = await store.changes.asked(tx, who.site_ids)
    answered: dict[str, list[Answered]] = {}
    for seen in await store.changes.listed(tx, who.site_ids):
        own = asked.get(seen.change.change_id, Asked(0, 0))
        said = told(own, tells_of_few=tells_of_few)
        answered.setdefault(seen.change.theme, []).append(Answered(seen, said, await pulse(tx, who, seen)))
    kappas = agreements(counted, tells_of_few=tells_of_few)
    progress = await store.themes.progress(tx, who.site_ids)
    figures = zip(codebook, prevalences(counted), kappas, strict=True)
    return Voices(
        [Voice(theme, people, kappa, answered.get(theme.code, [])) for theme, people, kappa in figures],
        progress if tells_of_few or progress.people >= PEOPLE_MIN else None,
        await store.themes.share(tx),
    )


def told(asked: Asked, *, tells_of_few: bool) -> str:
    """How many of those who asked have said that they read it; of few people only whether, or not even that."""
    if asked.asked < PEOPLE_MIN and not tells_of_few:
        return f"Fewer than {PEOPLE_MIN} people asked for it: who has read it is not shown"
    if not asked.asked:
        return "Nobody asked for it here"
    if asked.told == asked.asked:
        return "All who asked have read it"
    if not asked.told:
        return "Nobody who asked has read it yet"
    if asked.asked < PEOPLE_MIN:
        return "Some who asked have read it"
    return f"{asked.told} of {asked.asked} who asked have read it"


async def pulse(tx: Tx, who: Who, seen: Seen) -> Pulse | None:
    """The pulse before and since a change where it holds; None as long as nothing is changed.

    For coordinators, and of their own sites: it moves with every answer, so two readings tell what one person said.
    Everybody else sees what people say of sessions in releases.
    """
    if seen.change.made_at is None or "coordinator" not in who.roles:
        return None
    instrument = store.library()[INSTRUMENT]
    before, after = await store.changes.pulses(tx, seen.change, instrument.version, who.site_ids)
    measure = instrument.measure_of(TOTAL)
    assert measure
    return pulse_of(before, after, Fraction(measure.maximum, measure.unit))


async def own_changes(tx: Tx, participant_id: UUID) -> tuple[Sequence[Seen], set[UUID]]:
    """What has become of what somebody asked for, and what of it is new to them."""
    seen = await store.changes.told_to(tx, participant_id)
    return seen, await store.changes.unread(tx, participant_id, [one.change for one in seen])
