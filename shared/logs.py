"""Logs as JSON lines with the trace they belong to. No answer, name, contact or token is ever logged."""

import logging
import re
import secrets
import sys
from contextvars import ContextVar
from traceback import extract_tb
from typing import Any

import structlog

traceparent: ContextVar[str] = ContextVar("traceparent", default="")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def _as_places(_: Any, __: str, line: dict[str, Any]) -> dict[str, Any]:
    """An exception as its type and the places it passed. Its message stays out: it can quote what people have said."""
    given = line.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else (given if isinstance(given, tuple) else sys.exc_info())[1]
    if given and error:
        line["exception"] = type(error).__name__
        line["places"] = [f"{one.filename}:{one.lineno} {one.name}" for one in extract_tb(error.__traceback__)]
        for name in ("sqlstate", "table_name", "constraint_name"):  # PostgreSQL's own errors
            if value := getattr(error, name, None):
                line[name] = value
    return line


def begin_trace(incoming: str | None = None) -> str:
    """Go on with the W3C trace that came in, or begin one."""
    known = incoming if incoming and _TRACEPARENT.fullmatch(incoming) else None
    value = known or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    traceparent.set(value)
    structlog.contextvars.bind_contextvars(trace=value[3:35])
    return value


def set_up(service: str) -> None:
    """Log everything, the libraries' lines too, as one JSON object a line on standard output."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _as_places,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for noisy in ("uvicorn.access", "httpx", "aiokafka.consumer.group_coordinator"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("kith.faststream").setLevel(logging.ERROR)  # it warns at each start of what we ask it for
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
