"""The doors of operators, added to the application of a service."""

from fastapi import FastAPI

from shared.inbox.batch import Applying
from shared.operations import api, pages
from shared.operations.here import Here
from shared.web import Pages


def with_operations(app: FastAPI, name: str, shown_by: Pages, applying: Applying) -> FastAPI:
    """The same application with the doors of operators."""
    running = app.state.running
    app.state.operations = Here(name, shown_by, applying, running.machinery, running.settings.kafka)
    for router in (api.router, pages.router):
        app.include_router(router, prefix=f"/{name}")
    return app
