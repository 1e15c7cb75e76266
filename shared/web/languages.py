"""The languages of the pages: which there are, which one a request asks for, and their catalogues."""

from collections.abc import Callable
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

LANGUAGES = {"en": "English", "es": "Español"}
"""Each language under its own name, as a person who reads it would look for it."""

LOCALES = {"en": Locale("en", "GB"), "es": Locale("es")}
TRANSLATIONS: dict[str, NullTranslations] = {}
"""Those that were read so far, by language."""
_CATALOGUES = Path(__file__).parent / "translations"


def language_of(request: Request, default: str = "en") -> str:
    """The language that `?lang=` asks for, if we have it; else the default."""
    asked = request.query_params.get("lang", default)
    return asked if asked in LANGUAGES else default


def locale_of(language: str) -> Locale:
    """How numbers and dates are written in this language."""
    return LOCALES.get(language, LOCALES["en"])


def direction_of(language: str) -> str:
    """Which way people read it: `ltr`, or `rtl`."""
    return "rtl" if locale_of(language).character_order == "right-to-left" else "ltr"


def catalogue(language: str) -> NullTranslations:
    """The translations, compiled in memory from the .po that people edit; English is the source."""
    if language not in TRANSLATIONS:
        TRANSLATIONS[language] = _read(language)
    return TRANSLATIONS[language]


def _read(language: str) -> NullTranslations:
    path = _CATALOGUES / language / "LC_MESSAGES" / "kith.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled, domain="kith")


def speaker(language: str) -> Callable[..., str]:
    """The `_` of a page: `_("Question %(n)s of %(total)s", n=2, total=4)`."""
    translate = catalogue(language).gettext

    def say(text: str, **values: object) -> str:
        said = translate(text) if text else ""  # the empty msgid is the catalogue's header
        return said % values if values else said

    return say


def counter(language: str) -> Callable[..., str]:
    """The `ngettext` of a page: `ngettext("%(n)s day", "%(n)s days", 3)`."""
    translate = catalogue(language).ngettext

    def say(one: str, many: str, n: int, **values: object) -> str:
        return translate(one, many, n) % {"n": n, **values}

    return say
