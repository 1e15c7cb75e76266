"""`python -m services.scheduling` runs one process of the service."""

import gc

gc.set_threshold(50_000)  # looking for garbage in what is imported was a seventh of a start

from services.scheduling.app import create
from shared.service import run

run(create())
