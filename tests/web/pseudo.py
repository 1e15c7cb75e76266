"""Languages that nobody speaks: one that is read from right to left, one in which everything is 40 % longer."""

from collections.abc import Iterator
from contextlib import contextmanager
from gettext import NullTranslations
from unicodedata import normalize

from babel import Locale

from shared.web import languages

MIRRORED, LONG = "ar-XB", "en-XA"
_LETTERS = str.maketrans("aeiounc", "åéîöüñç")


class Mirrored(NullTranslations):
    """English letters forced into the order of Arabic, so that what is not translated or not mirrored is seen."""

    def gettext(self, message: str) -> str:
        return f"\u202e{message}\u202c" if message else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


class Long(NullTranslations):
    """English, 40 % longer, with marks on its letters."""

    def gettext(self, message: str) -> str:
        return longer(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def longer(text: str) -> str:
    """The text and two fifths of it once more; placeholders stay."""
    words = text.split()
    more = [word for word in words if "%" not in word][: max(1, round(len(words) * 0.4))]
    marked = " ".join(word if "%" in word else normalize("NFC", word.translate(_LETTERS)) for word in words)
    return f"[{marked} {' '.join(more)}]" if text else text


@contextmanager
def pseudo_languages() -> Iterator[None]:
    """For a test both can be asked for by ?lang=."""
    languages.LANGUAGES.update({MIRRORED: "ﺔﻴﺑﺮﻋ", LONG: "Lông"})
    languages.LOCALES.update({MIRRORED: Locale("ar"), LONG: Locale("en", "GB")})
    languages.TRANSLATIONS.update({MIRRORED: Mirrored(), LONG: Long()})
    try:
        yield
    finally:
        for one in (MIRRORED, LONG):
            for known in (languages.LANGUAGES, languages.LOCALES, languages.TRANSLATIONS):
                known.pop(one)  # type: ignore[attr-defined]
