"""How much of the machine others take: a time limit means seconds of a machine that is ours."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

_PROC = Path("/proc")


def _ours() -> dict[int, int]:
    """Processor ticks of this process and of everything below it."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(folder.name)
            parents[pid], ticks[pid] = int(words[1]), int(words[11]) + int(words[12])
    own = {os.getpid()}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in own} - own
        own, grown = own | more, bool(more)
    return {pid: ticks[pid] for pid in own if pid in ticks}


def _busy() -> int:
    """Processor ticks of everybody, without idling and waiting."""
    words = [int(word) for word in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    return sum(words) - words[3] - words[4]


@dataclass
class Share:
    """What others have taken since it was made, of all that there is."""

    began: float = field(default_factory=time.monotonic)
    busy: int = field(default_factory=_busy)
    ours: dict[int, int] = field(default_factory=_ours)

    def of_others(self) -> float:
        """From 0 to 0.9."""
        passed = (time.monotonic() - self.began) * os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1)
        now = _ours()
        own = sum(count - self.ours.get(pid, 0) for pid, count in now.items())
        return min(0.9, max(0.0, (_busy() - self.busy - own) / passed)) if passed > 1 else 0.0
