"""The instruments that ship: one JSON file each, read and checked when the service starts."""

from functools import cache
from pathlib import Path

from pydantic import ValidationError

from services.feedback.domain.instruments import Instrument, Library
from shared.fields import field_errors

FOLDER = Path(__file__).parent.parent / "instruments"


class Malformed(Exception):
    """A definition that cannot be used: which file, where in it, and what is wrong."""


@cache
def library() -> Library:
    """The newest version of each instrument that ships."""
    return read_library(FOLDER)


def read_library(folder: Path) -> Library:
    """The newest version of each instrument in a folder; raises Malformed."""
    found: Library = {}
    seen: dict[tuple[str, int], Path] = {}
    for path in sorted(folder.glob("*.json")):
        one = _read(path)
        key = (one.code, one.version)
        if key in seen:
            raise Malformed(f"{path}: {one.code} version {one.version} is in {seen[key].name} already")
        seen[key] = path
        if one.code not in found or found[one.code].version < one.version:
            found[one.code] = one
    return found


def _read(path: Path) -> Instrument:
    try:
        return Instrument.model_validate_json(path.read_bytes())
    except ValidationError as error:
        wrong = "; ".join(f"{one.field}: {one.message}" for one in field_errors(error.errors()))
        raise Malformed(f"{path}: {wrong}") from None
