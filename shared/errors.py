"""The ways of saying no. Each has a stable code that other people's programs may rely on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that cannot be accepted: where, what is the matter, and what would be right."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """The domain says no: an ordinary answer, not a fault."""

    status = 409
    headers: Mapping[str, str] = MappingProxyType({})  # what the answer says besides

    def __init__(self, code: str, message: str, errors: Sequence[FieldError] = (), **facts: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.errors = tuple(errors)
        self.facts = facts

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 problem document."""
        body = {"title": self.message, "status": self.status, "code": self.code, **self.facts}
        if self.errors:
            body["errors"] = [asdict(error) for error in self.errors]
        return body


class NotFound(Refusal):
    """Unknown, or not for this reader's eyes: the answer is the same."""

    status = 404

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}-not-found", f"There is no such {what.replace('-', ' ')} here.")


class Invalid(Refusal):
    """Fields that cannot be accepted, each named."""

    status = 422

    def __init__(self, *errors: FieldError, message: str = "Some fields need another look.") -> None:
        super().__init__("invalid-fields", message, errors)


class Forbidden(Refusal):
    """Known, and not allowed."""

    status = 403


class SignedOut(Refusal):
    """Nobody is signed in, or the token is not valid (any more)."""

    status = 401
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})
