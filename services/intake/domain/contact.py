"""A participant: how they like to be called, and how to reach them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.intake.domain.kinds import Phone
from shared.errors import Refusal
from shared.events.base import Language
from shared.fields import Command, Email, Line, invalid

_CONSONANTS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels: a code must not be a word


class CorrectContact(Command):
    """How a participant likes to be called and can be reached. No address at all is possible."""

    preferred_name: Line
    email: Email | None = None
    phone: Phone | None = None
    language: Language


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant as intake keeps them. Nothing of this leaves intake but id, short code and language."""

    participant_id: UUID
    organisation_id: UUID
    reference: str | None
    short_code: str
    preferred_name: str
    email: str | None
    phone: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Alike:
    """A participant with the same contact, and whether the person asking may know of them."""

    participant_id: UUID
    short_code: str
    preferred_name: str
    is_seen: bool


def somebody_new(
    participant_id: UUID, organisation_id: UUID, reference: str | None, short_code: str, contact: CorrectContact
) -> Participant:
    """A participant who is new here."""
    blank = Participant(participant_id, organisation_id, reference, short_code, "", None, None, "")
    return _reached(blank, contact)


def correct(participant: Participant, command: CorrectContact, offered: Iterable[str]) -> Participant:
    """The participant with this contact; a new language has to be one that a site of theirs offers."""
    if command.language != participant.language:
        check_language(command.language, offered)
    return _reached(participant, command)


def check_language(language: str, offered: Iterable[str]) -> None:
    """Refuse a language in which nobody there can be written to."""
    languages = tuple(offered)
    if language not in languages:
        raise invalid("language", "language-not-at-site", f"Choose one of {', '.join(languages)}.")


def _reached(participant: Participant, command: CorrectContact) -> Participant:
    return replace(
        participant,
        preferred_name=command.preferred_name,
        email=command.email,
        phone=command.phone,
        language=command.language,
    )


def refuse_duplicates(alike: Sequence[Alike]) -> None:
    """Somebody with this contact is known: show who, as far as the person may see them."""
    if not alike:
        return
    seen = [one for one in alike if one.is_seen]
    raise Refusal(
        "participant-likely-duplicate",
        "Somebody with this e-mail address or phone number is here already. Look whether it is the same person.",
        people=[
            {"id": str(one.participant_id), "short_code": one.short_code, "preferred_name": one.preferred_name}
            for one in seen
        ],
        people_at_other_sites=len(alike) - len(seen),
    )


def short_codes(numbers: Iterable[int]) -> list[str]:
    """Short codes such as KLM-482 out of random numbers."""
    codes = []
    for number in numbers:
        number, digits = divmod(number, 1000)
        letters = ""
        for _ in range(3):
            number, place = divmod(number, len(_CONSONANTS))
            letters += _CONSONANTS[place]
        codes.append(f"{letters}-{digits:03}")
    return codes
