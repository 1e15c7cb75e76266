"""What is theirs, at a check-in's link: what became of what they wrote, their stories, what they have reached.

Opening a page changes nothing: mail programs do it, too. Whoever else holds the phone later reads no story here.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from services.feedback import acts, store
from services.feedback.domain.milestones import Milestone, TellMilestone, told_again
from services.feedback.domain.stories import USES, Agree, Shared, ShareStory
from services.feedback.pages.forms import typed
from services.feedback.pages.visit import Visit, just_done, own_page, visiting
from shared.clock import now
from shared.database import Tx
from shared.doors import Db, form, mark, refuse_stale, submitted
from shared.errors import FieldError, Invalid, Refusal
from shared.identity import new_id
from shared.web.languages import speaker

router = APIRouter(include_in_schema=False)


class NotTakingPart(Refusal):
    """Nothing new is taken from somebody who does not agree to take part (any more)."""

    def __init__(self) -> None:
        super().__init__("consent-withdrawn", "You do not take part any more, so nothing new is kept.")


@router.get("/c/{token}/changes")
async def changes_page(request: Request, db: Db, token: str) -> Response:
    """You said, we did."""
    async with visiting(request, db, token) as (tx, visit):
        seen, new = await acts.voices.own_changes(tx, visit.occasion.participant_id)
    return own_page(request, visit, "your-changes.html", seen=seen, new=new)


@router.post("/c/{token}/changes")
async def read_changes(request: Request, db: Db, token: str) -> Response:
    """They say that they have read it: now they are told."""
    async with visiting(request, db, token) as (tx, visit):
        if visit.is_over:
            return own_page(request, visit, "")
        seen, _ = await acts.voices.own_changes(tx, visit.occasion.participant_id)
        await store.changes.add_telling(tx, visit.occasion.participant_id, [one.change for one in seen], now())
    return RedirectResponse(f"/c/{token}/changes?read&lang={visit.language}", 303)


@router.get("/c/{token}/story")
async def story_page(request: Request, db: Db, token: str) -> Response:
    """Their stories, without the words, and the form for one more."""
    async with visiting(request, db, token) as (tx, visit):
        return await _story(tx, request, visit, {}, ())


@router.post("/c/{token}/story")
async def share_story(request: Request, db: Db, token: str) -> Response:
    """Share one, for the uses that are chosen and for no other."""
    fields = await typed(request)
    async with visiting(request, db, token) as (tx, visit):
        if visit.is_over:
            return own_page(request, visit, "", unsent=fields.get("text", ""))
        _must_take_part(visit)
        if "show" in fields:  # in another language, with what was written so far
            return await _story(tx, request, visit, fields, ())
        try:
            command = form(ShareStory, {name: fields[name] for name in ("text", "uses") if name in fields})
            key = UUID(str(fields.get("key")))
        except (Invalid, ValueError) as wrong:
            errors = wrong.errors if isinstance(wrong, Invalid) else ()
            return await _story(tx, request, visit, fields, [_in_words(one, visit.language) for one in errors], 422)
        await acts.stories.share(tx, _new_story(visit, command, key))
    return RedirectResponse(f"/c/{token}/story?shared&lang={visit.language}", 303)


@router.post("/c/{token}/story/{story_id}")
async def change_story(request: Request, db: Db, token: str, story_id: UUID) -> Response:
    """Agree to other uses, or take it back. Less is taken from every page, also at a link that has run out."""
    fields = await submitted(request)
    async with visiting(request, db, token) as (tx, visit):
        story = await store.stories.get_own(tx, story_id, visit.occasion.participant_id)
        uses = form(Agree, {"uses": fields.get(f"uses-{story_id}", [])}).uses
        if fields.get("do") == "withdraw":
            await acts.stories.withdraw(tx, story)
        elif set(uses) <= set(story.uses):
            await acts.stories.agree(tx, story, uses)
        elif visit.is_over:
            return own_page(request, visit, "")
        else:
            try:
                refuse_stale(fields, story.uses)
            except Refusal:  # whoever took a consent away does not give it back with an old page
                return await _story(tx, request, visit, {}, (), 409)
            await acts.stories.agree(tx, story, uses)
    done = "withdrawn" if fields.get("do") == "withdraw" else "agreed"
    return RedirectResponse(f"/c/{token}/story?{done}&lang={visit.language}", 303)


def _new_story(visit: Visit, command: ShareStory, key: UUID) -> Shared:
    occasion = visit.occasion
    return Shared(
        story_id=acts.stories.story_id_of(occasion.occasion_id, key),
        organisation_id=occasion.organisation_id,
        participant_id=occasion.participant_id,
        program_id=occasion.program_id,
        site_id=occasion.site_id,
        language=visit.language,
        text=command.text,
        uses=tuple(command.uses),
        shared_at=now(),
        entered_by="participant",
    )


async def _story(
    tx: Tx, request: Request, visit: Visit, given: Mapping[str, Any], errors: Any, status: int = 200
) -> HTMLResponse:
    chosen = given.get("uses", [])
    return own_page(
        request,
        visit,
        "your-story.html",
        status,
        stories=await store.stories.own(tx, visit.occasion.participant_id),
        uses=_uses(visit.language),
        given={"text": given.get("text", ""), "uses": chosen if isinstance(chosen, list) else [chosen]},
        key=new_id(),
        errors=errors,
        may_share=visit.takes_part,
        mark=mark,
        is_refused=status == 409,
        done=just_done(request, "shared", "agreed", "withdrawn"),
    )


@router.get("/c/{token}/milestones")
async def milestones_page(request: Request, db: Db, token: str) -> Response:
    """What they have reached, and the form for one more."""
    async with visiting(request, db, token) as (tx, visit):
        return await _milestones(tx, request, visit, {}, ())


@router.post("/c/{token}/milestones")
async def tell_milestone(request: Request, db: Db, token: str) -> Response:
    """Tell of one."""
    fields = await submitted(request)
    async with visiting(request, db, token) as (tx, visit):
        if visit.is_over:
            return own_page(request, visit, "")
        _must_take_part(visit)
        if "show" in fields:  # in another language, with what was chosen so far
            return await _milestones(tx, request, visit, fields, ())
        try:
            command = form(TellMilestone, fields)
            async with tx.savepoint():
                await acts.milestones.reach(tx, _new_milestone(visit, command), visit.zone)
        except Invalid:
            wrong = [FieldError("kind", "kind-unknown", speaker(visit.language)("Choose one of these."))]
            return await _milestones(tx, request, visit, fields, wrong, 422)
    return RedirectResponse(f"/c/{token}/milestones?told&lang={visit.language}", 303)


@router.post("/c/{token}/milestones/{milestone_id}")
async def change_milestone(request: Request, db: Db, token: str, milestone_id: UUID) -> Response:
    """Let the group celebrate it, or not, or take it back: these two also at a link that has run out."""
    fields = await submitted(request)
    async with visiting(request, db, token) as (tx, visit):
        if visit.is_over and fields.get("do") == "celebrate":
            return own_page(request, visit, "")
        one = await store.milestones.get_own(tx, milestone_id, visit.occasion.participant_id)
        if fields.get("do") == "withdraw":
            await acts.milestones.withdraw(tx, one)
        else:
            await acts.milestones.agree(tx, one, fields.get("do") == "celebrate")
    return RedirectResponse(f"/c/{token}/milestones?noted&lang={visit.language}", 303)


def _new_milestone(visit: Visit, command: TellMilestone) -> Milestone:
    moment, occasion = now(), visit.occasion
    today = moment.astimezone(visit.zone).date()
    return Milestone(
        milestone_id=told_again(occasion.participant_id, command.kind, today),
        organisation_id=occasion.organisation_id,
        participant_id=occasion.participant_id,
        kind=command.kind,
        reached_on=today,
        recorded_by="participant",
        recorded_at=moment,
        may_celebrate=command.may_celebrate,
    )


async def _milestones(
    tx: Tx, request: Request, visit: Visit, given: Mapping[str, Any], errors: Any, status: int = 200
) -> HTMLResponse:
    kinds = await store.milestones.kinds(tx, visit.occasion.organisation_id)
    return own_page(
        request,
        visit,
        "your-milestones.html",
        status,
        milestones=await store.milestones.own(tx, visit.occasion.participant_id),
        kinds=kinds,
        to_tell=[(one.code, one.title.in_(visit.language)) for one in kinds.values() if not one.has_rule],
        given=given,
        errors=errors,
        may_share=visit.takes_part,
        done=just_done(request, "told", "noted"),
    )


def _must_take_part(visit: Visit) -> None:
    if not visit.takes_part:
        raise NotTakingPart


def _uses(language: str) -> list[tuple[str, str]]:
    say = speaker(language)
    titles = {
        "within-program": say("Others in the program may read it"),
        "report-to-funders": say("It may stand in reports to those who pay for the program"),
        "public-page": say("It may stand on a public page, where everybody can read it"),
    }
    return [(one, titles[one]) for one in USES]


def _in_words(error: FieldError, language: str) -> FieldError:
    say = speaker(language)
    if error.field.startswith("uses"):
        return FieldError("uses", error.code, say("Choose among these."))
    is_long = error.code == "string-too-long"
    return FieldError("text", error.code, say("Please use fewer words.") if is_long else say("Write your story first."))
