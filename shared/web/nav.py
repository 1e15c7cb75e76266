"""The main navigation: its entries, and who sees which of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Who(Protocol):
    """The person signed in, as a page needs to know them (`request.state.who`)."""

    @property
    def name(self) -> str: ...
    @property
    def organisation(self) -> str: ...
    @property
    def roles(self) -> frozenset[str]: ...
    @property
    def sites(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its words, and where it leads."""

    words: str
    href: str
    also: tuple[str, ...] = ()  # other addresses of pages that stand under it


TODAY = Entry("Today", "/scheduling/")
PEOPLE = Entry("People", "/intake/participants")
GROUPS = Entry("Groups", "/scheduling/groups", ("/scheduling/sessions", "/scheduling/attendance", "/analytics/groups"))
CHECK_INS = Entry("Check-ins", "/feedback/")
CONCERNS = Entry("Concerns", "/feedback/concerns", ("/feedback/rotas",))
VOICES = Entry("Voices", "/feedback/voices", ("/feedback/changes", "/feedback/stories", "/feedback/milestones"))
STORIES = Entry("Stories", "/feedback/stories")
OUTCOMES = Entry("Outcomes", "/analytics/")
SET_UP = Entry("Set-up", "/intake/set-up", ("/intake/sites", "/intake/programs", "/intake/facilitators"))
SERVICES = ("intake", "scheduling", "feedback", "analytics")
OPERATIONS = Entry("Operations", "/intake/operations", tuple(f"/{name}/operations" for name in SERVICES[1:]))

ENTRIES = (TODAY, PEOPLE, GROUPS, CHECK_INS, CONCERNS, VOICES, STORIES, OUTCOMES, SET_UP, OPERATIONS)
SEEN_BY: dict[str, tuple[Entry, ...]] = {
    "facilitator": (TODAY, GROUPS, CONCERNS, STORIES),
    "coordinator": (TODAY, PEOPLE, GROUPS, CHECK_INS, CONCERNS, VOICES, OUTCOMES),
    "program-manager": (GROUPS, VOICES, OUTCOMES),
    "operator": (SET_UP, OPERATIONS),
    "administrator": (TODAY, PEOPLE, GROUPS, CHECK_INS, CONCERNS, VOICES, OUTCOMES, SET_UP),
}


def entries_for(roles: frozenset[str]) -> list[Entry]:
    """What somebody with these roles sees, always in the same order; nothing twice."""
    seen = [entry for entry in ENTRIES if any(entry in SEEN_BY.get(role, ()) for role in roles)]
    return [entry for entry in seen if not any(entry.href in other.also for other in seen)]


def current(path: str, entries: Sequence[Entry] = ENTRIES) -> Entry | None:
    """The one of these that a page stands under: whose address is the longest beginning of its own."""
    above = [(len(one), entry) for entry in entries for one in (entry.href, *entry.also) if _stands_under(path, one)]
    return max(above, key=lambda found: found[0], default=(0, None))[1]


def _stands_under(path: str, href: str) -> bool:
    return path == href or path.startswith(href.rstrip("/") + "/")
