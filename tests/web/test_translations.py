"""Every word that a participant can meet is there in Spanish, and none is written past the catalogue."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from jinja2 import nodes
from jinja2.ext import babel_extract

from shared.web import LANGUAGES, Pages

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared" / "web"
TEMPLATES = sorted([*SHARED.glob("templates/*.html"), *ROOT.glob("services/*/templates/**/*.html")])
STAFF = [path for path in TEMPLATES if '{% extends "layout.html" %}' in path.read_text()]
STAFF += [path for path in TEMPLATES if path.parent.parent.name in ("intake", "scheduling", "analytics")]
PHONE = [path for path in TEMPLATES if '{% extends "phone.html" %}' in path.read_text()]
FRAME = SHARED / "templates" / "phone.html"
OTHERS = [language for language in LANGUAGES if language != "en"]


def messages() -> Iterator[tuple[str, str]]:
    """Each text that a participant can meet, and where; staff pages are English in this version."""
    for path in (one for one in TEMPLATES if one not in STAFF):
        with path.open("rb") as file:
            for line, _, found, _ in babel_extract(file, ["_", "ngettext"], [], {}):
                text = found[0] if isinstance(found, tuple) else found
                if text:  # none where the text is a variable
                    yield text, f"{path.relative_to(ROOT)}:{line}"
    for path in [*SHARED.glob("*.py"), *ROOT.glob("services/*/pages/*.py")]:
        for line, found, *_ in extract_from_file("python", path, keywords={"_": None, "say": None}):
            yield str(found), f"{path.relative_to(ROOT)}:{line}"


@pytest.mark.parametrize("language", OTHERS)
def test_every_wrapped_text_is_translated(language: str) -> None:
    with (SHARED / "translations" / language / "LC_MESSAGES" / "kith.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    missing = [f"{place}: {text}" for text, place in messages() if not translated(catalogue, text)]
    assert missing == []


def translated(catalogue: object, text: str) -> bool:
    """Whether all forms of the text are there, and nobody has marked them as a guess."""
    message = catalogue.get(text)  # type: ignore[attr-defined]
    if message is None or message.fuzzy:
        return False
    forms = message.string if message.pluralizable else (message.string,)
    return all(forms)


@pytest.mark.parametrize("path", [FRAME, *PHONE], ids=lambda path: str(path.relative_to(ROOT)))
def test_participants_pages_have_no_text_outside_the_catalogue(path: Path) -> None:
    tree = Pages("tests", path.parent).environment.parse(path.read_text())
    text = "".join(data.data for data in tree.find_all(nodes.TemplateData))
    bare = re.sub(r"<!--.*?-->|<[^<>]*>|&\w+;", " ", text, flags=re.DOTALL)
    assert re.findall(r"[^\W\d_]{2,}.*", bare) == []


def test_the_look_knows_no_left_and_right() -> None:
    """What is written from the other side is mirrored by itself."""
    text = re.sub(r"/\*.*?\*/", "", (SHARED / "static" / "kith.css").read_text(), flags=re.DOTALL)
    boxes, words, places = r"(?:margin|padding|border)[\w-]*-", r"(?:text-align|float|clear): ", r"[{;] ?"
    assert re.findall(rf"(?:{boxes}|{words}|{places})(?:left|right)\b", text) == []
    uneven = re.findall(r"(?:margin|padding): ([^;}]+)", text)
    assert [
        one for one in uneven if len(parts := one.split()) == 4 and parts[1] != parts[3] and "calc" not in one
    ] == []


def test_a_placeholder_survives_its_translation() -> None:
    for language in OTHERS:
        with (SHARED / "translations" / language / "LC_MESSAGES" / "kith.po").open("rb") as file:
            errors = [(m.id, str(error)) for m, found in read_po(file, locale=language).check() for error in found]
        assert errors == []
