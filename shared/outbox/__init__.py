"""Saying an event: it is put in the transaction of the change, and leaves in order once that has committed."""

from shared.outbox.put import Put, put
from shared.outbox.relay import Relay

__all__ = ["Put", "Relay", "put"]
