"""Every kind of file, and the service that owns it."""

from typing import Any

from services.feedback.domain.rows import TABLES as FEEDBACK
from services.intake.domain.rows import TABLES as INTAKE
from services.scheduling.domain.rows import TABLES as SCHEDULING
from shared.tables import Table

TABLES: dict[str, tuple[str, Table[Any]]] = {
    name: (service, table)
    for service, tables in (("intake", INTAKE), ("scheduling", SCHEDULING), ("feedback", FEEDBACK))
    for name, table in tables.items()
}
