"""The pages of intake, with their templates."""

from pathlib import Path

from shared.web import Pages

PAGES = Pages("intake", Path(__file__).parent.parent / "templates")
