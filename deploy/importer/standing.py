"""What stands in Kith, beside what a file says of it: what people have changed since is not put back unasked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from deploy.importer.doors import Doors
from deploy.importer.rows import Row
from deploy.importer.tables import TABLES

KEYS = {"sites": "code", "programs": "code", "facilitators": "reference", "groups": "code"}


def differs(says: Mapping[str, Any], stands: Mapping[str, Any]) -> bool:
    """Whether a file says, in the words of the service, something else than what stands."""
    return any(stands.get(name) != value for name, value in says.items())


async def changed_here(doors: Doors, file: str, rows: Sequence[Row]) -> dict[int, str]:
    """The lines of a file that say something else than what stands, each with what it is about."""
    service, table = TABLES[file]
    answer = await doors.ask("GET", f"/{service}/api/v1/{file}")
    key = KEYS[file]
    standing = {one[key]: one for one in (answer if isinstance(answer, list) else answer[file])}
    known = [(row, standing[row.cells[key]]) for row in rows if row.cells.get(key) in standing]
    return {
        row.line: f"{file[:-1]} {row.cells[key]}"
        for row, stands in known
        if differs(dict(_said_back(file, table.row, row.cells)), stands)
    }


def _said_back(file: str, model: Any, cells: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """What a row says, as the service would say it back; of one that cannot be read the service tells why."""
    try:
        row = model.model_validate({name: cell for name, cell in cells.items() if cell})
    except ValidationError:
        return
    for name, value in row.model_dump(mode="json", include=set(cells)).items():
        if name == "qualifications":
            yield name, [{"code": code, "valid_until": day} for code, day in sorted(value.items())]
        elif file == "groups" and name == "starts_at":
            yield "starts_at_local", value
        elif file != "sites" or value is not None:  # an empty cell of a site is "as it is"
            yield name, value
