"""`python -m services.scheduling` runs one process of the service."""

from services.scheduling.app import create
from shared.service import run

run(create())
