"""`python -m services.intake` runs one process of the service."""

from services.intake.app import create
from shared.service import run

run(create())
