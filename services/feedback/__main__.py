"""`python -m services.feedback` runs one process of the service."""

import sys

from services.feedback.app import create
from services.feedback.store import Malformed
from shared.service import run

try:
    service = create()
except Malformed as malformed:
    sys.exit(f"An instrument cannot be used. {malformed}")
run(service)
