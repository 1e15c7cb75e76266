"""What is parked, and what a person can do about it: look at it, replay it in order, drop it with a reason."""

from shared.inbox.parked.acts import Act, Decision, decided, keep
from shared.inbox.parked.dropping import Dropped, drop
from shared.inbox.parked.look import ParkedKey, ParkedRecord, keys, one, records
from shared.inbox.parked.replaying import Replayed, replay

__all__ = [
    "Act",
    "Decision",
    "Dropped",
    "ParkedKey",
    "ParkedRecord",
    "Replayed",
    "decided",
    "drop",
    "keep",
    "keys",
    "one",
    "records",
    "replay",
]
