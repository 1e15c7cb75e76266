"""What a participant goes through: enrolment, check-ins, links, another mind about consent, an end."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4, uuid5

from shared import clock
from tests.faults.driver import AREAS, ASKED, BELONGING, FEEDBACK, INTAKE, PROGRAMS, SITES, Driver, Tenant, Write


@dataclass(eq=False)
class Person:
    """One participant, from the enrolment to the end."""

    driver: Driver
    tenant: Tenant
    random: random.Random
    ids: dict[str, str] = field(default_factory=dict)
    area: str | None = None
    group: str | None = None
    patience: int = 16
    is_erased: bool = False
    canaries: tuple[str, ...] = ()

    async def enrol(self) -> None:
        """Enrol, and plan the rest."""
        chance, mix = self.random.random, self.driver.mix
        is_hot = chance() < mix.hot
        self.area = self.random.choice((None, *AREAS))
        program = PROGRAMS[0] if is_hot else self.random.choice(PROGRAMS[1:])
        body = {
            "preferred_name": "Somebody",
            "language": self.random.choice(("en", "es")),
            "program": program,
            "site": "old-town" if is_hot else self.random.choice(list(SITES)),
            "attributes": {"area": self.area} if self.area else {},
            "consent": self._consent(True, chance() < 0.9),
        }
        if is_hot and chance() < 0.4:
            self.group = body["group"] = "evening" if mix.attends and chance() < 0.7 else "circle"
        if chance() < mix.email:
            body["email"] = f"{uuid4().hex}@example.org"
        if chance() < mix.erase:
            body |= self._canaries("email" in body)
        key, doubled = str(uuid4()), chance() < mix.doubled
        asked = [self.driver.ask(self.tenant, "POST", f"{INTAKE}/participants", body, key) for _ in range(1 + doubled)]
        answers = await asyncio.gather(*asked)
        if not answers[0]:
            self.driver.unexpected.append("an enrolment was refused")
            return
        if doubled and answers[0] != answers[1]:
            self.driver.unexpected.append("the same Idempotency-Key gave two answers")
        self.ids = {name: answers[0][name] for name in ("participant_id", "enrolment_id")}
        self._count("participant-enrolled", **self.ids)
        self._plan()

    def _canaries(self, has_mail: bool) -> dict[str, str]:
        """A name, a phone number and perhaps an address that nobody else has, and an end that leaves nothing."""
        name = f"zq{uuid4().hex[:16]}"
        phone = f"+{self.random.randrange(10**11, 10**12)}"
        self.canaries = (name, phone[1:])
        return {"preferred_name": name, "phone": phone} | ({"email": f"{name}@example.org"} if has_mail else {})

    def _plan(self) -> None:
        chance, mix, later = self.random.random, self.driver.mix, self.driver.later
        for number in range(len(ASKED)):
            if chance() < mix.answer:
                later(0.8 + 2.5 * chance(), partial(self.answer, number))
            if chance() < mix.link / len(ASKED):
                later(0.8 + 2.5 * chance(), partial(self.link, number))
        for share, what in ((mix.consent, self.change_consent), (mix.correct, self.correct)):
            if chance() < share:
                later(1 + 3 * chance(), what)
        if self.group and chance() < mix.give_up:
            later(1 + 3 * chance(), partial(self.give_up, self.group))
        self._plan_end()

    def _plan_end(self) -> None:
        chance, mix, later = self.random.random, self.driver.mix, self.driver.later
        if chance() < mix.withdraw:
            later(2 + 3 * chance(), partial(self.end, "withdraw"))
        elif chance() < mix.complete:
            later(2 + 3 * chance(), partial(self.end, "complete"))
        if self.canaries:
            later(1 + 4 * chance(), self.erase)

    async def answer(self, number: int) -> None:
        """Somebody enters the check-in for them."""
        scores: dict[str, Any] = {"totals": {ASKED[number]: self.random.randint(0, 12)}}
        if number == 2:
            scores = {"answers": {"belonging": dict.fromkeys(BELONGING, self.random.randint(0, 4))}}
        body = {"occasion_id": self.occasion(number)} | scores
        if self.random.random() < self.driver.mix.late:  # on paper, up to two days ago
            at = clock.now() - timedelta(hours=self.random.uniform(1, 48))
            body["answered_at"] = at.isoformat()
        await self._once("check-in-submitted", number, f"{FEEDBACK}/check-ins", body)

    async def take_back(self, number: int) -> None:
        """What they have answered is taken back, and perhaps entered anew."""
        body = {"reason": "entered-wrongly"}
        path = f"{FEEDBACK}/check-ins/{self.occasion(number)}/withdraw"
        if await self.driver.ask(self.tenant, "POST", path, body, str(uuid4())):
            self._count("check-in-withdrawn", occasion_id=self.occasion(number), **self.ids)
            if self.random.random() < 0.5:
                self.driver.later(0.5, partial(self.enter_anew, number))

    async def enter_anew(self, number: int) -> None:
        """What is right this time."""
        again = {"occasion_id": self.occasion(number), "totals": {ASKED[number]: 1}}
        if number != 2 and await self.driver.ask(self.tenant, "POST", f"{FEEDBACK}/check-ins", again, str(uuid4())):
            self._count("check-in-submitted", occasion_id=self.occasion(number), **self.ids)

    async def link(self, number: int) -> None:
        """A link is handed over."""
        await self._once("check-in-invited", number, f"{INTAKE}/invitations", {"occasion_id": self.occasion(number)})

    async def _once(self, what: str, number: int, path: str, body: Any) -> None:
        """Not heard of yet: again in a moment. Refused, as after a withdrawal: no write."""
        key = str(uuid5(UUID(self.ids["enrolment_id"]), f"{what} {number}"))
        doubled = self.random.random() < self.driver.mix.doubled
        asked = [self.driver.ask(self.tenant, "POST", path, body, key) for _ in range(1 + doubled)]
        answers = await asyncio.gather(*asked)
        if any(answers):
            self._count(what, occasion_id=self.occasion(number), **self.ids)
            if what == "check-in-submitted" and self.random.random() < self.driver.mix.take_back:
                self.driver.later(0.5 + 2 * self.random.random(), partial(self.take_back, number))
        elif None in answers and self.patience > 0 and not self.is_erased:
            self.patience -= 1
            self.driver.later(0.5, partial(self._once, what, number, path, body))

    async def erase(self) -> None:
        """They ask to be erased, while all the rest goes on."""
        path = f"{INTAKE}/participants/{self.ids['participant_id']}"
        shown = await self.driver.ask(self.tenant, "GET", path, None)
        if not shown:
            self.driver.unexpected.append("somebody was not there any more when they were to be erased")
            return
        body = {"short_code": shown["short_code"], "reason": "asked-by-participant"}
        if await self.driver.ask(self.tenant, "POST", f"{path}/erase", body, str(uuid4())):
            self.is_erased = True
            organisation = str(self.tenant.organisation_id)
            self.driver.writes.append(Write("participant-erased", organisation, dict(self.ids), self.canaries))

    async def change_consent(self) -> None:
        """They think again."""
        path = f"{INTAKE}/participants/{self.ids['participant_id']}/enrolments/{self.ids['enrolment_id']}/consent"
        body = self._consent(self.random.random() < 0.5, self.random.random() < 0.5)
        answer = await self.driver.ask(self.tenant, "POST", path, body, str(uuid4()))
        if answer:
            self._count("consent", reporting=str(body["reporting"]), **self.ids)

    async def correct(self) -> None:
        """What was written down about them at the enrolment was wrong: it was something else."""
        path = f"{INTAKE}/participants/{self.ids['participant_id']}/enrolments/{self.ids['enrolment_id']}/attributes"
        self.area = self.random.choice([area for area in AREAS if area != self.area])
        if await self.driver.ask(self.tenant, "POST", path, {"attributes": {"area": self.area}}, str(uuid4())):
            self._count("attributes-corrected", **self.ids)

    async def give_up(self, group: str) -> None:
        """They do not want to come to that group any more, or to wait for it."""
        path = f"{INTAKE}/participants/{self.ids['participant_id']}/enrolments/{self.ids['enrolment_id']}/give-up-place"
        if await self.driver.ask(self.tenant, "POST", path, {"group": group}, str(uuid4())):
            self._count("participant-unplaced", **self.ids)

    async def end(self, how: str) -> None:
        """They leave, or complete the program."""
        path = f"{INTAKE}/participants/{self.ids['participant_id']}/enrolments/{self.ids['enrolment_id']}"
        shown = await self.driver.ask(self.tenant, "GET", f"{INTAKE}/participants/{self.ids['participant_id']}", None)
        if not shown:
            return
        on = shown["enrolments"][0]["enrolled_on"]
        field_name = {"withdraw": "withdrawn_on", "complete": "completed_on"}[how]
        if await self.driver.ask(self.tenant, "POST", f"{path}/{how}", {field_name: on}, str(uuid4())):
            self._count(f"participant-{field_name.removesuffix('_on')}", **self.ids)
            if self.random.random() < self.driver.mix.resume:
                self.driver.later(0.5 + self.random.random(), partial(self.resume, how))

    async def resume(self, how: str) -> None:
        """That was a slip, and perhaps it happens after all."""
        path = f"{INTAKE}/participants/{self.ids['participant_id']}/enrolments/{self.ids['enrolment_id']}/resume"
        if await self.driver.ask(self.tenant, "POST", path, None, str(uuid4())):
            self._count("participant-resumed", **self.ids)
            if self.random.random() < 0.5:
                self.driver.later(0.5 + self.random.random(), partial(self.end, how))

    def occasion(self, number: int) -> str:
        """The id that scheduling mints."""
        return str(uuid5(UUID(self.ids["enrolment_id"]), f"start-{number}:{number}"))

    def _consent(self, taking_part: bool, reporting: bool) -> dict[str, Any]:
        return {
            "text": "standard", "version": 1, "taking_part": taking_part, "reporting": reporting,
            "contact_after": self.random.random() < 0.7,
        }  # fmt: skip

    def _count(self, what: str, **ids: str) -> None:
        self.driver.writes.append(Write(what, str(self.tenant.organisation_id), ids))


def enrolling(driver: Driver, tenant: Tenant, chance: random.Random) -> Callable[[], Awaitable[None]]:
    """The beginning of somebody new."""
    return Person(driver, tenant, chance).enrol
