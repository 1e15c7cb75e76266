"""The instruments that can be asked: those that ship, and what an organisation has brought itself."""

from functools import cache, lru_cache
from pathlib import Path

from pydantic import ValidationError

from services.feedback.domain.instruments import SHIPPED, Instrument, Library
from services.feedback.domain.wording import Wording, worded
from shared.database import Tx
from shared.fields import field_errors

FOLDER = Path(__file__).parent.parent / "instruments"
_BROUGHT = """
    (select distinct on (code) code, version, '' as language, definition::text as content
     from own_instruments order by code, version desc)
    union all
    (select distinct on (code, version, language) code, version, language, content::text
     from wordings order by code, version, language, number desc)"""


class Malformed(Exception):
    """A definition that cannot be used: which file, where in it, and what is wrong."""


@cache
def library() -> Library:
    """The newest version of each instrument that ships, without what organisations bring."""
    return read_library(FOLDER)


def read_library(folder: Path) -> Library:
    """The newest version of each instrument in a folder; raises Malformed."""
    found: dict[str, Instrument] = {}
    seen: dict[tuple[str, int], Path] = {}
    for path in sorted(folder.glob("*.json")):
        one = read_definition(path)
        key = (one.code, one.version)
        if key in seen:
            raise Malformed(f"{path}: {one.code} version {one.version} is in {seen[key].name} already")
        seen[key] = path
        if one.code not in found or found[one.code].version < one.version:
            found[one.code] = one
    return found


def read_definition(path: Path) -> Instrument:
    """The instrument that a file defines; raises Malformed."""
    try:
        return Instrument.model_validate_json(path.read_bytes(), context=SHIPPED)
    except ValidationError as error:
        wrong = "; ".join(
            one.message if one.field == "body" and one.code == "inconsistent" else f"{one.field}: {one.message}"
            for one in field_errors(error.errors())
        )
        raise Malformed(f"{path}: {wrong}") from None


async def library_of(tx: Tx) -> Library:
    """What can be asked in an organisation: what ships, with the wording that it has loaded, and its own."""
    found = dict(library())
    wordings: dict[str, list[str]] = {}
    for row in await tx.fetch(_BROUGHT):
        if not row["language"]:
            found[row["code"]] = _own(row["content"])
        elif row["code"] in found and found[row["code"]].version == row["version"]:
            wordings.setdefault(row["code"], []).append(row["content"])
    return found | {code: _worded(code, found[code].version, tuple(texts)) for code, texts in wordings.items()}


@lru_cache(maxsize=1024)
def _own(content: str) -> Instrument:
    return Instrument.model_validate_json(content)


@lru_cache(maxsize=1024)
def _worded(code: str, version: int, contents: tuple[str, ...]) -> Instrument:
    return worded(library()[code], [Wording.model_validate_json(one) for one in contents])
