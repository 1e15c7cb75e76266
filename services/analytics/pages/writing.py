"""How the numbers of a sheet are written: on the page, and on paper. There are hundreds of them on a page."""

from collections.abc import Sequence

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from services.analytics.pages.sheets.sheet import Kind
from shared.web.filters import ABSENT, number, percent, signed

Numbers = Sequence[float | None]
"""They begin with the one that is written; the ends of its interval follow."""
_SOFT, _SOFT_END = Markup(' <span class="soft">'), Markup("</span>")


@pass_context
def written(context: Context, values: Numbers, kind: Kind) -> str:
    """The number alone; of limits both, and so many of how many."""
    text, between = _one(context, values[0], kind), {"limits": "to", "part": "of"}.get(kind)
    return f"{text} {between} {_one(context, values[1], kind)}" if between and values[0] is not None else text


@pass_context
def interval(context: Context, values: Numbers, kind: Kind) -> str:
    """Its interval, if it has one."""
    if values[1] is None:
        return ""
    return f"({_one(context, values[1], kind)} to {_one(context, values[2], kind)})"


@pass_context
def figure(context: Context, values: Numbers, kind: Kind, *, has_interval: bool) -> Markup:
    """Both, as they stand in a table."""
    number = escape(written(context, values, kind))
    around = interval(context, values, kind) if has_interval else ""
    return number + _SOFT + around + _SOFT_END if around else number


def _one(context: Context, value: float | None, kind: Kind) -> str:
    if value is None:
        return "hidden" if kind == "count" else ABSENT
    match kind:
        case "count" | "part":
            return number(context, value)
        case "share" | "limits":
            return percent(context, value)
        case "gap":
            return signed(context, value)
        case "change":
            return signed(context, value, 2)
        case _:
            return number(context, value, 2)


WRITING = {"written": written, "interval": interval, "figure": figure}
