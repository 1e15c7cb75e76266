"""What surrounds every page: the headers, the language, the navigation, the request for names."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jinja2 import UndefinedError
from starlette.requests import Request

from shared.web import Pages, asked, language_of
from shared.web.nav import STORIES, current, entries_for
from tests.web.gallery import Ana

PERSON = "01957e2a-0000-7000-8000-000000000001"


def request(path: str = "/feedback/", query: str = "", who: Any = None, **headers: str) -> Request:
    """A request as a door sees it."""
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": lines}
    scope |= {"query_string": query.encode(), "scheme": "http", "server": ("kith", 80), "state": {}}
    if who:
        scope["state"]["who"] = who
    return Request(scope)


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """The pages of a service with two of its own: for its people, and for participants."""
    (tmp_path / "staff.html").write_text(
        '{% extends "layout.html" %}{% block title %}People{% endblock %}'
        "{% block content %}{{ ui.person(person, 'KLM482') }}{{ ui.person(person, 'KLM482') }}{% endblock %}"
    )
    (tmp_path / "thanks.html").write_text('{% extends "phone.html" %}')
    (tmp_path / "more.html").write_text('{% extends "thanks.html" %}')
    (tmp_path / "part.html").write_text("{{ ui.person(person, 'KLM482') }}{{ ui.name_loader() }}")
    return Pages("feedback", tmp_path)


def test_nothing_foreign_may_run_and_nothing_is_kept(pages: Pages) -> None:
    headers = pages.render(request(), "staff.html", person=PERSON).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("template", ["thanks.html", "more.html"])
def test_a_participants_page_tells_nobody_where_it_was(pages: Pages, template: str) -> None:
    answer = pages.render(request(who=Ana()), template)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "Ana" not in bytes(answer.body).decode()


def test_a_participants_page_speaks_the_language_of_the_link(pages: Pages) -> None:
    spanish = bytes(pages.render(request(query="lang=es&page=2"), "thanks.html").body).decode()
    assert '<html lang="es" dir="ltr">' in spanish
    assert "Salir de esta página" in spanish
    assert 'href="?page=2&amp;lang=en"' in spanish
    assert "Salir" in bytes(pages.render(request(), "thanks.html", lang="es").body).decode()


def test_staff_pages_are_english_whatever_the_link_says(pages: Pages) -> None:
    answer = pages.render(request(query="lang=es"), "staff.html", person=PERSON)
    assert '<html lang="en" dir="ltr">' in bytes(answer.body).decode()


def test_a_language_that_we_do_not_have_is_the_default() -> None:
    assert language_of(request(query="lang=es")) == "es"
    assert language_of(request(query="lang=xx"), "es") == "es"
    assert language_of(request()) == "en"


def test_a_value_that_was_not_given_is_a_fault(pages: Pages) -> None:
    with pytest.raises(UndefinedError):
        pages.render(request(), "staff.html")


def test_a_page_asks_once_for_all_its_names(pages: Pages) -> None:
    body = bytes(pages.render(request(), "staff.html", person=PERSON).body).decode()
    assert body.count("hx-get") == 1
    assert f'hx-get="/intake/names?ids={PERSON}-1,{PERSON}-2"' in body
    assert f'<span class="person" id="person-{PERSON}-2" data-person="{PERSON}">KLM482</span>' in body


def test_a_part_never_uses_a_key_of_the_page_around_it(pages: Pages) -> None:
    parts = [pages.render(request(hx_request="true"), "part.html", person=PERSON).body for _ in range(2)]
    assert parts[0] != parts[1]
    assert f"{PERSON}-1," not in bytes(parts[0]).decode()


def test_only_keys_of_ours_are_heard() -> None:
    places = asked(f'{PERSON}-1,{PERSON}-a1b2c3x7,{PERSON},x,{PERSON}-1"><script>,,')
    assert [place.key for place in places] == [f"{PERSON}-1", f"{PERSON}-a1b2c3x7"]
    assert {place.person for place in places} == {UUID(PERSON)}


def test_the_answer_puts_each_name_in_its_place(pages: Pages) -> None:
    found = [(place, "<Marisol>") for place in asked(f"{PERSON}-1")]
    body = bytes(pages.render(request(), "names.html", found=found).body).decode()
    assert body.strip() == (
        f'<span class="person" id="person-{PERSON}-1" data-person="{PERSON}" hx-swap-oob="true">&lt;Marisol&gt;</span>'
    )


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        ({"facilitator"}, "Today Groups Concerns Stories"),
        ({"coordinator"}, "Today People Groups Check-ins Concerns Voices Outcomes"),
        ({"program-manager"}, "Groups Voices Outcomes"),
        ({"facilitator", "program-manager"}, "Today Groups Concerns Voices Outcomes"),
        ({"administrator"}, "Today People Groups Check-ins Concerns Voices Outcomes Set-up"),
        ({"operator"}, "Set-up Operations"),
        ({"participant"}, ""),
    ],
)
def test_each_role_sees_its_own_entries(roles: set[str], seen: str) -> None:
    assert " ".join(entry.words for entry in entries_for(frozenset(roles))) == seen


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/scheduling/", "Today"),
        ("/scheduling/sessions/7", "Groups"),
        ("/scheduling/follow-up", "Today"),
        ("/intake/sites/import", "Set-up"),
        ("/scheduling/groups/7", "Groups"),
        ("/intake/operations", "Operations"),
        ("/feedback/operations/parked", "Operations"),
        ("/intake/participants", "People"),
        ("/feedback/stories", "Voices"),
        ("/intake/participants-old", None),
        ("/", None),
    ],
)
def test_a_page_stands_under_one_entry(path: str, words: str | None) -> None:
    found = current(path)
    assert (found.words if found else None) == words


def test_stories_stand_under_their_own_entry_for_who_has_no_voices() -> None:
    assert current("/feedback/stories", entries_for(frozenset({"facilitator"}))) == STORIES
    assert current("/feedback/voices", entries_for(frozenset({"facilitator"}))) is None


@pytest.mark.parametrize("status", [401, 403, 404, 409, 413, 422, 429, 500, 503])
def test_every_refusal_says_what_to_do_and_shows_its_code(pages: Pages, status: int) -> None:
    answer = pages.error(request(who=Ana()), status, "the-code")
    body = bytes(answer.body).decode()
    assert answer.status_code == status
    assert "<code>the-code</code>" in body
    assert 'class="top"' in body


def test_a_participants_refusal_has_no_brand_and_speaks_their_language(pages: Pages) -> None:
    answer = pages.error(request("/c/abc", "lang=es"), 404, "link-not-found")
    body = bytes(answer.body).decode()
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "kith" not in body.replace("kith.css", "").replace("kith.js", "").lower()
    assert "Esta página no está aquí" in body


def test_fields_that_are_refused_are_each_named(pages: Pages) -> None:
    errors = [{"field": "name", "code": "missing", "message": "Enter a name."}]
    body = bytes(pages.error(request(who=Ana()), 422, "invalid-fields", "Look again.", errors).body).decode()
    assert "Enter a name." in body
    assert "Look again." in body


def test_a_service_may_bring_its_own_shape_of_a_page(pages: Pages, tmp_path: Path) -> None:
    (tmp_path / "error.html").write_text("ours")
    assert pages.error(request(), 404, "x").body == b"ours"
