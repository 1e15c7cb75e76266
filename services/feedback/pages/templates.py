"""Where the templates are, and who may open the pages of staff."""

from pathlib import Path
from typing import Annotated

from fastapi import Depends

from services.feedback.pages.help import help_at_errors
from shared.doors import allow
from shared.security import Who
from shared.web import Pages

PAGES = Pages("feedback", Path(__file__).parent.parent / "templates", beside_errors=help_at_errors)
Coordinator = Annotated[Who, Depends(allow("coordinator", "administrator"))]
Administrator = Annotated[Who, Depends(allow("administrator"))]
