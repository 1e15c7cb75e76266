"""The HTTP frame: who is asking, refusals as problem documents, limits. What doors need, they import from here."""

from shared.doors.dependencies import Db, Doer, IdempotencyKey, Reader, allow, form, submitted
from shared.doors.frame import Running, frame
from shared.doors.standing import mark, refuse_stale

__all__ = [
    "Db",
    "Doer",
    "IdempotencyKey",
    "Reader",
    "Running",
    "allow",
    "form",
    "frame",
    "mark",
    "refuse_stale",
    "submitted",
]
