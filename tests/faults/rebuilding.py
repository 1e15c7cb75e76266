"""`kith rebuild analytics facts` as a user types it, again and again, and what must be true whenever it has ended."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.faults.checker import Finding, Standing, check_view, standing
from tests.faults.installation import ROOT, Installation

COMMAND = (sys.executable, "-m", "deploy.cli", "rebuild", "analytics", "facts", "--json")
SECONDS_MAX = 600.0  # of one that hangs, not of one that has much to fold beside other work
PAUSE_SECONDS = 0.5
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command has ended."""

    status: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """What it said last: the error, if it is a traceback."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip(" │╰─╯╭╮")]
        errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Refusal)\b", line)]
        return (errors or lines or [""])[-1][:200]


@dataclass(eq=False)
class Rebuilder:
    """Whoever makes the view again, and looks at it."""

    installation: Installation
    tenants: Collection[str]
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)  # what broken ones said last
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def work(self) -> None:
        """Again and again, every other time with a switch, until cancelled."""
        number = 0
        while True:
            number += 1
            async with self.lock:
                if await self.once(switches=number % 2 == 0):
                    await self.drop()
            await asyncio.sleep(PAUSE_SECONDS)

    async def start(self, *words: str, dsn: str | None = None) -> asyncio.subprocess.Process:
        """The command as a process, through the wire that analytics has."""
        store = dsn or self.installation.environment["analytics"]["KITH_DATABASE_MACHINERY"]
        return await asyncio.create_subprocess_exec(
            *(*COMMAND, *words),
            cwd=ROOT,
            env=os.environ | {"KITH_DATABASE_MACHINERY": store} | self.installation.compiled,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words: str) -> Ended:
        """The command until it has ended; nothing of it is left if we are cancelled."""
        process = await self.start(*words)
        try:
            return await ended(process)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()

    async def once(self, *, switches: bool) -> bool:
        """One try, which goes on where one before was broken off; whether the new view was completed. It is kept."""
        before = await self.look()
        if before.state == "switched":  # by one that could not tell us any more
            await self.drop()
            return False
        words = ("--switch",) if switches else ()
        how = await self.run(*words)
        if "view-migrated" in how.err:  # whoever reads this does what it says
            await self.drop()
            before, how = await self.look(), await self.run(*words)
            self.counts["migrated"] += 1
        after = await self.look()
        self.counts["begun"] += 1
        if how.status == 0:
            await self._completed(how, before, after, switches)
            return True
        await self._broken(how, before, after, switches)
        return False

    async def finish(self) -> None:
        """When nothing strikes any more: one rebuild completes and is put in place, the old view goes."""
        async with self.lock:
            if (await self.look()).state == "switched":
                await self.drop()
            if not await self.once(switches=True):
                self.add("I3", f"the last rebuild did not complete: {list(self.said)[-1:]}")
            await self.drop(by_command=True)
            left = await self.look()
            if left.state or left.beside or left.before:
                self.add("I3", f"a rebuild has left {left.state}, {len(left.beside)} and {len(left.before)} tables")

    async def look(self) -> Standing:
        """Where it stands, as soon as the store answers."""
        while True:
            with contextlib.suppress(*AWAY):
                seen = await standing(await self.installation.admin("analytics"))
                if not seen.is_whole:
                    self.add(
                        "I3", f"the rebuild is {seen.state}, and there are {seen.live} {seen.beside} {seen.before}"
                    )
                return seen
            await asyncio.sleep(0.2)

    async def check(self, schema: str = "public") -> None:
        """A copy of the view is what was heard, at this moment."""
        while True:
            with contextlib.suppress(*AWAY):
                found = await check_view(await self.installation.admin("analytics"), list(self.tenants), schema)
                self.counts["compared"] += 1
                self.findings += [Finding(*one) for one in found]
                return
            await asyncio.sleep(0.2)

    async def drop(self, *, by_command: bool = False) -> None:
        """What `--drop` does, until nothing is kept any more; by the command itself, which takes longer to start."""
        while (await self.look()).state is not None:
            if by_command:
                how = await self.run("--drop")
                if how.status:
                    self.add("I3", f"what is kept of a rebuild cannot be dropped: {how.last_line}")
                    return
            with contextlib.suppress(*AWAY):
                await (await self.installation.admin("analytics")).execute("select machinery.drop_rebuild('facts')")

    def add(self, invariant: str, sentence: str) -> None:
        """Something is wrong."""
        self.findings.append(Finding(invariant, sentence))

    async def _completed(self, how: Ended, before: Standing, after: Standing, switched: bool) -> None:
        facts: dict[str, Any] = json.loads(how.out)
        self.counts["completed"] += 1
        self.counts["resumed"] += before.state == "building"
        if facts["differences"]:
            self.add("I3", f"the view made again differs from the live one: {facts['differences'][:3]}")
        if facts["switched"] != switched or (after.state == "switched") != switched:
            self.add("I3", f"the command says {facts['switched']}, and the store {after.state}")
        if before.state == "building" and before.began_at != after.began_at:
            self.add("I3", "a rebuild that was broken off began anew instead of going on")
        self.expect_live(before, after)
        await self.check("public" if switched else "beside_facts")
        self.counts["switched"] += switched

    async def _broken(self, how: Ended, before: Standing, after: Standing, switches: bool) -> None:
        """By a fault: what is there must be whole, and the old view unless it was switched."""
        self.counts["broken"] += 1
        self.said[how.last_line] += 1
        (self.installation.data / "logs" / f"rebuild-{self.counts['broken']:03}.log").write_text(how.err)
        if "The two differ" in how.err:
            self.add("I3", "the view made again differs from the live one, says the command")
        if after.state == "switched" and not switches:
            self.add("I3", "a rebuild has switched though nobody has asked for it")
        self.expect_live(before, after)
        await self.check()

    def expect_live(self, before: Standing, after: Standing) -> None:
        """After a switch every table of the live view is another one; without one none is."""
        same = [name for name, oid in after.live.items() if before.live.get(name) == oid]
        if after.state != "switched" and len(same) != len(after.live):
            self.add("I3", f"without a switch, only {same} of the live tables are the old ones")
        if after.state == "switched" and before.state != "switched" and (same or after.before != before.live):
            self.add("I3", f"after a switch {same} are the old ones, and {after.before} are kept of {before.live}")

    @property
    def notes(self) -> Sequence[str]:
        """What was done."""
        if not self.counts["begun"]:
            return ()
        told = ", ".join(f"{count} {name}" for name, count in self.counts.items() if count)
        return (f"rebuilds: {told}", *(f"{count} broken ones said: {words}" for words, count in self.said.items()))


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Wait for a command, but not for ever."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            out, err = await process.communicate()
    except TimeoutError:
        process.send_signal(signal.SIGKILL)
        await process.wait()
        return Ended(-1, "", f"no end after {SECONDS_MAX:.0f} s")
    return Ended(process.returncode or 0, out.decode(), err.decode())
