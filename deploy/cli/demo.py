"""`kith demo`: everything on this machine, with two organisations in it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import typer

from deploy import Trouble
from deploy.cli.import_ import bars
from deploy.cli.terminal import plainly
from deploy.cli.token import mint
from deploy.cli.up import run
from deploy.demo import beat_the_blues, harbour_trust
from deploy.demo.listening import listen, put_up_a_tablet
from deploy.demo.today import PROGRAM, live_today, release
from deploy.importer import import_folder
from deploy.importer.doors import Doors
from deploy.local.settings import Settings
from deploy.local.supervisor import System
from shared import clock
from shared.kafka import addresses

SIGN_IN = """
Sign in at {url}/sign-in as one of
  Ana Ruiz       coordinator of Old Town: today, people, groups, check-ins, voices
  Tomasz Wrona   facilitator at Old Town: tonight's session
  Lea Sommer     program manager of Harbour Trust: what changed
  Rowan Hale     program manager of the trial Beat the Blues
  Mara Okafor    administrator of Harbour Trust; Sam Reed begins an organisation of their own
A check-in that is open now:  {link}
A tablet at the door tonight: {tablet}
Messages to participants:     {url}/mail
Events, for other systems:    kcat -b {kafka} -t kith.check-ins -C -f '%h\\n%s\\n\\n'
"""


@plainly
def demo() -> None:
    """Start Kith with two example organisations, and run until Ctrl-C. A second start keeps the data.

    Example: KITH_PORT=8090 kith demo
    """
    asyncio.run(run(System(Settings.from_environment(), say=typer.echo), fill))


async def fill(system: System) -> None:
    """Import what is not there yet, let something happen today, and say how to begin."""
    data = system.settings.data / "demo"
    today = clock.now().date()
    await _import_once(system, data / beat_the_blues.CODE, beat_the_blues.write)
    await _import_once(system, data / harbour_trust.CODE, lambda folder: harbour_trust.write(folder, today))
    house = harbour_trust.CODE
    ana, mara = await _staff(system, house, "Ana Ruiz"), await _staff(system, house, "Mara Okafor")
    async with ana, mara:
        link = await live_today(ana)
        heard = data / f"{house}.heard"
        if not heard.exists():
            await listen(ana, mara)
            heard.touch()
        tablet = await put_up_a_tablet(ana, clock.now())
        await release(ana, PROGRAM)
    async with await _staff(system, beat_the_blues.CODE, "Dana Levin") as dana:
        await release(dana, next(iter(beat_the_blues.PROGRAMS.values())))
    urls = system.urls
    shown = link or "all are answered; enrol somebody as Ana Ruiz, and hand them a link"
    typer.echo(SIGN_IN.format(url=urls["public"], link=shown, tablet=tablet, kafka=addresses(urls["kafka"])))


async def _import_once(system: System, folder: Path, write: Callable[[Path], None]) -> None:
    """A folder that went in as a whole is marked; an import that was cut off goes on, since twice changes nothing."""
    done = folder.with_suffix(".imported")
    if done.exists():
        return
    began = time.monotonic()
    if not folder.exists():  # noqa: ASYNC240
        write(folder)
    token = await asyncio.to_thread(mint, folder.name, ["administrator"], ["*"], "Import")
    with bars() as show:
        summary = await import_folder(folder, system.urls["public"], token, show)
    if summary.refused:
        first = summary.refused[0]
        raise Trouble(f"{folder.name}: {first.file}, line {first.line}: {first.message} [{first.code}]")
    rows = sum(one.rows for one in summary.files)
    typer.echo(f"{folder.name + f', {rows} rows':<28}{time.monotonic() - began:6.1f} s")
    done.touch()


async def _staff(system: System, organisation: str, name: str) -> Doors:
    token = await asyncio.to_thread(mint, organisation, ["administrator", "coordinator"], ["*"], name)
    return Doors(system.urls["public"], token)
