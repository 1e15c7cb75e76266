"""`python -m services.feedback` runs one process of the service."""

import gc

gc.set_threshold(50_000)  # looking for garbage in what is imported was a seventh of a start

import sys

from services.feedback.app import create
from services.feedback.store import Malformed
from shared.service import run

try:
    service = create()
except Malformed as malformed:
    sys.exit(f"An instrument cannot be used. {malformed}")
run(service)
