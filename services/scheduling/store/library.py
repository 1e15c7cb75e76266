"""The library that ships with Kith. A malformed file stops the service at its start, and says where."""

from pathlib import Path

from pydantic import ValidationError

from services.scheduling.domain.library import Library

PATH = Path(__file__).parent.parent / "library.json"


def read_library(path: Path) -> Library:
    """The library in this file."""
    try:
        return Library.model_validate_json(path.read_text())
    except ValidationError as error:
        raise RuntimeError(f"{path} is not a library of activities: {error}") from None


LIBRARY = read_library(PATH)
