"""One child process: started so that it cannot outlive us, watched, and stopped by its own pid."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The plain account that a server runs as when we are root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Launch:
    """What is to be run, and how it wants to be told to stop."""

    command: Sequence[str]
    environment: dict[str, str] = field(repr=False)
    folder: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0


class Child:
    """A running part. Its log starts anew at every start."""

    def __init__(self, name: str, launch: Launch, log: Path) -> None:
        """Start it. Call this from the main thread: Linux counts the starting thread as the parent."""
        log.parent.mkdir(parents=True, exist_ok=True)
        account = launch.account
        self.name, self.log, self._launch = name, log, launch
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                launch.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=launch.environment,
                cwd=launch.folder,
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid(), launch.stop_signal),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its group."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def last_lines(self, count: int = 12) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def kill(self) -> None:
        """End it at once, without a chance to tidy up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    async def stop(self) -> None:
        """Ask it to stop, wait, and only then insist."""
        if self.is_alive:
            self._process.send_signal(self._launch.stop_signal)
        if not await until(self._has_ended, self._launch.stop_seconds):
            self.kill()

    async def _has_ended(self) -> bool:
        return not self.is_alive


async def until(condition: Callable[[], Awaitable[bool]], limit_seconds: float) -> bool:
    """Wait until the condition holds; whether it did within the limit.

    Looking costs time of the processor that what is waited for may need: the longer it takes, the less often.
    """
    began = time.monotonic()
    while not await condition():
        waited = time.monotonic() - began
        if waited >= limit_seconds:
            return False
        await asyncio.sleep(min(max(waited / 10, 0.02), 0.2))
    return True


def _die_with_parent(parent: int, stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child does before it becomes its program, so that `kill -9` of us leaves nothing."""
    if _LIBC is None:
        return None
    libc = _LIBC

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
        if os.getppid() != parent:  # we were killed before the request was made
            os._exit(1)

    return ask_the_kernel
