"""How the commands talk: plain lines, and one clear sentence with exit status 1 when stopped."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from deploy import Trouble

P = ParamSpec("P")
T = TypeVar("T")


def harmless(text: str) -> str:
    """What came from Kafka, so that a terminal shows it and obeys nothing in it."""
    return text if text.isprintable() else repr(text)


def plainly(command: Callable[P, T]) -> Callable[P, T]:
    """Show a Trouble as its sentence instead of a traceback."""

    @functools.wraps(command)
    def spoken(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except Trouble as trouble:
            typer.secho(str(trouble), fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from trouble

    return spoken
