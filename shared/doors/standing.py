"""Two people with one page: what was filled in on an old page does not undo what somebody saved since."""

import hashlib
from typing import Any

from shared.errors import Refusal


def mark(standing: Any) -> str:
    """What a form is filled from, in short, for its field `was`; `standing` is all that saving the form replaces."""
    return hashlib.sha256(repr(standing).encode()).hexdigest()[:16]


def refuse_stale(fields: dict[str, Any], standing: Any) -> None:
    """Refuse a form that was filled from something else. `was` says then what stands now: the form may be sent again.

    Call it where nobody else can save before you do. A form without `was` is new, or a program's: it is taken.
    """
    fresh = mark(standing)
    if fields.setdefault("was", fresh) != fresh:
        fields["was"] = fresh
        raise Refusal(
            "changed-meanwhile",
            "Somebody changed this after you opened it, and nothing was saved. "
            "Look in a second tab at how it is now, then save again what should stand.",
        )
