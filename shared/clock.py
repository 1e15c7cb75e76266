"""The one place that asks what time it is."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_offset: tuple[int, timedelta] = (0, timedelta())


def now() -> datetime:
    """The time, aware and in UTC; moved by the seconds in KITH_CLOCK_FILE where that is set."""
    return datetime.now(UTC) + _moved_by()  # noqa: TID251  (the one place)


def _moved_by() -> timedelta:
    """How far tests have moved the clock. The file is read again only when it has changed."""
    global _offset
    path = os.environ.get("KITH_CLOCK_FILE")
    if not path:
        return timedelta()
    try:
        changed = os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return timedelta()
    if changed != _offset[0]:
        _offset = (changed, timedelta(seconds=float(Path(path).read_text() or 0)))
    return _offset[1]
