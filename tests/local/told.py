"""Every number of Kith, each with each of its labels, for a Prometheus that asks: `python -m tests.local.told PORT`."""

import sys
from threading import Event

from prometheus_client import Counter, Gauge, start_http_server

from deploy.metrics_page import numbers
from shared.inbox.flood import GOOD

VALUES = {"status": ("200", "404", "503"), "result": (*GOOD, "parked")}


def tell() -> None:
    """Touch them all: a number with labels is not told before it has been counted once."""
    for one in numbers():
        for value in next((VALUES[label] for label in one._labelnames if label in VALUES), ("one",)):
            child = (
                one.labels(*(value if label in VALUES else label for label in one._labelnames))
                if one._labelnames
                else one
            )
            if isinstance(child, Counter):
                child.inc()
            elif isinstance(child, Gauge):
                child.set(1)
            else:
                child.observe(0.1)


if __name__ == "__main__":
    tell()
    start_http_server(int(sys.argv[1]), "127.0.0.1")
    Event().wait()
