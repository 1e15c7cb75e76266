"""It is decided what becomes of a theme, and something is changed."""

from uuid import UUID

from services.feedback import store
from services.feedback.domain.changes import Change, Decide, MakeChange, Scope, decided, made
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.errors import NotFound, Refusal
from shared.events.ids import program_id_of, site_id_of
from shared.fields import invalid
from shared.identity import new_id
from shared.security import Who


async def decide(tx: Tx, who: Who, theme: str, command: Decide) -> Change:
    """What becomes of a theme; those who asked are told why."""
    moment = now()
    known = await store.themes.get_theme(tx, theme)
    scope = await _scope(tx, who, command)
    fresh = Change(
        change_id=new_id(),
        organisation_id=who.organisation_id,
        theme=known.code,
        scope=scope,
        decision=command.decision,
        why=command.why,
        decided_at=moment,
        decided_by=who.name,
    )
    change, event = decided(fresh, await store.changes.languages(tx, scope))
    await store.changes.save(tx, change)
    outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return change


async def make(tx: Tx, who: Who, change_id: UUID, command: MakeChange) -> Change:
    """It is so now; those who asked are told, and groups where it holds in their next session."""
    moment = now()
    change = (await store.changes.get(tx, change_id, who.site_ids)).change
    if not may_make(who, change):
        raise Refusal("site-needed", "This holds at all sites: somebody who sees all of them says that it is done.")
    languages = await store.changes.languages(tx, change.scope)
    today = await store.changes.today_at(tx, change.scope, moment)
    fresh, event = made(change, command, languages, who.name, today, moment)
    await store.changes.save(tx, fresh)
    outbox.put(tx, event, organisation=who.organisation_id, at=moment)
    return fresh


def may_make(who: Who, change: Change) -> bool:
    """Who works at some sites says what was changed at those alone."""
    return who.site_ids is None or bool(change.scope.site_id or change.scope.group_id)


async def _scope(tx: Tx, who: Who, command: Decide) -> Scope:
    """Where it holds. Who works at some sites decides for those alone."""
    site_id = site_id_of(who.organisation_id, command.site) if command.site else None
    program_id = program_id_of(who.organisation_id, command.program) if command.program else None
    try:
        if site_id:
            await store.get_site(tx, site_id, who.site_ids)
        if program_id:
            await store.get_program(tx, program_id, who.site_ids)
    except NotFound as unknown:
        field = unknown.code.removesuffix("-not-found")
        raise invalid(field, unknown.code, f"There is no such {field} here: choose one of yours, or none.") from None
    groups = {one.group_id: one for one in await store.circles.groups(tx, who.site_ids)}
    group = groups.get(command.group_id) if command.group_id else None
    if command.group_id and not group:
        raise invalid("group_id", "group-not-found", "There is no such group here: choose one of yours, or none.")
    if who.site_ids is not None and not site_id and not group:
        raise invalid("site", "site-needed", "You decide for your sites: choose one of them.")
    scope = Scope(program_id, site_id, command.group_id)
    await _refuse_nowhere(tx, scope, group)
    return scope


async def _refuse_nowhere(tx: Tx, scope: Scope, group: store.circles.Group | None) -> None:
    """A group of one site and another site hold for nobody: there would be nobody to tell."""
    if scope.site_id and scope.program_id and not await store.changes.is_at(tx, scope.program_id, scope.site_id):
        message = "This program is not at that site: choose another program, or none."
        raise invalid("program", "program-elsewhere", message)
    if group and scope.site_id not in (None, group.site_id):
        raise invalid("group_id", "group-elsewhere", "This group is not at that site: choose another group, or none.")
    if group and scope.program_id not in (None, group.program_id):
        message = "This group is not of that program: choose another group, or none."
        raise invalid("group_id", "group-elsewhere", message)
