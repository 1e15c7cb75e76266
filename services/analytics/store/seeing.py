"""What a reader sees: coordinators their people as they are now, everybody else the newest release."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.analytics.domain import ANSWERED_MIN, Cut, People
from services.analytics.domain.rules import Rules
from shared.database import Tx
from shared.security import Who


@dataclass(frozen=True, slots=True)
class Seen:
    """The sites that a reader sees (None: all), and as of when: a release, or live where there is none.

    `release` is 0 where none has been made yet.
    """

    sites: Sequence[UUID] | None
    release: int | None
    data_through: datetime | None
    released_at: datetime | None = None
    rules: Rules = field(default_factory=Rules)
    answered_min: int = ANSWERED_MIN

    @property
    def is_live(self) -> bool:
        """Whether figures move with every check-in."""
        return self.release is None

    @property
    def cut(self) -> Cut:
        """As of when a reader sees what did not wait."""
        return Cut(self.release, self.data_through)

    @property
    def nobody(self) -> People:
        """As the reader sees a group of which nothing is known."""
        return People(people_min=self.rules.people_min, cut=self.cut, answered_min=self.answered_min)

    @property
    def is_by_site_alone(self) -> bool:
        """Whether people are told apart by site and by nothing else: all else is released of all sites together."""
        return not self.is_live and self.sites is not None


async def seen_by(tx: Tx, who: Who) -> Seen:
    """What this reader sees."""
    if "coordinator" in who.roles:
        return await seen_now(tx, who)
    answered_min = await find_answered_min(tx)
    row = await tx.fetchrow(
        """select release, data_through, released_at, people_min, zeros_hidden
           from releases order by release desc limit 1"""
    )
    if row is None:
        return Seen(who.site_ids, 0, None, answered_min=answered_min)
    rules = Rules(row["people_min"], row["zeros_hidden"])
    return Seen(who.site_ids, row["release"], row["data_through"], row["released_at"], rules, answered_min)


async def seen_now(tx: Tx, who: Who) -> Seen:
    """The people of this reader's sites as they are now: for coordinators, and of a group for those who lead there."""
    rules, answered_min = await find_rules(tx), await find_answered_min(tx)
    return Seen(who.site_ids, None, await find_horizon(tx), rules=rules, answered_min=answered_min)


async def find_rules(tx: Tx) -> Rules:
    """How small a number the organisation hides."""
    row = await tx.fetchrow("select people_min, zeros_hidden from small_numbers")
    return Rules(row["people_min"], row["zeros_hidden"]) if row else Rules()


async def find_answered_min(tx: Tx) -> int:
    """From how many percent of answers on rates are given. It moves nothing that is released, so it holds at once."""
    found: int | None = await tx.fetchval("select answered_min from small_numbers")
    return ANSWERED_MIN if found is None else found


async def find_horizon(tx: Tx) -> datetime | None:
    """How far the data of the organisation reach."""
    newest: datetime | None = await tx.fetchval("select newest_event_at from horizons")
    return newest
