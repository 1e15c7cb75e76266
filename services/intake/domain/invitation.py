"""Invitations: whether somebody may be asked at an occasion, and how."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.errors import Refusal
from shared.events.intake import CheckInInvited, Consents

OccasionState = Literal["due", "answered", "cancelled"]
Reason = Literal["no-address", "no-consent", "refused-by-mail-server"]


@dataclass(frozen=True, slots=True)
class Occasion:
    """What intake knows of an occasion that was due, with the person it is about."""

    occasion_id: UUID
    organisation_id: UUID
    state: OccasionState
    kind: str
    due_at: datetime
    opens_at: datetime
    closes_at: datetime
    is_history: bool
    language: str
    email: str | None
    consents: Consents
    has_withdrawn: bool
    has_completed: bool = False
    reminders: tuple[int, ...] = ()  # days after the invitation
    is_again: bool = False  # it was cancelled, and is asked once more
    taken_back_at: datetime | None = None  # an answer to it was


def has_consent(occasion: Occasion) -> bool:
    """A follow-up is asked of those who agreed to be contacted afterwards, the rest of those who take part."""
    consents = occasion.consents
    agreed = consents.contact_after if occasion.kind == "follow-up" else consents.taking_part
    return agreed and not occasion.has_withdrawn


def is_over(occasion: Occasion, now: datetime) -> bool:
    """Nobody needs to be written to (any more). What was due when an answer was taken back is asked by hand alone."""
    is_taken_back = occasion.taken_back_at is not None and occasion.due_at <= occasion.taken_back_at
    return occasion.is_history or is_taken_back or occasion.state != "due" or occasion.closes_at <= now


def why_not(occasion: Occasion) -> Reason | None:
    """Why an invitation cannot be sent; None if it can."""
    if not has_consent(occasion):
        return "no-consent"
    return None if occasion.email else "no-address"


def hand(occasion: Occasion, now: datetime) -> None:
    """Refuse unless a link may be handed to the participant now."""
    if occasion.state == "answered":
        raise Refusal("occasion-answered", "This check-in has been answered. A link is not needed any more.")
    if not has_consent(occasion):
        raise Refusal("consent-withdrawn", "The participant does not agree to be asked (any more).")
    if occasion.state == "cancelled":
        raise Refusal("occasion-cancelled", "This check-in is not wanted any more.")
    if occasion.opens_at > now:
        raise Refusal("occasion-not-due", f"This check-in opens at {occasion.opens_at.isoformat()}.")
    if occasion.closes_at <= now:
        raise Refusal("occasion-closed", f"This check-in was open until {occasion.closes_at.isoformat()}.")


def invited(
    occasion: Occasion, token_sha256: str, channel: Literal["email", "hand"], reminder: int = 0
) -> CheckInInvited:
    """What is said of a link: never the link itself."""
    return CheckInInvited(
        occasion_id=occasion.occasion_id,
        token_sha256=token_sha256,
        language=occasion.language,
        channel=channel,
        expires_at=occasion.closes_at,
        reminder=reminder,
    )
