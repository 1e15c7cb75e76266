"""Sheets about groups of people, or of sites: each beside everybody else."""

from collections.abc import Iterator, Sequence

from services.analytics.domain import Apart, Equity, Gained, equity
from services.analytics.pages.choice import Choice
from services.analytics.pages.sheets.sheet import (
    GAP,
    SHARE_AND_ENDS,
    Columns,
    Row,
    Sheet,
    Values,
    drawing,
    ends,
    interval,
    of_few,
    of_gap,
    of_too_few,
    unsaid,
)
from services.analytics.store import BY_SITE
from shared.database import Tx
from shared.web.filters import words

COLUMNS: Columns = (
    ("People", "part"), ("of", "high"), *SHARE_AND_ENDS,
    ("All others", "part"), ("of", "high"), ("Their share", "share"),
    GAP, ("from", "low"), ("to", "high"),
)  # fmt: skip


async def groups(tx: Tx, choice: Choice) -> Sheet | None:
    """Who came, stayed and improved, by an attribute."""
    by = await choice.told_apart(tx)
    if by is None:
        return None
    found = equity(choice.asked, await choice.everybody(tx), await choice.people(tx, by))
    kinds = _kinds(choice, found)
    rows = [row for one in found for row in _rows(one, kinds)]
    sentence = _of_groups(words(by).lower(), found)
    if all(one.suppressed for one in found):
        sentence = unsaid(choice.seen, f"Too few people to tell them apart by {words(by).lower()}")
    known = [apart for one in found for apart in (one.reach, one.retention, one.outcome) if apart]
    notes = of_too_few(choice.seen, is_any=any(one.share is None for one in known))
    notes += of_few(part for one in known if one.share for part in ((one.some, one.of), one.others) if part)
    return Sheet("groups", sentence, words(by), COLUMNS, rows, None, tuple(notes))


def _kinds(choice: Choice, found: Sequence[Equity]) -> list[str]:
    """What is told of each group. Where no session was held nobody could come."""
    has_sessions = any(one.reach for one in found)
    is_told = {"came": has_sessions, "stayed": True, "reliably better": choice.instrument.threshold is not None}
    return [kind for kind, is_so in is_told.items() if is_so]


def _rows(one: Equity, kinds: Sequence[str]) -> Iterator[Row]:
    """A line for each, so that what stands under each other is of one kind."""
    if one.suppressed:
        yield Row(words(one.group), None, one.cut)
        return
    apart = {"came": one.reach, "stayed": one.retention, "reliably better": one.outcome}
    for kind in kinds:
        yield Row(f"{words(one.group)}: {kind}", _apart(apart[kind]), one.cut)


def _apart(one: Apart | None) -> Values | None:
    if one is None:
        return None
    others = (*one.others, one.others[0] / one.others[1]) if one.others else (None,) * 3
    return one.some, one.of, *ends(one.share), *others, *of_gap(one.gap)


def _of_groups(by: str, found: Sequence[Equity]) -> str:
    """Only what was compared is said to differ, or not to."""
    gaps = [
        (f"{words(one.group)} ({what})", apart)
        for one in found
        for what, apart in (("came", one.reach), ("stayed", one.retention), ("improved", one.outcome))
        if apart and apart.gap
    ]
    if flagged := [name for name, apart in gaps if apart.is_flagged]:
        return f"By {by}, these differ from all others by more than chance: {', '.join(flagged)}"
    if gaps:
        return f"By {by}, no gap between a group and all others is larger than chance makes it"
    return f"By {by}, no group can be compared with all others"


MEANS: Columns = (
    ("People", "count"), ("Mean change, points", "change"), ("from", "low"), ("to", "high"),
    ("All others", "count"), ("Their mean change, points", "change"),
    ("Gap, points", "change"), ("from", "low"), ("to", "high"),
)  # fmt: skip


async def gained(tx: Tx, choice: Choice) -> Sheet | None:
    """What changed by an attribute, where no source says for whom it is reliable."""
    by = await choice.told_apart(tx)
    return await _gained(tx, choice, by, "gained") if by else None


async def gained_at_sites(tx: Tx, choice: Choice) -> Sheet | None:
    """The same by site, if there are several and it is not what is asked for already."""
    is_told = await choice.told_apart(tx) == BY_SITE or len(await choice.people(tx, BY_SITE)) < 2
    return None if is_told else await _gained(tx, choice, BY_SITE, "gained-at-sites")


async def _gained(tx: Tx, choice: Choice, by: str, name: str) -> Sheet | None:
    if choice.instrument.threshold:
        return None
    found = equity(choice.asked, await choice.everybody(tx), await choice.people(tx, by))
    known = [(words(one.group), one.gained) for one in found if one.gained]
    rows = [Row(words(one.group), _means(one.gained), one.cut) for one in found]
    sentence = _of_gains(words(by).lower(), known)
    if not known:
        sentence = unsaid(choice.seen, f"Too few people answered twice to say what changed by {words(by).lower()}")
    title = choice.instrument.title
    notes = (
        f"Points on {title}, signed so that more is better. No source says how much change on {title} is reliable for "
        "a single person, so these are means.",
    )
    axis = f"Points since {words(choice.first).lower()}, more is better"
    drawn = drawing(axis, [interval(group, one.mean, one.n) for group, one in known], "change")
    return Sheet(name, sentence, words(by), MEANS, rows, drawn, notes)


def _means(one: Gained | None) -> Values | None:
    return (one.n, *ends(one.mean), one.n_others, one.mean_others, *ends(one.gap)) if one else None


def _of_gains(by: str, known: Sequence[tuple[str, Gained]]) -> str:
    """As of rates: only what was compared is said to differ, or not to."""
    if flagged := [group for group, one in known if one.is_flagged]:
        return f"By {by}, the change of these differs from that of all others by more than chance: {', '.join(flagged)}"
    if any(one.gap for _, one in known):
        return f"By {by}, no gap in change between a group and all others is larger than chance makes it"
    return f"By {by}, the change of no group can be compared with that of all others"
