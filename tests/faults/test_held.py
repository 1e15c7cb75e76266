"""How long a bad record holds its partition is told from the moves of the reader."""

from datetime import UTC, datetime

from tests.faults.checker.held import _holds
from tests.faults.checker.log import Rec


def test_a_bad_record_holds_its_partition_from_the_batch_before_to_its_own() -> None:
    def moved(number: int, part: int, there: int, at: float) -> dict[str, object]:
        moment = datetime.fromtimestamp(at, UTC)
        return {"number": number, "topic": "t", "part": part, "next_offset": there, "at": moment}

    bad = [Rec("t", 0, 4, None, (), None, at) for at in (10.0, 12.5)]  # before and after batch 2 was done
    moves = [moved(1, 0, 4, 11), moved(2, 1, 9, 12), moved(3, 0, 6, 13), moved(4, 0, 7, 14)]
    held = [*_holds("intake", bad, moves)]
    assert [(one.seconds, one.is_abreast) for one in held] == [(1.0, False), (0.5, True)]
    assert held[0].overlaps([(11.0, 12.1)])
