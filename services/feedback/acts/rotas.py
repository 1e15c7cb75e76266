"""Who is on call is set; gaps that come within sight are told to everybody on the rota."""

from datetime import datetime, timedelta
from uuid import UUID

from services.feedback import store
from services.feedback.domain.rota import SetRota, gaps, is_told
from shared.database import Tx
from shared.security import Who

A_DAY = timedelta(days=1)


async def set_rota(tx: Tx, who: Who, site: store.SiteRota, rota: SetRota, moment: datetime) -> None:
    """The rota of a site from now on, which is looked at in a moment; the one that stands already is no news."""
    if rota != site.place.rota:
        await store.save_rota(tx, who.organisation_id, site.site_id, rota, moment)


async def tell_of_gap(tx: Tx, organisation: UUID, site_id: UUID, moment: datetime) -> datetime:
    """Tell everybody on the rota of the next gap, unless that was done within a day; gives when to look again."""
    site = await store.get_rota(tx, site_id, None)
    rota, zone = site.place.rota, site.place.zone
    gap = next(iter(gaps(rota, moment, zone)), None)
    if rota is None or gap is None:
        return moment + A_DAY
    told = await store.gaps_told(tx, site_id, moment - A_DAY)
    before = [at for since, at in told.items() if is_told(rota, gap, since, zone)]
    if before:
        return max(before) + A_DAY
    for one in rota.responders:
        await store.add_alert(tx, (organisation, site_id), None, (one.email, one.name), gap.begins_at, moment)
    return moment + A_DAY
