"""The templates of scheduling, over the shared layout."""

from pathlib import Path

from shared.web import Pages

PAGES = Pages("scheduling", Path(__file__).parent.parent / "templates")
