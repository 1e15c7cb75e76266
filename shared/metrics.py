"""Every number that Kith exports to Prometheus, spelled once. A label never holds an id."""

import math

from prometheus_client import Counter, Gauge, Histogram

EVENTS_SAID = Counter("kith_events_said_total", "Events handed to Kafka and confirmed", ["topic"])
EVENTS_REFUSED = Counter("kith_events_refused_total", "Outbox rows that the broker refused for good", ["topic"])
EVENTS_HEARD = Counter(
    "kith_events_heard_total", "Records read from Kafka, by what became of them", ["topic", "result"]
)
EVENT_AGE = Histogram(
    "kith_event_age_seconds",
    "Age of the oldest event of a batch when its effect became visible, from the moment it reached Kafka",
    ["topic"],
    buckets=(0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)
OUTBOX_OLDEST = Gauge("kith_outbox_oldest_seconds", "Age of the oldest event that has not left")
OUTBOX_ROWS = Gauge("kith_outbox_rows", "Events that have not left")
LAG = Gauge("kith_consumer_lag_messages", "Records in Kafka that are not applied yet", ["topic", "partition"])
PARKED = Gauge(
    "kith_parked_events",
    "Events that wait for a person: heard ones with those behind them, and said ones that the broker refused",
)
TIMERS_OVERDUE = Gauge("kith_timers_overdue_seconds", "How late the latest timer is; 0 when none is")
HTTP_SECONDS = Histogram("kith_http_request_seconds", "Time to answer", ["method", "route", "status"])
OUTAGES = Counter("kith_outages_total", "Times that a database or broker was away", ["part"])
MESSAGES_SENT = Counter("kith_messages_sent_total", "Messages to people, by what became of them", ["channel", "result"])
CONCERNS_OVERDUE = Gauge("kith_concerns_overdue", "Concerns that nobody has acknowledged within the time of their site")
QUESTIONS_WITHHELD = Counter(
    "kith_questions_withheld_total",
    "Times that questions whose answer can raise a concern were not shown, because nobody was on call",
)
OF_EVERY_STORE = (OUTBOX_OLDEST, OUTBOX_ROWS, PARKED, TIMERS_OVERDUE)


def know_nothing_of_the_store(*, has_concerns: bool) -> None:
    """While it is away the gauges that it fills are no numbers: the last ones would look as if all were well."""
    for gauge in (*OF_EVERY_STORE, CONCERNS_OVERDUE) if has_concerns else OF_EVERY_STORE:
        gauge.set(math.nan)
