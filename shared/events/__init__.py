"""The language that the services share, and all that they share."""

from shared.events import analytics, feedback, intake, scheduling
from shared.events.base import CATALOGUE, Event, Heard

TOPICS: tuple[str, ...] = tuple(sorted({said.topic for said in CATALOGUE.values()}))
"""The topics that exist, one for each kind of aggregate."""

PARTITIONS = 12
"""Partitions of every topic, for ever: another number would send a key to another partition."""

__all__ = ["CATALOGUE", "PARTITIONS", "TOPICS", "Event", "Heard", "analytics", "feedback", "intake", "scheduling"]
