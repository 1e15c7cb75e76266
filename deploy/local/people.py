"""The people of the development issuer: who may be chosen on its sign-in page."""

import json
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

DEFAULT = Path(__file__).with_name("people.json")


@dataclass(frozen=True)
class Person:
    """Somebody of an organisation, with what they do and where (`*` is every site).

    `facilitator` is the reference under which intake knows who leads groups.
    """

    organisation: str
    name: str
    roles: tuple[str, ...]
    sites: tuple[str, ...]
    facilitator: str | None = None

    @property
    def subject(self) -> str:
        """Who this is to the services: the same for a chosen person and a minted token."""
        return str(uuid5(NAMESPACE_URL, f"kith:{self.organisation}/{self.name}"))

    @property
    def about(self) -> str:
        """What the sign-in page says under the name."""
        roles = ", ".join(role.replace("-", " ") for role in self.roles)
        sites = "all sites" if "*" in self.sites else ", ".join(map(_titled, self.sites))
        return f"{roles.capitalize()}, {sites}"


def read_people(path: Path) -> list[Person]:
    """Everybody in the file, in its order."""
    return [
        Person(
            entry["organisation"],
            entry["name"],
            tuple(entry["roles"]),
            tuple(entry["sites"]),
            entry.get("facilitator"),
        )
        for entry in json.loads(path.read_text())
    ]


def by_organisation(people: list[Person]) -> dict[str, list[Person]]:
    """The people under the titles of their organisations."""
    groups: dict[str, list[Person]] = {}
    for person in people:
        groups.setdefault(_titled(person.organisation), []).append(person)
    return groups


def _titled(code: str) -> str:
    return code.replace("-", " ").title()
