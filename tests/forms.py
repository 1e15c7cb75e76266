"""Forms on pages, as a browser without a script fills them in and sends them."""

from html.parser import HTMLParser
from typing import Any

import httpx


class _Forms(HTMLParser):
    """The fields of each form of a page, by the address it is sent to; an empty one is the page's own."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, list[str]]] = {}
        self._form: dict[str, list[str]] = {}
        self._name = ""
        self._is_text = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._form = self.forms.setdefault(given.get("action") or "", {})
        elif tag in ("textarea", "select"):
            self._name, self._is_text = given["name"] or "", tag == "textarea"
        elif tag == "option" and "selected" in given:
            self._add(self._name, given["value"] or "")
        elif tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self._add(given.get("name") or "", given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        self._is_text = False

    def handle_data(self, data: str) -> None:
        if self._is_text:
            self._add(self._name, data.strip("\n"))

    def _add(self, name: str, value: str) -> None:
        self._form.setdefault(name, []).append(value)


def filled(page: str, action: str = "") -> dict[str, list[str]]:
    """What a form sends as it stands on the page."""
    forms = _Forms()
    forms.feed(page)
    return forms.forms[action]


async def two_people_change(
    client: httpx.AsyncClient, page: str, action: str, headers: Any, first: dict[str, str], second: dict[str, str]
) -> None:
    """Two open the same page. Whoever saves later is told, keeps what was entered, and may save it then."""
    form = filled((await client.get(page, headers=headers)).text, action)
    sent_to = action or page
    saved = await client.post(sent_to, data=form | first, headers=headers)
    assert saved.status_code == 303, saved.text
    refused = await client.post(sent_to, data=form | second, headers=headers)
    assert (refused.status_code, "changed this after you opened it" in refused.text) == (409, True), refused.text
    assert "changed this after you opened it" not in (await client.get(page, headers=headers)).text
    again = filled(refused.text, action)
    assert {name: again[name] for name in second} == {name: [value] for name, value in second.items()}
    saved = await client.post(sent_to, data=again, headers=headers)
    assert saved.status_code == 303, saved.text
    stands = filled((await client.get(page, headers=headers)).text, action)
    assert {name: stands[name] for name in second} == {name: [value] for name, value in second.items()}
