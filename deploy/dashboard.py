"""Writes deploy/grafana/kith.json: the numbers of docs/metrics.md as Grafana shows them. `make events` runs it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.inbox.flood import GOOD

FILE = Path(__file__).parent / "grafana" / "kith.json"
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_IN_A_ROW, _WIDTH, _HEIGHT = 4, 6, 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: its unit as Grafana names it, a sentence for whoever sees it first, and its lines."""

    title: str
    unit: str
    says: str
    lines: Mapping[str, str]  # what a line is called, and what it asks for


def _rate(name: str, by: str, wanted: str = "") -> str:
    return f"sum by ({by}) (rate({name}{wanted}[5m]))"


def _quantile(share: float, name: str, by: str = "") -> str:
    return f"histogram_quantile({share}, sum by (le{by}) (rate({name}_bucket[5m])))"


_HTTP, _AGE, _HEARD = "kith_http_request_seconds", "kith_event_age_seconds", "kith_events_heard_total"
ROWS = {
    "Processes": (
        Panel(
            "Answer",
            "bool_yes_no",
            "Whether a process answers; its log says why it does not.",
            {"{{instance}}": 'up{job="kith"}'},
        ),
        Panel(
            "Have their store",
            "bool_yes_no",
            "Whether a process can ask its store: without it what it tells is no number.",
            {"{{instance}}": "kith_outbox_rows == bool kith_outbox_rows"},
        ),
        Panel(
            "Outages in ten minutes",
            "short",
            "How often a part of a process found its store or the broker away.",
            {"{{instance}} {{part}}": "sum by (instance, part) (increase(kith_outages_total[10m]))"},
        ),
    ),
    "Doors": (
        Panel(
            "Requests",
            "reqps",
            "What people and programs ask of each process.",
            {"{{instance}}": _rate(f"{_HTTP}_count", "instance")},
        ),
        Panel(
            "Refused and failed",
            "reqps",
            "4.. is what people and programs are refused, 5.. is our fault or an outage.",
            {"{{status}}": _rate(f"{_HTTP}_count", "status", '{status=~"[45].."}')},
        ),
        Panel(
            "Time to answer",
            "s",
            "So long half of all answers take at most, and so long 95 and 99 of 100.",
            {"half": _quantile(0.5, _HTTP), "95 of 100": _quantile(0.95, _HTTP), "99 of 100": _quantile(0.99, _HTTP)},
        ),
        Panel(
            "The slowest routes",
            "s",
            "The five routes whose 95th of 100 answers takes longest.",
            {"{{route}}": f"topk(5, {_quantile(0.95, _HTTP, ', route')})"},
        ),
    ),
    "Saying": (
        Panel(
            "Age of the oldest event that has not left",
            "s",
            "Grows while Kafka is away; over 60 s somebody is woken.",
            {"{{instance}}": "kith_outbox_oldest_seconds"},
        ),
        Panel(
            "Events that have not left",
            "short",
            "Twins tell the same number: their store is one.",
            {"{{instance}}": "kith_outbox_rows"},
        ),
        Panel(
            "Said", "eps", "Events that Kafka has confirmed.", {"{{topic}}": _rate("kith_events_said_total", "topic")}
        ),
        Panel(
            "Refused by the broker",
            "short",
            "Since its process started. Each waits for a person: look at it with `kith parked list`.",
            {"{{topic}}": "sum by (topic) (kith_events_refused_total)"},
        ),
    ),
    "Hearing": (
        Panel(
            "Behind, in seconds",
            "s",
            "In 95 of 100 batches it took at most so long from Kafka to an effect that could be seen.",
            {"{{instance}}": _quantile(0.95, _AGE, ", instance")},
        ),
        Panel(
            "Behind, in events",
            "short",
            "Events in Kafka that are not applied yet; no line while the broker is away.",
            {"{{instance}}": "sum by (instance) (kith_consumer_lag_messages)"},
        ),
        Panel(
            "Heard",
            "eps",
            "Events by what became of them; repeated ones are normal, parked ones wait for a person.",
            {"{{result}}": _rate(_HEARD, "result")},
        ),
        Panel(
            "Batches",
            "ops",
            "Batches applied; one with events of several topics counts once for each.",
            {"{{instance}}": _rate(f"{_AGE}_count", "instance")},
        ),
        Panel(
            "Parked",
            "short",
            "Events that wait for a person: replay or drop them with `kith parked`.",
            {"{{instance}}": "kith_parked_events"},
        ),
        Panel(
            "Share of bad events",
            "percentunit",
            "A flood: a larger share than KITH_FLOOD_SHARE stops the process until somebody has looked.",
            {
                "{{instance}}": "1 - "
                + _rate(_HEARD, "instance", f'{{result=~"{"|".join(GOOD)}"}}')
                + " / "
                + _rate(_HEARD, "instance", f'{{result=~"{"|".join((*GOOD, "parked"))}"}}')
            },
        ),
    ),
    "Clocks, messages, people": (
        Panel(
            "How late timers are",
            "s",
            "What is due and has not happened; over 60 s somebody is woken.",
            {"{{instance}}": "kith_timers_overdue_seconds"},
        ),
        Panel(
            "Messages in an hour",
            "short",
            "Those sent, those that the mail server refused, and tries while it was away.",
            {"{{channel}} {{result}}": "sum by (channel, result) (increase(kith_messages_sent_total[1h]))"},
        ),
        Panel(
            "Overdue concerns",
            "short",
            "Nobody has acknowledged them in time: call a coordinator.",
            {"{{instance}}": "kith_concerns_overdue"},
        ),
        Panel(
            "Questions withheld in an hour",
            "short",
            "Not asked, because nobody was on call: a site lacks a rota or crisis contacts.",
            {"{{instance}}": "increase(kith_questions_withheld_total[1h])"},
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """The dashboard, as Grafana reads it from a file."""
    panels, y = list[dict[str, Any]](), 0
    for title, row in ROWS.items():
        at = {"x": 0, "y": y, "w": _IN_A_ROW * _WIDTH, "h": 1}
        panels.append({"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": at})
        y += 1
        for number, panel in enumerate(row):
            x = number % _IN_A_ROW * _WIDTH
            panels.append(_drawn(panel, {"x": x, "y": y + number // _IN_A_ROW * _HEIGHT, "w": _WIDTH, "h": _HEIGHT}))
        y += -(-len(row) // _IN_A_ROW) * _HEIGHT
    return {
        "uid": "kith",
        "title": "Kith",
        "schemaVersion": 39,
        "timezone": "browser",
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, 1)],
    }


def _drawn(panel: Panel, at: dict[str, int]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _SOURCE, "expr": asked, "legendFormat": name}
            for number, (name, asked) in enumerate(panel.lines.items())
        ],
        "gridPos": at,
    }


def as_text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_text())
