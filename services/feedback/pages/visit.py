"""Whoever comes by the link of a check-in to see what is theirs, and whether it still leads anywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse

from services.feedback import store
from services.feedback.domain.check_in import Occasion
from services.feedback.domain.instruments import Library
from services.feedback.pages.help import find_link, help_of
from services.feedback.pages.templates import PAGES
from shared.clock import now
from shared.database import Database, Tx
from shared.errors import NotFound
from shared.web.languages import language_of

GONE = 410


@dataclass(frozen=True, slots=True)
class Visit:
    """Whose link it is, in which language, and whether it still leads anywhere."""

    occasion: Occasion
    library: Library
    language: str
    contacts: store.Contacts | None
    is_over: bool

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of their site."""
        return ZoneInfo(self.occasion.time_zone)

    @property
    def takes_part(self) -> bool:
        """Whether they agree to it, and have not left."""
        return self.occasion.taking_part and not self.occasion.has_withdrawn


@asynccontextmanager
async def visiting(request: Request, db: Database, token: str) -> AsyncIterator[tuple[Tx, Visit]]:
    """A transaction in the organisation of the link, and what it leads to. It may be heard of before its occasion."""
    link = await find_link(db, token)
    if link is None:
        raise NotFound("link")
    async with db.transaction(link.organisation_id) as tx:
        library = await store.library_of(tx)
        try:
            occasion = await store.get_occasion(tx, link.occasion_id, None, library)
        except NotFound:
            raise NotFound("link") from None
        contacts = await store.find_contacts(tx, occasion.site_id)
        yield tx, Visit(occasion, library, language_of(request, link.language), contacts, link.expires_at <= now())


def just_done(request: Request, *ways: str) -> str:
    """What the address says was just done. The answer to a form, such as another language, says nothing of it."""
    return next((one for one in ways if one in request.query_params), "") if request.method == "GET" else ""


def own_page(request: Request, visit: Visit, name: str, status: int = 200, **more: Any) -> HTMLResponse:
    """The page; at a link that is over nothing but that, and what was just done or not sent."""
    return PAGES.render(
        request,
        "your-link-is-over.html" if visit.is_over else name,
        GONE if visit.is_over else status,
        lang=visit.language,
        link="/".join(request.url.path.split("/")[:3]),
        time_zone=visit.occasion.time_zone,
        **help_of(visit.contacts, visit.language),
        **({"done": "", "unsent": ""} | more),
    )
