"""Names for the codes on a page: only intake holds names, so one request a page asks it for them.

A page writes each person as their code, in an element of its own:

    <span class="person" id="person-KEY" data-person="PERSON">KLM482</span>

KEY is the person's id, a dash, and a number that is new for each place on the page where that person
stands. At its end the page asks once for all of them, and htmx puts the answer in their places:

    GET /intake/names?ids=KEY,KEY,...        (at most LIMIT keys)
    <span class="person" id="person-KEY" data-person="PERSON" hx-swap-oob="true">Marisol T.</span>...

Intake reads the question with `asked`, leaves out whoever the reader may not see (their code simply
stays), and renders `names.html` with `found`, a list of (asked, name). It needs to know nothing else.
"""

import re
import secrets
from dataclasses import dataclass
from uuid import UUID

LIMIT = 400
_KEY = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-[0-9a-z]{1,12}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One place on a page that waits for a name."""

    key: str
    person: UUID


def asked(ids: str) -> list[Asked]:
    """The places that `?ids=` names; what is not a key of ours is passed over."""
    found = (_KEY.fullmatch(key) for key in ids.split(",", LIMIT)[:LIMIT])
    return [Asked(match[0], UUID(match[1])) for match in found if match]


class Names:
    """The places of one page, or of one part that htmx puts into a page, in the order they are written."""

    def __init__(self, part: bool = False) -> None:
        # A part must not use a key again that the page around it has used already.
        self._mark = secrets.token_hex(3) + "x" if part else ""
        self._keys: list[str] = []

    def key(self, person: UUID | str) -> str:
        """A new place for this person."""
        self._keys.append(f"{person}-{self._mark}{len(self._keys) + 1}")
        return self._keys[-1]

    def addresses(self) -> list[str]:
        """Where to ask for the names: one address for as good as every page, none without people."""
        parts = (self._keys[at : at + LIMIT] for at in range(0, len(self._keys), LIMIT))
        return ["/intake/names?ids=" + ",".join(keys) for keys in parts]
