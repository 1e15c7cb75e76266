"""What people wrote, what was found in it, and the loop at one sight. Texts are for those who code them alone."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.feedback import acts, store
from services.feedback.api.changes import ChangeShape
from services.feedback.domain.agreement import Agreement
from services.feedback.domain.changes import Decide
from services.feedback.domain.pulse import Mean, Pulse
from services.feedback.domain.themes import CodeText, ShareOut, Theme, WriteTheme
from services.feedback.domain.told import Told
from shared import idempotency
from shared.clock import now
from shared.doors import Db, IdempotencyKey, allow
from shared.events.base import Code
from shared.security import Who

router = APIRouter(prefix="/feedback/api/v1/voices", tags=["voices"])
Coder = Annotated[Who, Depends(allow("coordinator", "administrator"))]
Reading = Annotated[Who, Depends(allow("coordinator", "program-manager", "administrator"))]
Administrator = Annotated[Who, Depends(allow("administrator"))]
READINGS_MAX = 500


class ThemeShape(BaseModel):
    """A theme of the codebook."""

    code: str
    title: Told
    about: str
    made_at: datetime
    retired_at: datetime | None

    @classmethod
    def of(cls, theme: Theme) -> "ThemeShape":
        """As other programs read it."""
        return cls(**{name: getattr(theme, name) for name in cls.model_fields})


class AgreementShape(BaseModel):
    """Cohen's kappa with its standard error and 95 % interval; without them `why_not` says why there are none.

    Where fewer than 11 people would be told of, it is null for everybody but coordinators, and so is `n`.
    """

    n: int | None
    kappa: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    is_provisional: bool
    why_not: str | None

    @classmethod
    def of(cls, one: Agreement) -> "AgreementShape":
        """As other programs read it."""
        figures = (one.kappa, one.error, one.low, one.high)
        kappa, error, low, high = (None if figure is None else float(figure) for figure in figures)
        return cls(
            n=one.n,
            kappa=kappa,
            standard_error=error,
            low=low,
            high=high,
            is_provisional=one.is_provisional,
            why_not=one.why_not,
        )


class MeanShape(BaseModel):
    """A mean over people with its 95 % interval; all null where fewer than 11 answered before or after."""

    n: int | None
    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, one: Mean) -> "MeanShape":
        """As other programs read it."""
        return cls(n=one.n, mean=None if one.mean is None else float(one.mean), low=one.low, high=one.high)


class PulseShape(BaseModel):
    """The pulse in the eight weeks before and since a change, at the sites of the reader. It is not its effect."""

    before: MeanShape
    after: MeanShape
    most: float

    @classmethod
    def of(cls, one: Pulse | None) -> "PulseShape | None":
        """As other programs read it."""
        if one is None:
            return None
        return cls(before=MeanShape.of(one.before), after=MeanShape.of(one.after), most=float(one.most))


class AnswerShape(BaseModel):
    """A decision or a change, who has been told, in words that tell of nobody, and the pulse beside it.

    `pulse` is null as long as nothing is changed, and for whoever is no coordinator: others see releases.
    """

    change: ChangeShape
    told: str
    pulse: PulseShape | None


class VoiceShape(BaseModel):
    """A theme with what has become of it. `people` is null where fewer than 11 wrote of it."""

    theme: ThemeShape
    people: int | None
    of: int | None
    agreement: AgreementShape
    answers: list[AnswerShape]


class VoicesShape(BaseModel):
    """The loop at one sight, and how many texts are coded by one person, and by two.

    These are null while fewer than 11 people wrote, for everybody but coordinators.
    """

    texts: int | None
    coded: int | None
    coded_twice: int | None
    second_share_percent: int
    voices: list[VoiceShape]


class TextShape(BaseModel):
    """A text to be coded; whose it is is not told."""

    occasion_id: UUID
    item: str
    text: str
    site: str | None
    program: str | None


class NextShape(BaseModel):
    """The next text for whoever asks, if one waits."""

    text: TextShape | None


class CodedShape(BaseModel):
    """A text was coded, as the first or the second."""

    occasion_id: UUID
    item: str
    place: int


class ShareShape(BaseModel):
    """The share of texts that a second person codes."""

    percent: int


class ReadingShape(BaseModel):
    """Somebody has read a text, or `all` answers of a check-in."""

    at: datetime
    name: str
    occasion_id: UUID
    item: str


class ReadingsShape(BaseModel):
    """Who has read which text, the latest first."""

    readings: list[ReadingShape]


@router.get("")
async def voices(db: Db, who: Reading) -> VoicesShape:
    """Theme, decision, change, told, next pulse: at the sites of the reader."""
    async with db.transaction(who.organisation_id) as tx:
        found = await acts.voices.voices(tx, who)
    return VoicesShape(
        texts=found.progress and found.progress.written,
        coded=found.progress and found.progress.coded,
        coded_twice=found.progress and found.progress.twice,
        second_share_percent=found.share_percent,
        voices=[_voice(one) for one in found.voices],
    )


def _voice(one: acts.voices.Voice) -> VoiceShape:
    answers = [
        AnswerShape(change=ChangeShape.of(each.seen), told=each.told, pulse=PulseShape.of(each.pulse))
        for each in one.answers
    ]
    return VoiceShape(
        theme=ThemeShape.of(one.theme),
        people=one.prevalence.people,
        of=one.prevalence.of,
        agreement=AgreementShape.of(one.agreement),
        answers=answers,
    )


@router.get("/themes")
async def themes(db: Db, who: Reading) -> list[ThemeShape]:
    """The codebook, those that are retired last."""
    async with db.transaction(who.organisation_id) as tx:
        return [ThemeShape.of(one) for one in await store.themes.codebook(tx)]


@router.post("/themes", status_code=201, response_model=ThemeShape)
async def write_theme(command: WriteTheme, db: Db, who: Coder, key: IdempotencyKey) -> object:
    """Add a theme to the codebook."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        shown = ThemeShape.of(await acts.themes.write_theme(tx, who, command))
        return await idempotency.keep(tx, key, 201, shown.model_dump(mode="json"))


@router.post("/themes/{code}/retire")
async def retire_theme(code: Code, db: Db, who: Coder) -> ThemeShape:
    """Look for it no more. What was found stays."""
    async with db.transaction(who.organisation_id) as tx:
        await store.themes.lock(tx, who.organisation_id)
        await store.themes.get_theme(tx, code)
        await store.themes.retire(tx, code, now())
        return ThemeShape.of(await store.themes.get_theme(tx, code))


@router.put("/share")
async def share_out(command: ShareOut, db: Db, who: Administrator) -> ShareShape:
    """Set the share of texts that a second person codes. Which texts these are nobody can choose."""
    async with db.transaction(who.organisation_id) as tx:
        await store.themes.save_share(tx, who.organisation_id, command.percent, now(), who.name)
    return ShareShape(percent=command.percent)


@router.get("/next-text")
async def next_text(db: Db, who: Coder) -> NextShape:
    """The next text to code. That it was read, when and by whom, is written down."""
    async with db.transaction(who.organisation_id) as tx:
        share = await store.themes.share(tx)
        text = await store.themes.find_next(tx, who.site_ids, who.subject, share)
        if text:
            await store.themes.add_reading(tx, who.organisation_id, text, (who.subject, who.name), now())
    if text is None:
        return NextShape(text=None)
    return NextShape(text=TextShape(**{name: getattr(text, name) for name in TextShape.model_fields}))


@router.post("/codings", status_code=201, response_model=CodedShape)
async def code_text(command: CodeText, db: Db, who: Coder, key: IdempotencyKey) -> object:
    """Say which themes a text is about, possibly none."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        coding = await acts.themes.code_text(tx, who, command)
        shown = CodedShape(occasion_id=command.occasion_id, item=command.item, place=coding.place)
        return await idempotency.keep(tx, key, 201, shown.model_dump(mode="json"))


@router.get("/readings")
async def readings(db: Db, who: Administrator) -> ReadingsShape:
    """Who has read which text, and whose answers."""
    async with db.transaction(who.organisation_id) as tx:
        found = await store.themes.readings(tx, who.site_ids, READINGS_MAX)
    fields = ReadingShape.model_fields
    return ReadingsShape(readings=[ReadingShape(**{name: getattr(one, name) for name in fields}) for one in found])


@router.post("/themes/{code}/decisions", status_code=201, response_model=ChangeShape)
async def decide(code: Code, command: Decide, db: Db, who: Reading, key: IdempotencyKey) -> object:
    """Decide what becomes of a theme. Those who asked read why."""
    async with db.transaction(who.organisation_id) as tx:
        if first := await idempotency.earlier(tx, key):
            return first
        change = await acts.changes.decide(tx, who, code, command)
        seen = await store.changes.get(tx, change.change_id, None)
        return await idempotency.keep(tx, key, 201, ChangeShape.of(seen).model_dump(mode="json"))
