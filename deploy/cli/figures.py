"""A released figure, and the same computed again from the log."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy import Trouble
from deploy.cli.stores import parts_of, store_of
from services.analytics import store
from services.analytics.acts import ASIDE, NAMES, Figure, Published, compute_again, find_published
from services.analytics.domain import named
from shared.database import Database
from shared.errors import NotFound
from shared.rebuild import fold_aside


class _Undone(Exception):
    """Ends a transaction without a trace."""


async def look_up(name: str, organisation: UUID, rebuild: bool, quiet: bool) -> dict[str, Any]:
    """The figure as it was released; with `rebuild` also whether the log gives the same facts, and what it gives."""
    asked = Figure.named(name)
    if asked is None:
        raise Trouble(f"{name} names no figure: write {NAMES}.")
    async with store_of("analytics") as database:
        try:
            async with database.transaction(organisation) as tx:
                published = await find_published(tx, organisation, asked)
                cut = next(one for one in await store.release_list(tx) if one["release"] == published.release)
            again = await _again(database, organisation, asked, published, quiet) if rebuild else None
        except NotFound as refusal:
            raise Trouble(f"{name} is not among what was released [{refusal.code}].") from refusal
    told = {"figure": name, "definition": _definition(asked), "release": published.release, **_cut(dict(cut))}
    told |= _facts(published)
    if again is not None:
        told |= {"equal": again.facts == published.facts, "again": _facts(again)}
    return told


async def _again(database: Database, organisation: UUID, asked: Figure, published: Published, quiet: bool) -> Published:
    """In a transaction that is undone: what is live stays as it is."""
    applying = parts_of("analytics").applying
    columns = (TextColumn("folding"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    found: list[Published] = []
    with Progress(*columns, disable=quiet, console=Console(stderr=True)) as bar, suppress(_Undone):
        task = bar.add_task("folding")
        async with database.transaction(organisation) as tx:
            async for progress in fold_aside(tx, organisation, applying, ASIDE, published.place):
                bar.update(task, total=progress.total, completed=progress.done)
            found.append(await compute_again(tx, organisation, asked, published))
            raise _Undone
    return found[0]


def _facts(published: Published) -> dict[str, Any]:
    """Of a change the figures, in full precision; of others how many people they are of."""
    one = published.change
    if one is None:
        return {"people": published.people}
    return {
        "n_paired": one.n.paired,
        "mean_change": one.mean and one.mean.value,
        "change_low": one.mean and one.mean.low,
        "change_high": one.mean and one.mean.high,
    }


def _cut(release: Mapping[str, Any]) -> dict[str, Any]:
    """What of the log is in the figure: up to when, and how far each topic had been heard."""
    newest = release["data_through"]
    return {"data_through": newest and newest.isoformat(), "offsets": release["offsets"]}


def _definition(asked: Figure) -> str:
    """The name of the formulas that its facts go into."""
    match asked.base:
        case ("pair" | "enrolled", *_):
            return named.CHANGE
        case ("stay" | "completed", *_):
            return named.RETENTION
        case ("sessions" | "week", *_):
            return named.TREND
        case ("together", scores) if len({one.split(":")[0] for one in scores.split()}) == 1:
            return named.LASTING
        case _:
            return named.RATES


def sentences(told: dict[str, Any]) -> str:
    """What was looked up, for people."""
    lines = [f"{name:<12} {value}" for name, value in told.items() if name not in ("offsets", "equal", "again")]
    lines += [f"{'heard':<12} {topic} up to {offset}" for topic, offset in sorted((told["offsets"] or {}).items())]
    if "equal" in told:
        lines.append("equal        computed again from the log" if told["equal"] else f"differs      {told['again']}")
    return "\n".join(lines)
