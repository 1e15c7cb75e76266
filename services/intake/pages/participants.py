"""The list of people."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from services.intake import store
from services.intake.pages.frame import PAGES
from shared.doors import Db, allow
from shared.events.ids import program_id_of, site_id_of
from shared.security import Who

router = APIRouter(prefix="/intake/participants", include_in_schema=False)
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
A_PAGE = 50
States = Literal["", "placed", "waiting", "active", "completed", "withdrawn"]
Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


@router.get("")
async def participants(
    request: Request,
    db: Db,
    who: Coordinator,
    name: Word = "",
    state: States = "",
    site: Word = "",
    program: Word = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    done: Literal["", "erased"] = "",
) -> HTMLResponse:
    """Everybody at the reader's sites, by name, a page at a time."""
    asked = store.People(
        who.site_ids,
        site_id_of(who.organisation_id, site) if site else None,
        program_id_of(who.organisation_id, program) if program else None,
        state or None,
        name.strip() or None,
    )
    async with db.transaction(who.organisation_id) as tx:
        total = await store.count_people(tx, asked)
        rows = await store.people(tx, asked, A_PAGE, (page - 1) * A_PAGE)
        sites, programs = await store.sites(tx, who.site_ids), await store.programs(tx, who.site_ids)
    chosen = {"name": name, "state": state, "site": site, "program": program}
    return PAGES.render(
        request,
        "participants.html",
        flash="They are erased here; the other services follow within moments." if done else None,
        rows=rows,
        total=total,
        chosen=chosen,
        is_filtered=any(chosen.values()),
        sites=[(one.code, one.name) for one in sites],
        programs=[(one.code, one.name) for one in programs],
        first=(page - 1) * A_PAGE + 1,
        earlier=_address(chosen, page - 1) if page > 1 else "",
        later=_address(chosen, page + 1) if page * A_PAGE < total else "",
    )


def _address(chosen: dict[str, str], page: int) -> str:
    return "?" + urlencode({name: value for name, value in chosen.items() if value} | {"page": page})
