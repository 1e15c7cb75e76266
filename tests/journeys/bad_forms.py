"""The table of bad files, forms and headers, beside the one of bad bodies."""

from collections.abc import Iterator

from tests.journeys.bad_bodies import ENROL, FORM, GOOD, JSON, Case

CSV = {"content-type": "text/csv"}
LINK = "POST /c/LINK"


def others() -> Iterator[Case]:
    """Files, forms and headers."""
    files = "POST /intake/api/v1/sites/import-file"
    head = b"code,name,time_zone,languages\n"
    for name, body, answer in (
        ("empty", b"", "422 unknown-column file"),
        ("not UTF-8", head + b"a,\xe9,Europe/Oslo,en\n", "422 not-utf-8 file"),
        ("NUL", head + b"a,CANARY\x00,Europe/Oslo,en\n", "422 control-character file"),
        ("unknown column", b"code,CANARY\na,b\n", "422 unknown-column file"),
        ("an open quote", head + b'a,"CANARY', "422 not-csv file"),
        ("a cell of 200 kB", head + b"a," + b"x" * 200_000, "422 not-csv file"),
        ("a picture", b"\x89PNG\r\n\x1a\n", "422 not-utf-8 file"),
    ):
        yield Case(f"file: {name}", files, body, answer, CSV)
    yield Case("file: begins at line 0", f"{files}?first_line=0", head, "422 greater-than-equal first_line", CSV)
    too_long, with_a_bell = (JSON | {"idempotency-key": key} for key in ("k" * 201, "CANARY\x07"))
    yield Case("key: too long", ENROL, GOOD, "422 string-too-long idempotency-key", too_long)
    # Without a body: the gateway closes at a bad header, and resets whoever is still sending.
    yield Case("key: with a bell", ENROL, b"", "400 text -", with_a_bell)
    for name, form, status in (
        ("nothing", b"", 422),
        ("of another instrument", b"answers.phq-4.x=1", 422),
        ("beyond the scale", b"answers.belonging.item-1=99", 422),
        ("1e400", b"answers.belonging.item-1=1e400", 422),
        ("NUL", b"answers.belonging.item-1=%00CANARY", 422),
        ("not UTF-8", b"answers.belonging.%ff=%fe", 422),
        ("1,001 fields", b"&".join(b"a%d=CANARY" % n for n in range(1001)), 400),
        ("nested a thousand deep", b"answers" + b".a" * 1000 + b"=1", 422),
        ("a text for a part", b"answers=CANARY", 422),
        ("100 kB", b"a=" + b"x" * 100_000, 413),
    ):
        yield Case(f"link: {name}", LINK, form, f"{status} page -", FORM)
    broken = {"content-type": "multipart/form-data; boundary=b"}
    yield Case("link: a broken multipart", LINK, b"--b\r\nCANARY", "422 page -", broken)
    yield Case("link: no boundary", LINK, b"CANARY", "400 page -", {"content-type": "multipart/form-data"})
    yield Case("link: JSON", LINK, b'{"answers": "CANARY"}', "422 page -")
    yield Case("link: unknown", "POST /c/AAAAAAAAAAAAAAAAAAAAAA", b"a=CANARY", "404 page -", FORM)
    yield Case("link: cut short", "GET /c/LIN", b"", "404 page -")
    yield Case("link: 10 kB", f"GET /c/{'x' * 10_000}", b"", "404 page -")
    yield Case("link: a way up", "GET /c/..%2f..%2fetc%2fpasswd", b"", "404 page -")
    yield Case("a method that nobody has", "BREW /intake/api/v1/participants", b"", "400 text -")
    yield Case("a method that this door has not", "DELETE /intake/api/v1/participants", b"", "405 method-not-allowed -")
    yield Case("an address that is not there", "GET /intake/api/v1/nothing", b"", "404 page-not-found -")


CASES = [*others()]
