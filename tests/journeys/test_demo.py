"""What `kith demo` prints and shows, on the real parts."""

import csv
import re
import tomllib
from datetime import date, timedelta
from pathlib import Path

import httpx

from deploy.demo import harbour_trust
from deploy.demo.listening import STORIES, THEMES, listen, put_up_a_tablet
from deploy.demo.today import NEWCOMERS, live_today
from deploy.importer import import_folder
from shared import clock
from tests.journeys.conftest import Kith

CODE = "demo-again"


def an_organisation_without_its_history(folder: Path, today: date) -> None:
    """Harbour Trust as on its first day."""
    harbour_trust.write(folder, today)
    for name in ("participants", "sessions", "attendance", "check-ins"):
        (folder / f"{name}.csv").unlink()
    about = folder / "organisation.toml"
    about.write_text(about.read_text().replace(harbour_trust.CODE, CODE))


async def answer(link: str) -> None:
    """Answer the check-in as a person on a phone does: the same to every question."""
    async with httpx.AsyncClient(trust_env=False) as phone:
        page = await phone.get(link)
        assert page.status_code == 200
        names = re.findall(r'type="radio" name="([^"]+)"', page.text)
        thanks = await phone.post(link, data=dict.fromkeys(names, "3"))
        assert "Thank you" in thanks.text or "Gracias" in thanks.text


async def test_a_demo_that_is_started_again_prints_another_link_that_is_open(kith: Kith, tmp_path: Path) -> None:
    today = (clock.now() + timedelta(seconds=float(kith.clock.read_text()))).date()
    an_organisation_without_its_history(tmp_path / "demo", today)
    token = await kith.token(CODE, "administrator", "coordinator")
    summary = await import_folder(tmp_path / "demo", kith.url, token, lambda *_: None)
    assert summary.refused == []
    links = []
    async with await kith.doors(CODE, "administrator", "coordinator") as doors:
        for _ in NEWCOMERS:
            link = await live_today(doors)
            assert link
            assert await live_today(doors), "as long as nobody has answered, a start prints an open one"
            await answer(link)
            links.append(link)
        assert len(set(links)) == len(NEWCOMERS)
        assert await live_today(doors) is None
        people = await doors.ask("GET", "/intake/api/v1/participants")
    assert len(people["participants"]) == len(NEWCOMERS), "nobody is enrolled twice"
    await what_people_share_is_there_once(kith)


async def what_people_share_is_there_once(kith: Kith) -> None:
    async with (
        await kith.doors(CODE, "administrator", "coordinator", name="Ana Ruiz") as ana,
        await kith.doors(CODE, "administrator", "coordinator", name="Mara Okafor") as mara,
    ):
        for _ in range(2):
            await listen(ana, mara)
        assert len((await ana.ask("GET", "/feedback/api/v1/voices"))["voices"]) == len(THEMES)
        told = await ana.ask("GET", "/feedback/api/v1/stories", params={"use": "within-program"})
        assert sorted(one["text"] for one in told["stories"]) == sorted(text for text, *_ in STORIES)
        now = clock.now() + timedelta(seconds=float(kith.clock.read_text()))
        tablet = await put_up_a_tablet(ana, now)
    async with httpx.AsyncClient(trust_env=False) as door:
        assert (await door.get(tablet)).status_code == 200


def test_the_organisation_of_the_demo_reads_as_people_would_write_it(tmp_path: Path) -> None:
    today = date(2026, 7, 14)
    harbour_trust.write(tmp_path, today)
    assert "circulo-de-tarde,Círculo de tarde,evening-circle,north-quay" in (tmp_path / "groups.csv").read_text()
    about = tomllib.loads((tmp_path / "organisation.toml").read_text())
    confirmed = [one["confirmed_on"] for one in about["crisis_contacts"]]
    assert confirmed == [today - timedelta(days=harbour_trust.CONFIRMED_DAYS_AGO)] * 3


def test_somebody_meets_tonight_whatever_day_it_is(tmp_path: Path) -> None:
    for number in range(7):
        today, folder = date(2026, 11, 23) + timedelta(days=number), tmp_path / str(number)
        harbour_trust.write(folder, today)
        with (folder / "groups.csv").open() as file:
            tonight = [one for one in csv.DictReader(file) if int(one["weekday"]) == today.isoweekday()]
        assert {one["site"] for one in tonight} >= {"old-town"}
        assert tonight[0]["name"] == f"Evening Circle, {today:%A}s"
        with (folder / "check-ins.csv").open() as file:
            assert max(one["answered_on"] for one in csv.DictReader(file)) < today.isoformat()
