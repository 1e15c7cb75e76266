"""Ids: new ones that sort by time, and ones that follow from a code."""

import hashlib
import secrets
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

NIL = UUID(int=0)
_ROOT = UUID("6f0a3a5e-6b1c-5d0b-9a51-1f6d2b8f4c11")


def new_id() -> UUID:
    """A new UUIDv7: unique, and ordered by the time it was made."""
    return uuid7()


def stranger_id() -> UUID:
    """In the place of somebody who was erased, where they are named among others: a UUIDv8, which nobody living has."""
    return UUID(int=secrets.randbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 8 << 76 | 0b10 << 62)


def is_stranger(one: UUID) -> bool:
    """Whether it stands for somebody who was erased."""
    return one.version == 8


def organisation_id(code: str) -> UUID:
    """The id of the organisation with this code, the same in every service and every store."""
    return uuid5(_ROOT, code)


def derived_id(parent: UUID, kind: str, code: str) -> UUID:
    """The id of a thing that its parent and its code identify, so that saying it twice changes nothing."""
    return uuid5(parent, f"{kind}:{code}")


def digest_of(one: UUID) -> bytes:
    """What may be kept of an id whose owner is erased: its SHA-256."""
    return hashlib.sha256(one.bytes).digest()
