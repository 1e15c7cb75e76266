"""Whether a bad answer finds somebody: questions that can raise a concern are asked only while somebody is on call."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.feedback import store
from services.feedback.domain.check_in import Occasion
from services.feedback.domain.instruments import Library
from services.feedback.domain.rota import gaps, on_call_from
from shared import metrics
from shared.database import Tx


async def watched_from(tx: Tx, occasion: Occasion, library: Library, moment: datetime) -> datetime | None:
    """From when on its questions may be shown: at once, or when somebody is on call again; None if nobody will be."""
    if not any(library[code].has_risk for code in occasion.instruments):
        return moment
    since = await _on_call_from(tx, occasion.site_id, moment)
    if since != moment:
        metrics.QUESTIONS_WITHHELD.inc()
    return since


async def is_on_call(tx: Tx, site_id: UUID, moment: datetime) -> bool:
    """Whether somebody is on call at a site."""
    return await _on_call_from(tx, site_id, moment) == moment


async def _on_call_from(tx: Tx, site_id: UUID, moment: datetime) -> datetime | None:
    place = (await store.get_rota(tx, site_id, None)).place
    return on_call_from(place.rota, moment, place.zone)


def uncovered(sites: Sequence[store.SiteRota], moment: datetime) -> list[str]:
    """Those of the sites where nobody is on call for a part of the time ahead."""
    return [one.code for one in sites if gaps(one.place.rota, moment, one.place.zone)]


async def unwatched_sites(tx: Tx, library: Library, site_ids: Sequence[UUID] | None, moment: datetime) -> list[str]:
    """Those of the reader's sites that ask what can raise a concern, and have a gap in their rota."""
    risky = [one.code for one in library.values() if one.has_risk]
    asked = await store.rotas_where_asked(tx, risky)
    return uncovered([one for one in asked if site_ids is None or one.site_id in site_ids], moment)
