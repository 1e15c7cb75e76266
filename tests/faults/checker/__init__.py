"""The independent checker: its own code and SQL, nothing from services/ or shared/ but the committed schemas."""

from tests.faults.checker.invariants import Finding, check, check_log
from tests.faults.checker.log import Mark, Rec, ends, read

__all__ = ["Finding", "Mark", "Rec", "check", "check_log", "ends", "read"]
