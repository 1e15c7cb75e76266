"""The groups of the reader's sites, and forming one."""

import re
import unicodedata
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError

from services.scheduling import store
from services.scheduling.domain.groups import FormGroup
from services.scheduling.domain.groups import form as form_group
from services.scheduling.domain.leading import flag
from services.scheduling.domain.shapes import Group
from services.scheduling.pages.forms import entered, named
from services.scheduling.pages.frame import PAGES
from services.scheduling.pages.today import may_open
from shared import outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow, form, submitted
from shared.errors import Refusal
from shared.events.base import Code
from shared.events.ids import group_id_of, program_id_of, site_id_of
from shared.fields import invalid
from shared.security import Who
from shared.web.filters import words

router = APIRouter(prefix="/scheduling", include_in_schema=False)
Reading = Annotated[Who, Depends(allow("administrator", "coordinator", "facilitator", "program-manager"))]
Forming = Annotated[Who, Depends(allow("administrator", "coordinator"))]
WEEKDAYS = [
    ("1", "Monday"), ("2", "Tuesday"), ("3", "Wednesday"), ("4", "Thursday"), ("5", "Friday"), ("6", "Saturday"),
    ("7", "Sunday"),
]  # fmt: skip
FIELDS = ("name", "program", "site", "capacity", "weekday", "starts_at_local", "minutes", "first_on")
LABELS = {
    "name": "the name of the group",
    "program": "the program",
    "site": "the site",
    "capacity": "how many places it has",
    "weekday": "the weekday",
    "starts_at_local": "when it starts",
    "minutes": "how many minutes it takes",
    "first_on": "the first day",
}
NEW = {"starts_at_local": "18:00", "minutes": 90, "capacity": 10}
_CODE: TypeAdapter[str] = TypeAdapter(Code)


@router.get("/groups")
async def groups_page(request: Request, db: Db, who: Reading) -> Response:
    """All groups, and the form for a new one."""
    return await _shown(request, db, who, NEW, None)


@router.post("/groups")
async def groups_form(request: Request, db: Db, who: Forming) -> Response:
    """Form a group; its address is made from its name unless one is given."""
    fields = await submitted(request)
    try:
        command = form(FormGroup, {name: fields[name] for name in FIELDS if name in fields})
        code = code_of(fields.get("code"), command.name)
        await _form(db, who, code, command)
    except Refusal as refusal:
        return await _shown(request, db, who, fields, refusal)
    return RedirectResponse(f"/scheduling/groups/{code}?done=formed", 303)


async def _form(db: Database, who: Who, code: str, command: FormGroup) -> None:
    moment, organisation_id = now(), who.organisation_id
    group_id, site_id = group_id_of(organisation_id, code), site_id_of(organisation_id, command.site)
    who.must_see(site_id, "site")
    async with db.transaction(organisation_id) as tx:
        await store.alone_with(tx, group_id)
        if await store.find_group(tx, group_id):
            raise invalid("name", "group-exists", "There is a group with this name already: choose another one.")
        program_id = program_id_of(organisation_id, command.program)
        ground = await store.ground(tx, organisation_id, site_id, program_id, None)
        change = form_group(code, None, command, ground, {}, moment)
        await store.save_change(tx, change, moment)
        for event in change.events:
            outbox.put(tx, event, organisation=organisation_id, at=moment)


def leads(who: Who, group: Group) -> bool:
    """Whether the reader leads this group every week."""
    return group.facilitator_id is not None and group.facilitator_id == who.facilitator_id


def code_of(given: Any, name: str) -> str:
    """The code that was given, or one made from the name: `Círculo de tarde` as `circulo-de-tarde`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    code = str(given) if given else re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")
    try:
        return _CODE.validate_python(code)
    except ValidationError:
        message = "Use small letters, digits and single hyphens, such as evening-circle."
        raise invalid("code", "string-pattern-mismatch", message) from None


async def _shown(request: Request, db: Database, who: Who, fields: dict[str, Any], refusal: Refusal | None) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        found = sorted(await store.groups(tx, who.site_ids), key=lambda one: not leads(who, one))
        groups = await store.seen_groups(tx, found, now())
        sites = await store.sites(tx, who.site_ids)
        programs = await store.programs(tx)
    here = {one.site_id for one in sites}
    offered = [one for one in programs if here & set(one.site_ids)]
    return PAGES.render(
        request,
        "groups.html",
        refusal.status if refusal else 200,
        groups=groups,
        own={one.group_id for one in found if leads(who, one)},
        flags={one.group.group_id: flag(one.facilitator, one.group.site_id, one.today) for one in groups},
        sites=sites,
        site_options=[(one.code, words(one.code)) for one in sites],
        programs=offered,
        program_options=[(one.code, words(one.code)) for one in offered],
        weekdays=WEEKDAYS,
        weekday_names=dict(WEEKDAYS),
        given=entered(fields),
        errors=named(refusal, LABELS),
        refused=refusal.message if refusal and not refusal.errors else None,
        may_form=may_open(who),
    )
