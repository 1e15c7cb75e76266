"""Where sessions were held."""

from uuid import UUID

from services.analytics.store.seeing import Seen
from shared.database import Tx


async def groups_held(tx: Tx, program: UUID, seen: Seen) -> dict[str, int]:
    """How many groups have held a session, by the code of each site of the program that the reader sees.

    For readers of releases until the newest event in its data; before the first release there is nothing.
    """
    if not seen.is_live and seen.data_through is None:
        return {}
    rows = await tx.fetch(
        """select s.code, count(distinct h.group_id) as many
           from programs p join sites s on s.site_id = any (p.site_ids)
                left join groups g on g.program_id = p.program_id and g.site_id = s.site_id
                left join sessions h on h.group_id = g.group_id and ($3::timestamptz is null or h.starts_at <= $3)
           where p.program_id = $1 and ($2::uuid[] is null or s.site_id = any ($2))
           group by s.code order by s.code""",
        program,
        seen.sites,
        None if seen.is_live else seen.data_through,
    )
    return {row["code"]: row["many"] for row in rows}
