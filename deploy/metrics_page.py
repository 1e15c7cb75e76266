"""Writes docs/metrics.md: every number for Prometheus, and when to wake somebody. `make events` runs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.metrics import MetricWrapperBase

from shared import metrics

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "metrics.md"
RULES = HERE / "prometheus" / "alerts.yml"
HEAD = """\
# Metrics

Written by `make events`. Each process tells its own at `KITH_OPS_LISTEN`, `/metrics`; `/livez` and `/readyz` are beside
it. That port is for operators alone. What a store knows is told by each process of its service alike. No label holds an
id. While a store is away its numbers are `NaN`, and while a broker is away nothing says how far behind a process is.
[A dashboard](../deploy/grafana) shows them in Grafana.

| name | kind | labels | meaning |
| --- | --- | --- | --- |
"""
ALERTS = """
## When to wake somebody

[deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml), for a Prometheus that scrapes all processes as the job
`kith`; each rule is tested with `promtool`. `kith doctor` says in words what is wrong and what to do: of all this but
of concerns and withheld questions, and of more, such as clocks that differ or a log that is damaged.

| alert | says | when |
| --- | --- | --- |
"""


def numbers() -> list[MetricWrapperBase]:
    """All that is exported, in the order of its spelling."""
    return [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]


def rules() -> list[dict[str, Any]]:
    """The alerts."""
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def page() -> str:
    """The page."""
    return HEAD + "".join(_lines()) + ALERTS + "".join(_alerts())


def _lines() -> Iterator[str]:
    for one in numbers():
        name = one._name + ("_total" if one._type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in one._labelnames)
        yield f"| `{name}` | {one._type} | {labels} | {one._documentation} |\n"


def _alerts() -> Iterator[str]:
    for rule in rules():
        when = rule["expr"].strip().replace("\n", " ").replace("|", "\\|") + (
            f", for {rule['for']}" if "for" in rule else ""
        )
        yield f"| {rule['alert']} | {rule['annotations']['summary']} | `{when}` |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
