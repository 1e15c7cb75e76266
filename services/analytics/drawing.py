"""What charts show and how they look. The process that draws loads this file and nothing else of the service."""

import ctypes
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["points", "change", "share", "people"]

INK, SOFT, GRID = "#0b6560", "#55606d", "#e3ded5"
WIDTH, HEIGHT = 380, 220


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a chart shows, and how: `intervals`, `steps` down, a `funnel`, `bars`, or `pairs` of parts of a scale."""

    kind: Literal["intervals", "steps", "funnel", "bars", "pairs"]
    axis: str
    points: Sequence[dict[str, Any]]
    unit: Unit = "share"


def end_with_parent() -> None:
    """A parent that is killed must not leave the process behind that draws for it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def draw(what: Drawing) -> bytes:
    """The chart as SVG: one colour, so that it reads the same in black and white."""
    import altair
    import vl_convert

    kinds = {"intervals": _intervals, "steps": _steps, "funnel": _funnel, "bars": _bars, "pairs": _pairs}
    layers = kinds[what.kind](altair, what).properties(width=WIDTH, height=HEIGHT)
    styled = layers.configure(background="#ffffff", font="sans-serif", padding=8).configure_view(stroke=None)
    styled = styled.configure_axis(labelFontSize=13, titleFontSize=13, titleFontWeight="normal", titlePadding=10)
    svg: str = vl_convert.vegalite_to_svg(styled.to_dict(), allowed_base_urls=[])
    return svg.encode()


def _intervals(altair: Any, what: Drawing) -> Any:
    """A point and its interval, side by side."""
    many = len(what.points) > 6
    labels = altair.Axis(
        labelAngle=-90 if many else 0, labelExpr="split(datum.value, '|')[0]" if many else "split(datum.value, '|')",
        ticks=False, domain=False,
    )  # fmt: skip
    x = altair.X("label:N", sort=[one["label"] for one in what.points], title=None, axis=labels)
    base = altair.Chart(altair.InlineData(values=list(what.points))).encode(x=x)
    rule = base.mark_rule(strokeWidth=3, color=INK).encode(y=_y(altair, what, "low:Q"), y2="high:Q")
    layers = [
        rule,
        base.mark_point(size=140 if not many else 60, filled=True, color=INK, opacity=1).encode(y="value:Q"),
    ]
    if what.unit == "change":
        none = altair.Chart(altair.InlineData(values=[{"zero": 0}])).mark_rule(color=SOFT, strokeDash=[5, 4])
        layers.insert(0, none.encode(y="zero:Q"))
    return altair.layer(*layers)


def _steps(altair: Any, what: Drawing) -> Any:
    """A share that goes down in steps, with its interval around it."""
    base = altair.Chart(altair.InlineData(values=list(what.points))).encode(
        x=altair.X("session:Q", title="Sessions", axis=altair.Axis(tickMinStep=1, grid=False))
    )
    band = base.mark_area(interpolate="step-after", color=INK, opacity=0.18).encode(
        y=_y(altair, what, "low:Q"), y2="high:Q"
    )
    return altair.layer(band, base.mark_line(interpolate="step-after", color=INK, strokeWidth=3).encode(y="value:Q"))


def _funnel(altair: Any, what: Drawing) -> Any:
    """Sites by their size, between their limits; their names on white, so that lines end there."""
    points = [one for one in what.points if "label" in one]
    limits = altair.Chart(altair.InlineData(values=[one for one in what.points if "level" in one]))
    x = altair.X("n:Q", title="People", axis=altair.Axis(grid=False))
    dashes = altair.StrokeDash(
        "level:N", title=None, scale=altair.Scale(range=[[6, 3], [2, 2]]), legend=altair.Legend(orient="top")
    )
    lines = [
        limits.mark_line(color=SOFT).encode(x=x, y=_y(altair, what, f"{end}:Q"), strokeDash=dashes)
        for end in ("low", "high")
    ]
    dots = altair.Chart(altair.InlineData(values=points)).mark_point(size=110, filled=True, color=INK, opacity=1)
    layers = [*lines, dots.encode(x=x, y="value:Q")]
    for is_below, dy in ((False, -13), (True, 15)):
        named = altair.InlineData(values=[one for one in points if _is_below(one, points) is is_below])
        for look in ({"stroke": "#ffffff", "strokeWidth": 4}, {"color": "#1d2530"}):
            names = altair.Chart(named).mark_text(dy=dy, fontSize=12, **look)
            layers.append(names.encode(x=x, y="value:Q", text="label:N"))
    return altair.layer(*layers)


def _is_below(one: dict[str, Any], points: Sequence[dict[str, Any]]) -> bool:
    """Whether its name goes under its dot: a site of nearly the same size is above it."""
    near = 0.3 * max(other["n"] for other in points)
    return any(other["value"] > one["value"] and abs(other["n"] - one["n"]) < near for other in points)


def _bars(altair: Any, what: Drawing) -> Any:
    """How many are left at each step, one under the other, each with its number."""
    # The reader's letters may be wider than those that the chart was measured with: leave room.
    labels = altair.Axis(ticks=False, domain=False, labelLimit=160, minExtent=130)
    base = altair.Chart(altair.InlineData(values=list(what.points))).encode(
        x=altair.X(
            "n:Q", title=what.axis, axis=altair.Axis(tickCount=5, gridColor=GRID), scale=altair.Scale(nice=True)
        ),
        y=altair.Y("label:N", sort=None, title=None, axis=labels),
    )
    numbers = base.mark_text(align="left", dx=6, fontSize=13, color="#1d2530").encode(text="n:Q")
    return altair.layer(base.mark_bar(color=INK, height=24), numbers)


def _pairs(altair: Any, what: Drawing) -> Any:
    """Where people began and where they were later: the darker, the more; each with its number."""
    parts = list(dict.fromkeys(one["first"] for one in what.points))
    most = max(one["n"] for one in what.points)
    axis = {"labelAngle": 0, "ticks": False, "domain": False, "labelLimit": 120, "grid": False}
    base = altair.Chart(altair.InlineData(values=list(what.points))).encode(
        x=altair.X("first:N", sort=parts, title=what.axis, axis=altair.Axis(**axis)),
        y=altair.Y("later:N", sort=parts[::-1], title="Later", axis=altair.Axis(**axis)),
    )
    squares = base.mark_rect(color=INK, stroke="#ffffff", strokeWidth=3).encode(
        opacity=altair.Opacity("n:Q", legend=None, scale=altair.Scale(domain=[0, most], range=[0.04, 0.4]))
    )
    return altair.layer(squares, base.mark_text(fontSize=15, color="#1d2530").encode(text="n:Q"))


def _y(altair: Any, what: Drawing, field: str) -> Any:
    is_share = what.unit == "share"
    scale = altair.Scale(domain=[0, 1]) if is_share else altair.Scale(padding=16, zero=what.unit == "change")
    axis = altair.Axis(tickCount=6, gridColor=GRID, format="%" if is_share else "")
    return altair.Y(field, title=what.axis, axis=axis, scale=scale)
