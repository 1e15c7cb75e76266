"""organisation.toml through the doors: what is not there yet is set, and what people have changed since stays."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from deploy import Trouble
from deploy.importer.doors import Doors, Refused
from deploy.importer.organisation import FILE, Battery, CrisisContacts, Organisation, Rota
from deploy.importer.rows import PAUSE_SECONDS, FileReport
from deploy.importer.standing import differs
from services.intake.domain.organisation import Organisation as Kept
from services.intake.domain.organisation import RegisterOrganisation, register
from shared.events.feedback import BatteryEntry
from shared.identity import organisation_id

ORGANISATION = "/intake/api/v1/organisation"


@dataclass(slots=True)
class SetUp:
    """The parts of the file on their way; with `replace` they are set whatever stands."""

    doors: Doors
    asked: Organisation
    replace: bool
    patience_seconds: float
    report: FileReport = field(default_factory=lambda: FileReport(FILE))

    async def register(self) -> None:
        """The organisation itself: its consent texts are added in any case, as a published one never changes."""
        says = {"name": self.asked.name, "attributes": self._attributes()}
        texts = [one.model_dump(mode="json") for one in self.asked.consent_texts]
        stands = await self._standing(ORGANISATION)
        if stands is None:
            await self._put(ORGANISATION, says | {"consent_texts": texts}, "created")
            return
        other = {name: says[name] for name in self.asked.model_fields_set & says.keys() if says[name] != stands[name]}
        if not self.replace:
            self.report.left += [f"{name} of the organisation" for name in sorted(other)]
            other = {}
        new = [text for text in texts if text not in stands["consent_texts"]]
        if other or new:
            kept = {name: stands[name] for name in says}
            await self._put(ORGANISATION, kept | other | {"consent_texts": new}, "changed")
        else:
            self._took("unchanged")

    def _attributes(self) -> list[dict[str, Any]]:
        """As the service keeps them. What it refuses is the service's matter: it may have it from before."""
        code, attributes = self.asked.code, self.asked.attributes
        as_it_is = Kept(organisation_id(code), code, self.asked.name, tuple(attributes))
        kept = register(as_it_is, (), code, RegisterOrganisation(name=as_it_is.name, attributes=attributes))
        return [one.model_dump(mode="json") for one in kept.organisation.attributes]

    async def the_rest(self) -> None:
        """What programs ask, and who helps at each site, once the sites and the programs are there."""
        for rota in self.asked.rotas:  # before the batteries: some of these need somebody on call
            await self._rota(rota)
        for battery in self.asked.batteries:
            await self._battery(battery)
        for contacts in self.asked.crisis_contacts:
            await self._contacts(contacts)

    async def _rota(self, rota: Rota) -> None:
        path = f"/feedback/api/v1/sites/{rota.site}/rota"
        found = await self._standing(path)
        stands = found["rota"] if found else None
        says = rota.model_dump(mode="json", exclude={"site", "hand_overs"})
        # What was handed over on the page stays: a file knows nothing of it.
        await self._set(f"rota of {rota.site}", path, says, stands, hand_overs=stands["hand_overs"] if stands else [])

    async def _battery(self, battery: Battery) -> None:
        known = await self._standing("/feedback/api/v1/batteries") or []
        stands = next((one for one in known if one["program"] == battery.program and one["entries"] is not None), None)
        entries = [BatteryEntry(**entry.model_dump()).model_dump(mode="json") for entry in battery.entries]
        path = f"/feedback/api/v1/batteries/{battery.program}"
        await self._set(f"battery of {battery.program}", path, {"entries": entries}, stands)

    async def _contacts(self, contacts: CrisisContacts) -> None:
        path = f"/feedback/api/v1/sites/{contacts.site}/crisis-contacts"
        stands = await self._standing(path)
        says = contacts.model_dump(mode="json", exclude={"site"})
        confirmed_on = says.pop("confirmed_on")
        if stands and stands["contacts"] == says["contacts"]:  # whoever called these numbers last, they were right
            confirmed_on = max(filter(None, (confirmed_on, stands["confirmed_on"])), default=None)
        await self._set(f"crisis contacts of {contacts.site}", path, says, stands, confirmed_on=confirmed_on)

    async def _set(self, what: str, path: str, says: dict[str, Any], stands: Any, **besides: Any) -> None:
        """Set a part. What goes along `besides` is no difference by itself, but to whoever wants the file's."""
        whole = says | besides
        if stands is None:
            await self._put(path, whole, "created")
        elif not differs(whole if self.replace else says, stands):
            self._took("unchanged")
        elif self.replace:
            await self._put(path, whole, "changed")
        else:
            self._took("unchanged")
            self.report.left.append(what)

    async def _standing(self, path: str) -> Any:
        """What the service says of it; None if there is nothing, or if it has not even heard of the site."""
        try:
            return await self.doors.ask("GET", path)
        except Refused as refused:
            if not refused.code.endswith("-not-found"):
                raise
            return None

    async def _put(self, path: str, body: dict[str, Any], outcome: str) -> None:
        """Ask for one thing until the service has heard of what it names."""
        patient_until = time.monotonic() + self.patience_seconds
        while True:
            try:
                await self.doors.ask("PUT", path, json=body)
            except Refused as refused:
                if not refused.code.endswith("-not-found") or time.monotonic() > patient_until:
                    raise Trouble(f"{FILE}: {refused.sentence} ({refused.code})") from None
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._took(outcome)
                return

    def _took(self, outcome: str) -> None:
        self.report.rows += 1
        self.report.took(outcome)
