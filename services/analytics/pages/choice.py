"""What a reader wants to see of a program: an instrument, and two occasions at which it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends

from services.analytics import store
from services.analytics.domain import Asked, Instrument, People, about
from services.analytics.store import Program, Seen
from shared.database import Tx
from shared.doors import allow
from shared.errors import NotFound
from shared.security import Who

Analyst = Annotated[Who, Depends(allow("program-manager", "coordinator", "administrator"))]
Query = Mapping[str, str]
KINDS = ("enrolled", "eligible", "invited", "reached", "responded", "stay", "answer", "pair")
"""All facts that the sheets of a program need, but those by week."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader wants to see of a program, and as of when. `by` is an attribute by which people are told apart.

    What several sheets are made of is read when the first of them asks for it, and kept.
    """

    seen: Seen
    program: Program
    instrument: Instrument
    first: str
    later: str
    by: str | None = None
    read: dict[str, Mapping[str, People]] = field(default_factory=dict, compare=False)

    @property
    def occasions(self) -> list[str]:
        """All occasions of the instrument, in the battery's order."""
        return self.program.occasions(self.instrument.code)

    @property
    def asked(self) -> Asked:
        """As the figures know it."""
        return Asked(self.program.code, self.instrument, self.first, self.later)

    async def people(self, tx: Tx, label: str) -> Mapping[str, People]:
        """The people of the program by a label, with what is known of the instrument."""
        if label not in self.read:
            wanted = about(self.instrument.code, *KINDS)
            self.read[label] = await store.by(tx, self.program.program_id, label, self.seen, wanted)
        return self.read[label]

    async def everybody(self, tx: Tx) -> People:
        """All of them together."""
        if "" not in self.read:
            self.read[""] = {"": await self._everybody(tx)}
        return self.read[""][""]

    async def told_apart(self, tx: Tx) -> str | None:
        """The attribute by which people are told apart: the one that is asked for, or else the first."""
        known = await store.labels(tx, self.program.program_id, self.seen)
        by = self.by or next((one for one in known if one not in ("cohort", "group", "site")), None)
        return by if by in known else None

    async def _everybody(self, tx: Tx) -> People:
        if store.is_by_site(self.seen):
            return store.together_of(await self.people(tx, store.BY_SITE), self.seen)
        return await store.everybody(tx, self.program.program_id, self.seen, about(self.instrument.code, *KINDS))

    @property
    def query(self) -> str:
        """As the end of an address."""
        asked = {"instrument": self.instrument.code, "from": self.first, "to": self.later}
        return urlencode(asked | ({"attribute": self.by} if self.by else {}))


async def chosen(tx: Tx, who: Who, code: str, query: Query) -> tuple[Seen, Program, Choice | None]:
    """What the reader of an address sees, its program, and what it asks for."""
    program = await store.get_program(tx, who.organisation_id, code, who.site_ids)
    seen = await store.seen_by(tx, who)
    return seen, program, choose(seen, program, await store.instruments(tx), query)


def choose(seen: Seen, program: Program, known: Mapping[str, Instrument], query: Query) -> Choice | None:
    """What an address asks for; by default the first instrument that is asked twice, first to last occasion.

    Change goes forward: of two occasions the earlier one of the battery is the first.
    """
    twice = [one for one in program.instruments if one in known and len(program.occasions(one)) > 1]
    if "instrument" not in query and not twice:
        return None
    code = query.get("instrument") or twice[0]
    occasions = program.occasions(code)
    if code not in known or len(occasions) < 2:
        raise NotFound("instrument")
    first, later = query.get("from") or occasions[0], query.get("to") or occasions[-1]
    if first not in occasions or later not in occasions:
        raise NotFound("occasion")
    first, later = sorted((first, later), key=occasions.index)
    return Choice(seen, program, known[code], first, later, query.get("attribute"))
