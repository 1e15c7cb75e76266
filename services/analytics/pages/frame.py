"""The templates of analytics."""

from pathlib import Path

from shared.web import Pages

PAGES = Pages("analytics", Path(__file__).parent.parent / "templates")
