"""Consent: published texts that never change, and what a participant agrees to."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.errors import FieldError, Refusal
from shared.events.base import Code, Language
from shared.events.intake import Consents
from shared.fields import Command, Text

STANDARD = "standard"
NEEDED = FieldError(
    "consent.taking_part", "consent-needed", "Nobody is enrolled without agreeing to take part: ask for that first."
)


class ConsentText(Command):
    """One version of a consent text in one language."""

    code: Code
    version: int = Field(ge=1, le=10_000)
    language: Language
    text: Annotated[Text, StringConstraints(min_length=1)]


class GiveConsent(Command):
    """What somebody agrees to, by which version of which text."""

    text: Code
    version: int = Field(ge=1, le=10_000)
    taking_part: bool
    reporting: bool
    contact_after: bool

    @property
    def consents(self) -> Consents:
        """The three agreements alone."""
        return Consents(taking_part=self.taking_part, reporting=self.reporting, contact_after=self.contact_after)


_ENGLISH = """\
Taking part. You meet with others in a group that trained peers lead. We keep your name, how to reach you, when you
came, and what you answer when we ask how you are. You need not answer, and you may stop at any time, without
giving a reason and without losing any other help.

Reports. If you agree, your answers are counted together with those of many others, to see whether the program helps.
Nobody can be recognised in a report.

Afterwards. If you agree, we write to you some time after the program has ended and ask how you are then.

You can change your mind about each of these at any time: tell your coordinator. You may ask to see what we keep
about you, to have it corrected, and to have it erased.

If we believe that somebody's life is in danger, we may have to tell others who can help. We would talk with you
first, if we can."""

_SPANISH = """\
Participar. Se reúne con otras personas en un grupo que guían pares formados para ello. Guardamos su nombre, cómo
ponernos en contacto, los días en que vino y lo que responde cuando le preguntamos cómo está. No tiene que
responder y puede dejarlo cuando quiera, sin dar razones y sin perder ninguna otra ayuda.

Informes. Si está de acuerdo, sus respuestas se cuentan junto con las de muchas otras personas, para ver si el
programa ayuda. En un informe no se puede reconocer a nadie.

Después. Si está de acuerdo, le escribimos un tiempo después del final del programa para preguntarle cómo está.

Puede cambiar de opinión sobre cada punto en cualquier momento: dígaselo a la persona que coordina. Puede pedir ver
lo que guardamos, corregirlo y borrarlo.

Si creemos que la vida de alguien corre peligro, quizá tengamos que avisar a quien pueda ayudar. Si es posible, lo
hablaremos antes con usted."""

STANDARD_TEXTS = (
    ConsentText(code=STANDARD, version=1, language="en", text=_ENGLISH),
    ConsentText(code=STANDARD, version=1, language="es", text=_SPANISH),
)


def publish(published: Sequence[ConsentText], wanted: Sequence[ConsentText]) -> list[ConsentText]:
    """Which of the wanted texts are new; refuses other words for a version that people may have agreed to."""
    known = {(one.code, one.version, one.language): one.text for one in published}
    new: list[ConsentText] = []
    for text in wanted:
        key = (text.code, text.version, text.language)
        if known.setdefault(key, text.text) != text.text:
            raise Refusal(
                "consent-text-is-published",
                f"Version {text.version} of the consent text {text.code} is published: give the new words a new one.",
            )
        if not any((one.code, one.version, one.language) == key for one in (*published, *new)):
            new.append(text)
    return new


def newest(texts: Iterable[ConsentText]) -> dict[str, int]:
    """The newest version of each text."""
    versions: dict[str, int] = {}
    for one in texts:
        versions[one.code] = max(one.version, versions.get(one.code, 0))
    return versions
