"""Hearing events: each takes effect once, in order, in one transaction with the position in the log, or is parked."""

from shared.inbox.decode import Handlers, Many, handle

__all__ = ["Handlers", "Many", "handle"]
