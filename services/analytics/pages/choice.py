"""What a reader wants to see of a program: an instrument, and two occasions at which it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends

from services.analytics import store
from services.analytics.domain import Asked, Change, Instrument, People, about, change
from services.analytics.store import Program, Seen
from shared.database import Tx
from shared.doors import allow
from shared.errors import NotFound
from shared.security import Who

Analyst = Annotated[Who, Depends(allow("program-manager", "coordinator", "administrator"))]
Query = Mapping[str, str]
KINDS = ("eligible", "invited", "reached", "responded", "stay", "completed", "week", "in-week")
"""What the sheets of a program say of everybody, beside what changed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader wants to see of a program, and as of when. `by` is an attribute by which people are told apart.

    What several sheets are made of is read when the first of them asks for it, and kept.
    """

    seen: Seen
    program: Program
    known: Mapping[str, Instrument]
    instrument: Instrument
    first: str
    later: str
    by: str | None = None
    read: dict[str, Mapping[str, People]] = field(default_factory=dict, compare=False)
    read_labels: list[str] = field(default_factory=list, compare=False)
    read_changes: list[Change] = field(default_factory=list, compare=False)

    @property
    def occasions(self) -> list[str]:
        """All occasions of the instrument, in the battery's order."""
        return self.program.occasions(self.instrument.code)

    @property
    def asked(self) -> Asked:
        """As the figures know it."""
        return Asked(self.program.code, self.instrument, self.first, self.later)

    @property
    def course(self) -> list[Asked]:
        """The change since the first occasion, at each later one."""
        following = self.occasions[self.occasions.index(self.first) + 1 :]
        return [Asked(self.program.code, self.instrument, self.first, at) for at in following]

    @property
    def after_sessions(self) -> Instrument:
        """The first instrument of which the battery asks after sessions, if it does of any."""
        return asked_after_sessions(self.program, self.known) or self.instrument

    @property
    def facts(self) -> set[str]:
        """How the facts begin that tell of all of it."""
        three = self.program.lasting(self.instrument.code)
        kept = [Asked(self.program.code, self.instrument, three[0], three[2])] if three else []
        every = (fact for one in (*self.course, *kept) for fact in one.facts)
        return {*about(self.after_sessions.code, *KINDS), *every}

    async def people(self, tx: Tx, label: str) -> Mapping[str, People]:
        """The people of the program by a label, with what is known of these two occasions, and how they stay."""
        if label not in self.read:
            wanted = [*self.asked.facts, "stay"]
            self.read[label] = await store.by(tx, self.program.program_id, label, self.seen, wanted)
        return self.read[label]

    async def everybody(self, tx: Tx) -> People:
        """All of them together, with all that is known."""
        if "" not in self.read:
            self.read[""] = {"": await store.everybody(tx, self.program.program_id, self.seen, self.facts)}
        return self.read[""][""]

    async def changes(self, tx: Tx) -> Sequence[Change]:
        """How everybody changed since the first occasion, at each later one."""
        if not self.read_changes:
            people = await self.everybody(tx)
            self.read_changes.extend(change(asked, people) for asked in self.course)
        return self.read_changes

    async def told_apart(self, tx: Tx) -> str | None:
        """The attribute by which people are told apart: the one that is asked for, or else the first; if there is none,
        the quarter of enrolment, which is known of everybody.
        """
        known = await self.labels(tx)
        by = self.by or next((one for one in known if one not in ("cohort", "group", "site")), "cohort")
        return by if by in known else None

    async def labels(self, tx: Tx) -> Sequence[str]:
        """By what a page tells the people of the program apart: not by who leads their group."""
        if self.seen.is_by_site_alone:
            return [store.BY_SITE]
        if not self.read_labels:
            known = await store.labels(tx, self.program.program_id, self.seen)
            self.read_labels.extend(one for one in known if one != store.LEADER)
        return self.read_labels

    async def latest(self, tx: Tx) -> str:
        """The last occasion with a change to show; where there is none yet, the last one of all."""
        shown = [one.asked.later for one in await self.changes(tx) if not one.suppressed]
        return shown[-1] if shown else self.later

    def forget(self) -> None:
        """Let go of thousands of facts: what a template is given stays until the garbage is looked for."""
        self.read.clear()

    @property
    def query(self) -> str:
        """As the end of an address."""
        return self.question + (f"&{urlencode({'attribute': self.by})}" if self.by else "")

    @property
    def question(self) -> str:
        """The same for another program, where people may be told apart by other attributes."""
        return urlencode({"instrument": self.instrument.code, "from": self.first, "to": self.later})


def asked_after_sessions(program: Program, known: Mapping[str, Instrument]) -> Instrument | None:
    """The first instrument of which the battery asks after sessions."""
    codes = [code for one in program.entries if one["kind"] == "session" for code in one["instruments"]]
    return next((known[code] for code in codes if code in known), None)


async def chosen(tx: Tx, who: Who, code: str, query: Query) -> tuple[Seen, Program, Choice | None]:
    """What the reader of an address sees, its program, and what it asks for; by default up to the latest change."""
    seen = await store.seen_by(tx, who)
    program = await store.get_program(tx, who.organisation_id, code, who.site_ids, seen)
    choice = choose(seen, program, await store.instruments(tx, program.program_id, seen), query)
    if choice and choice.by and not seen.is_by_site_alone and choice.by not in await choice.labels(tx):
        raise NotFound("attribute")
    if choice and query.get("to") not in choice.occasions:
        choice = replace(choice, later=await choice.latest(tx))
    return seen, program, choice


def choose(seen: Seen, program: Program, known: Mapping[str, Instrument], query: Query) -> Choice | None:
    """What an address asks for; by default the first instrument that is asked twice, first to last occasion.

    Change goes forward: of two occasions the earlier one of the battery is the first.
    """
    twice = [one for one in program.instruments if one in known and len(program.occasions(one)) > 1]
    if "instrument" not in query and not twice:
        return None
    code = query.get("instrument", next(iter(twice), ""))
    occasions = program.occasions(code)
    if code not in known or len(occasions) < 2:
        raise NotFound("instrument")
    ends = (query.get("from"), occasions[0]), (query.get("to"), occasions[-1])
    first, later = sorted((_occasion(program, occasions, *one) for one in ends), key=occasions.index)
    return Choice(seen, program, known, known[code], first, later, query.get("attribute"))


def _occasion(program: Program, occasions: Sequence[str], wanted: str | None, default: str) -> str:
    """The one that is wanted; the default where this instrument is not asked then: a form sends what another had."""
    if wanted and wanted in occasions:
        return wanted
    if wanted and wanted not in {entry["occasion"] for entry in program.entries}:
        raise NotFound("occasion")
    return default
