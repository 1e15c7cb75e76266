"""Who hears what, and which columns of each view are compared."""

from collections.abc import Sequence

HEARS: dict[str, frozenset[str]] = {
    name: frozenset(f"kith.{topic}" for topic in topics.split())
    for name, topics in {
        "intake": "groups occasions check-ins",
        "scheduling": "organisations programs batteries facilitators participants check-ins invitations concerns "
        "changes milestones",
        "feedback": "organisations programs participants groups sessions occasions invitations",
        "analytics": "organisations programs instruments batteries participants groups sessions occasions invitations "
        "check-ins",
    }.items()
}
"""Who hears what, as the design's section 11 says."""
COLUMNS: dict[str, dict[str, Sequence[str]]] = {
    "analytics": {
        "sites": ("organisation_id", "site_id", "code", "time_zone"),
        "programs": ("organisation_id", "program_id", "code", "comparison_program_id", "site_ids"),
        "instruments": (
            "organisation_id", "code", "version", "unit", "minimum", "maximum", "higher_is_better", "is_validated",
        ),
        "battery_entries": (
            "organisation_id", "program_id", "place", "occasion", "kind", "instruments", "months_after",
        ),
        "enrolments": (
            "organisation_id", "enrolment_id", "participant_id", "program_id", "site_id", "is_reporting", "attributes",
            "completed_on", "withdrawn_on",
        ),
        "scores": (
            "organisation_id", "occasion_id", "instrument", "version", "enrolment_id", "program_id", "occasion",
            "count", "answered_at",
        ),
        "horizons": ("organisation_id", "newest_event_at"),
    },
    "feedback": {
        "sites": ("organisation_id", "site_id", "code", "time_zone", "languages"),
        "programs": ("organisation_id", "program_id", "code", "site_ids"),
        "enrolments": (
            "organisation_id", "enrolment_id", "participant_id", "short_code", "taking_part", "contact_after",
            "withdrawn_on",
        ),
        "occasions": (
            "organisation_id", "occasion_id", "participant_id", "enrolment_id", "program_id", "site_id", "kind",
            "code", "ordinal", "instruments", "due_at", "opens_at", "closes_at", "is_history", "cancelled_for",
        ),
        "machinery.links": ("organisation_id", "token_sha256", "occasion_id", "language", "expires_at"),
    },
    "intake": {
        "groups": ("organisation_id", "group_id", "code", "program_id", "site_id", "capacity"),
        "occasions": (
            "organisation_id", "occasion_id", "state", "participant_id", "enrolment_id", "kind", "code", "ordinal",
        ),
        "invitations": ("organisation_id", "token_sha256", "occasion_id", "channel", "expires_at"),
    },
    "scheduling": {
        "sites": ("organisation_id", "site_id", "code", "time_zone", "languages"),
        "programs": ("organisation_id", "program_id", "code", "site_ids"),
        "battery_entries": (
            "organisation_id", "program_id", "place", "occasion", "kind", "ordinal", "instruments", "months_after",
            "window_days", "since",
        ),
        "facilitators": ("organisation_id", "facilitator_id", "short_code", "site_ids"),
        "qualifications": ("organisation_id", "facilitator_id", "code", "valid_until"),
        "enrolments": (
            "organisation_id", "enrolment_id", "participant_id", "program_id", "site_id", "short_code", "enrolled_on",
            "taking_part", "contact_after", "taking_part_since", "contact_after_since", "known_at", "completed_on",
            "withdrawn_on",
        ),
        "placements": ("organisation_id", "enrolment_id", "group_id", "placed_on", "until"),
        "occasions": (
            "organisation_id", "occasion_id", "participant_id", "enrolment_id", "program_id", "site_id", "kind",
            "code", "ordinal", "instruments", "due_at", "opens_at", "closes_at", "is_history", "answered_at",
        ),
    },
}  # fmt: skip
"""The columns of each view that are compared."""
