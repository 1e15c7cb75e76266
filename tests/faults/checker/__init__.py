"""The independent checker: its own code and SQL, nothing from services/ or shared/ but the committed schemas."""

from tests.faults.checker.held import Hold, holds
from tests.faults.checker.invariants import Finding, check, check_log
from tests.faults.checker.log import Mark, Rec, ends, read
from tests.faults.checker.rebuilt import Standing, check_view, folded, standing

__all__ = [
    "Finding",
    "Hold",
    "Mark",
    "Rec",
    "Standing",
    "check",
    "check_log",
    "check_view",
    "ends",
    "folded",
    "holds",
    "read",
    "standing",
]
