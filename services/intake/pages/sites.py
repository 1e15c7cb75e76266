"""The set-up of sites."""

from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import store
from services.intake.domain.sites import OpenSite, Site, open_site
from services.intake.pages.forms import check_code, language_name, new_code, only, several, shown
from shared import outbox
from shared.clock import now
from shared.database import Database
from shared.doors import Db, allow, form, mark, refuse_stale, submitted
from shared.errors import NotFound, Refusal
from shared.events.base import Code
from shared.events.ids import site_id_of
from shared.fields import invalid
from shared.security import Who
from shared.web import LANGUAGES

router = APIRouter(prefix="/intake/set-up/sites", include_in_schema=False)
Administrator = Annotated[Who, Depends(allow("administrator"))]
FIELDS = ("time_zone", "quiet_from", "quiet_until", "messages_a_day")
Viewer = Annotated[Who, Depends(allow("administrator", "operator"))]


@router.get("")
async def sites_page(request: Request, db: Db, who: Viewer) -> Response:
    """The sites, and a form for one more."""
    return await _shown(request, db, who, {}, None)


@router.post("")
async def new_site_form(request: Request, db: Db, who: Administrator) -> Response:
    """Open a site. Its code is made of its name unless one is given."""
    fields = await submitted(request)
    return await _save(request, db, who, new_code(fields), fields, None)


@router.get("/{code}")
async def site_page(code: Code, request: Request, db: Db, who: Administrator) -> Response:
    """The form for one site."""
    site = await _get(db, who, code)
    known = {name: getattr(site, name) for name in ("name", "code", *FIELDS)}
    fields = known | {"languages": list(site.languages), "was": mark(site)}
    return await _shown(request, db, who, fields, None, site)


@router.post("/{code}")
async def site_form(code: Code, request: Request, db: Db, who: Administrator) -> Response:
    """Change a site."""
    site = await _get(db, who, code)
    return await _save(request, db, who, code, await submitted(request), site)


async def _get(db: Database, who: Who, code: str) -> Site:
    site_id = site_id_of(who.organisation_id, code)
    async with db.transaction(who.organisation_id) as tx:
        site = await store.find_site(tx, site_id)
    if site is None or not who.sees(site_id):
        raise NotFound("site")
    return site


async def _save(
    request: Request, db: Database, who: Who, code: str, fields: dict[str, Any], site: Site | None
) -> Response:
    site_id = site_id_of(who.organisation_id, code)
    try:
        check_code(code, "old-town")
        who.must_see(site_id, "site")
        command = form(OpenSite, only(fields, "name", *FIELDS) | {"languages": several(fields, "languages")})
        async with db.transaction(who.organisation_id) as tx:
            await store.get_organisation(tx, who.organisation_id)
            known = await store.find_site(tx, site_id)
            if known and site is None:
                raise invalid("code", "code-taken", "There is a site with this code: choose another, or open that one.")
            refuse_stale(fields, known)
            opened, event = open_site(who.organisation_id, known, code, command)
            await store.save_site(tx, opened)
            if event:
                outbox.put(tx, event, organisation=who.organisation_id, at=now())
    except Refusal as refusal:
        return await _shown(request, db, who, fields, refusal, site)
    return RedirectResponse("/intake/set-up/sites?done=1", 303)


async def _shown(
    request: Request,
    db: Database,
    who: Who,
    fields: dict[str, Any],
    refusal: Refusal | None,
    site: Site | None = None,
) -> Response:
    async with db.transaction(who.organisation_id) as tx:
        sites = await store.sites(tx, who.site_ids)
    return shown(
        request,
        "sites.html",
        fields,
        refusal,
        sites=sites,
        site=site,
        chosen=several(fields, "languages"),
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix"))),
        languages=[(code, language_name(code)) for code in LANGUAGES],
        language_name=language_name,
        may_change="administrator" in who.roles,
        flash="Saved." if request.query_params.get("done") else None,
    )
