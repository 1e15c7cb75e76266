"""What every page stands on: the layout, the shapes, the words in two languages, the strict headers."""

from pathlib import Path

from shared.web.languages import LANGUAGES, language_of
from shared.web.names import Asked, asked
from shared.web.nav import Who
from shared.web.pages import Pages

STATIC = Path(__file__).parent / "static"

__all__ = ["LANGUAGES", "STATIC", "Asked", "Pages", "Who", "asked", "language_of"]
