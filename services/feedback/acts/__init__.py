"""What several doors of feedback do alike: load, decide, save, say, in the transaction that the door has opened."""

from services.feedback.acts import changes, milestones, stories, themes, voices
from services.feedback.acts.acting import expire_check_in, open_check_in
from services.feedback.acts.batteries import set_battery
from services.feedback.acts.check_ins import hear_another, hear_sheet, keep_check_in, raised_at, take_back_check_in
from services.feedback.acts.concerns import (
    RESPONSIBLE,
    About,
    acknowledge,
    act_on,
    answer_debrief,
    answers_at,
    close,
    escalate,
    raise_by_staff,
    raise_concern,
    said_at,
)
from services.feedback.acts.kiosks import answerable, open_kiosk
from services.feedback.acts.rotas import set_rota, tell_of_gap
from services.feedback.acts.watching import unwatched_sites, watched_from
from services.feedback.acts.wordings import load_wording

__all__ = [
    "RESPONSIBLE",
    "About",
    "acknowledge",
    "act_on",
    "answer_debrief",
    "answerable",
    "answers_at",
    "changes",
    "close",
    "escalate",
    "expire_check_in",
    "hear_another",
    "hear_sheet",
    "keep_check_in",
    "load_wording",
    "milestones",
    "open_check_in",
    "open_kiosk",
    "raise_by_staff",
    "raise_concern",
    "raised_at",
    "said_at",
    "set_battery",
    "set_rota",
    "stories",
    "take_back_check_in",
    "tell_of_gap",
    "themes",
    "unwatched_sites",
    "voices",
    "watched_from",
]
