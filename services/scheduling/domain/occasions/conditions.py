"""Conditions of an entry: whether somebody is asked at all, looked at for the moment at which an occasion falls due."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.scheduling.domain.occasions.shapes import Entry, Scored
from shared.events.feedback import ScoreWas


def is_asked(entry: Entry, attributes: Mapping[str, str], scores: Sequence[Scored], due_at: datetime) -> bool:
    """Whether both conditions of the entry hold for this person at this moment, as far as they are known."""
    wanted = entry.only_attribute
    if wanted and attributes.get(wanted.attribute) != wanted.equals:
        return False
    return entry.only_score is None or _lay_within(entry.only_score, scores, due_at)


def _lay_within(bounds: ScoreWas, scores: Sequence[Scored], due_at: datetime) -> bool:
    """The latest score that was given by then decides; where there is none the condition does not hold."""
    asked = re.compile(rf"{re.escape(bounds.occasion)}(-[0-9]+)?")
    before = [
        one
        for one in scores
        if (one.instrument, one.scale) == (bounds.instrument, bounds.scale)
        and one.answered_at <= due_at
        and asked.fullmatch(one.code)
    ]
    if not before:
        return False
    count = max(before, key=lambda one: (one.answered_at, one.code)).count
    is_enough = bounds.at_least is None or count >= bounds.at_least
    return is_enough and (bounds.at_most is None or count <= bounds.at_most)
