"""The course of an occasion, as people see it: how far it has come, and why it went no further."""

from typing import Any, Literal, get_args

Stage = Literal["planned", "due", "invited", "sent", "opened", "begun", "answered", "expired", "cancelled", "not-asked"]
STAGES: tuple[Stage, ...] = get_args(Stage)
WORDS: dict[str, str] = {
    "planned": "planned",
    "due": "due",
    "invited": "link made",
    "sent": "sent",
    "opened": "opened",
    "begun": "begun",
    "answered": "answered",
    "expired": "closed without an answer",
    "cancelled": "cancelled",
    "not-asked": "not asked",
}
WHY: dict[str, str] = {
    "withdrawn": "they left",
    "consent-withdrawn": "they do not agree to be asked",
    "completed": "they had completed the program",
    "resumed": "they go on in the program",
    "attendance-corrected": "they did not come to that session after all",
    "battery-changed": "the program does not ask this any more",
    "condition": "the condition did not hold",
    "no-address": "there is no address",
    "refused-by-mail-server": "the mail server refused the message",
    "no-consent": "they do not agree to be asked",
}


def stage_of(row: Any) -> Stage:
    """How far an occasion has come; `row` has the columns of the store."""
    if row["state"] != "due":
        found: Stage = row["state"]
        return found
    steps: tuple[tuple[Stage, str], ...] = (
        ("begun", "begun_at"),
        ("opened", "opened_at"),
        ("sent", "sent_at"),
        ("invited", "invited_at"),
    )
    return next((stage for stage, column in steps if row[column]), "due")


def steps_of(row: Any) -> list[tuple[str, Any]]:
    """Each step that it has taken, with its time, in order."""
    columns = (
        ("due", "due_at"),
        ("sent", "sent_at"),
        ("reminded", "reminded_at"),
        ("opened", "opened_at"),
        ("begun", "begun_at"),
        ("answered", "answered_at"),
    )
    taken = [(words, row[column]) for words, column in columns if row[column]]
    if row["state"] == "expired":
        taken.append(("closed", row["closes_at"]))
    return taken if row["was_said"] or row["state"] == "answered" else taken[:1]


def why_of(row: Any) -> str | None:
    """Why it went no further, in words."""
    why = row["why"] or (row["failed"] if row["state"] == "due" and not row["sent_at"] else None)
    return WHY.get(why, why) if why else None
