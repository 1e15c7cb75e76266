"""Words in the languages of the people who read them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

LANGUAGES = ("en", "es")
SHIPPED = {"is_shipped": True}
"""The context in which a file that ships is read: it must say everything in every language."""


def _legible(text: str) -> str:
    """Something to read, kept exactly as it came: nothing is trimmed."""
    if not text.strip():
        raise PydanticCustomError("string_too_short", "This is needed.")
    if any(ord(char) < 32 and char not in "\r\n\t" for char in text) or "\x7f" in text:
        raise PydanticCustomError("control-character", "Remove the characters that cannot be printed.")
    return text


Phrase = Annotated[str, Field(max_length=2000), AfterValidator(_legible)]
"""Text that people read, exactly as it was written."""


class Words(BaseModel):
    """The same words in several languages; what an organisation writes or loads may have one only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: Phrase | None = None
    es: Phrase | None = None

    @model_validator(mode="after")
    def _says_something(self, info: ValidationInfo) -> "Words":
        is_shipped = bool(info.context and info.context.get("is_shipped"))
        missing = [language for language in LANGUAGES if getattr(self, language) is None]
        if missing and (is_shipped or len(missing) == len(LANGUAGES)):
            raise PydanticCustomError(
                "no_words", "{wrong}", {"wrong": f"the words in {' and '.join(missing)} are missing"}
            )
        return self

    def language(self, wanted: str) -> str:
        """The language in which they are shown to somebody who reads `wanted`."""
        spoken = [language for language in (wanted, *LANGUAGES) if getattr(self, language, None) is not None]
        return spoken[0]

    def in_(self, wanted: str) -> str:
        """In this language, or else in one that there is."""
        text: str = getattr(self, self.language(wanted))
        return text
