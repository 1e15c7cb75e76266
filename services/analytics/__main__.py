"""`python -m services.analytics` runs one process of the service."""

from services.analytics.app import create
from shared.service import run

run(create())
