"""Recovering without a programmer: the doors of operators, the same in every service."""

from fastapi import FastAPI

from shared.inbox.batch import Applying
from shared.operations import api, pages
from shared.operations.here import Here
from shared.web import Pages

__all__ = ["with_operations"]


def with_operations(app: FastAPI, name: str, shown_by: Pages, applying: Applying) -> FastAPI:
    """The same application with the doors of operators."""
    running = app.state.running
    app.state.operations = Here(name, shown_by, applying, running.machinery, running.settings.kafka)
    for router in (api.router, pages.router):
        app.include_router(router, prefix=f"/{name}")
    return app
