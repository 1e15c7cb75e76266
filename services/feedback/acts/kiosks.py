"""Putting a tablet at the door of a session, and what can be answered at it."""

import hashlib
import secrets
from datetime import datetime

from services.feedback import store
from services.feedback.acts.watching import is_on_call
from services.feedback.domain.check_in import has_words
from services.feedback.domain.kiosk import Kiosk, OpenKiosk, closing_time
from shared import metrics
from shared.clock import now
from shared.database import Tx
from shared.errors import NotFound
from shared.events.ids import program_id_of, site_id_of
from shared.fields import invalid
from shared.identity import new_id
from shared.security import Who
from shared.web.languages import LANGUAGES


async def open_kiosk(tx: Tx, who: Who, command: OpenKiosk) -> tuple[Kiosk, store.Site, str]:
    """The tablet, its site, and the path of its page: that is told once, nothing but its SHA-256 is kept."""
    moment, token = now(), secrets.token_urlsafe(16)
    site = await store.get_site(tx, site_id_of(who.organisation_id, command.site), who.site_ids)
    program_id = program_id_of(who.organisation_id, command.program) if command.program else None
    try:
        if program_id:
            await store.get_program(tx, program_id, [site.site_id])
    except NotFound as unknown:
        message = "There is no such program at this site: choose another one, or none."
        raise invalid("program", unknown.code, message) from None
    kiosk = Kiosk(
        kiosk_id=new_id(),
        organisation_id=who.organisation_id,
        site_id=site.site_id,
        program_id=program_id,
        shows_codes=command.shows_codes,
        opened_at=moment,
        opened_by=who.subject,
        closes_at=closing_time(command, site.time_zone, moment),
        wrong_codes=0,
        wrong_since=None,
    )
    language = next((one for one in site.languages if one in LANGUAGES), "en")
    await store.add_kiosk(tx, kiosk, hashlib.sha256(token.encode()).hexdigest(), language)
    return kiosk, site, f"/c/kiosk/{token}"


async def answerable(tx: Tx, kiosk: Kiosk, moment: datetime, code: str | None = None) -> list[store.Waiting]:
    """What can be answered at a tablet now, by everybody or by whoever has this code: what has its words here.

    What can raise a concern is among it only while somebody is on call.
    """
    library, is_watched = await store.library_of(tx), await is_on_call(tx, kiosk.site_id, moment)
    found = []
    for one in await store.open_at_kiosk(tx, kiosk, moment, code):
        asked = [name for name in one.instruments if name in library]
        if not has_words(asked, library):
            continue
        if is_watched or not any(library[name].has_risk for name in asked):
            found.append(one)
        elif code:
            metrics.QUESTIONS_WITHHELD.inc()
    return found
