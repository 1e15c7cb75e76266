"""Words that staff write for participants: in every language that is read where they are shown."""

from collections.abc import Collection, Iterator

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from shared.errors import FieldError
from shared.fields import Command, Text

LANGUAGES = {"en": "English", "es": "Spanish"}
PEOPLE_MIN = 11
"""A figure about fewer people than this is a sentence instead."""


class Told(Command):
    """A few lines in the languages of the people who read them."""

    en: Text | None = None
    es: Text | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Told":
        if not (self.en or self.es):
            raise PydanticCustomError("no_words", "Write it in at least one language.")
        return self

    def language(self, wanted: str) -> str:
        """The language in which somebody who reads `wanted` sees it."""
        return next(one for one in (wanted, *LANGUAGES) if getattr(self, one, None))

    def in_(self, wanted: str) -> str:
        """In this language, or else in one that there is."""
        text: str = getattr(self, self.language(wanted))
        return text


def untranslated(field: str, told: Told, languages: Collection[str]) -> Iterator[FieldError]:
    """The languages that are read there and in which it does not say anything yet."""
    for code, name in LANGUAGES.items():
        if code in languages and not getattr(told, code):
            message = f"It is read in {name}, too: write it in {name}."
            yield FieldError(f"{field}.{code}", "translation-missing", message)
