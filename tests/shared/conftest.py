"""A parcel company: proof that the machinery knows no word of our trade."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared import clock
from shared.database import Tx
from shared.events.base import CATALOGUE, Event, Heard, event
from shared.outbox import put

ORGANISATION = UUID("018f0000-0000-7000-8000-000000000001")
AT = datetime(2025, 3, 4, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of this machine and trusted by it, with its key: a PEM file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    today = clock.now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    file, plain = tmp_path_factory.mktemp("tls") / "here.pem", serialization.NoEncryption()
    own = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + own)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        yield file


@pytest.fixture
async def parcels(fresh_topic: Callable[..., Any]) -> Any:
    """An event `parcel-sent` on a topic of its own."""
    topic = await fresh_topic()
    wire = f"parcel-sent-{uuid4().hex[:8]}"

    @event(wire, topic=topic, key="parcel_id")
    class ParcelSent(Event):
        """A parcel was sent."""

        parcel_id: UUID
        number: int

    yield ParcelSent
    del CATALOGUE[ParcelSent.ce_type()]


class Register:
    """What was heard, in a table of the store."""

    @staticmethod
    async def make(dsn_admin: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(dsn_admin)
        await connection.execute(
            "create table register (place serial, parcel_id uuid, number int check (number <> 13));"
            "grant all on register, register_place_seq to parcels_machinery"
        )
        await connection.close()

    @staticmethod
    async def on_parcel_sent(tx: Tx, heard: Heard[Any]) -> None:
        await tx.execute(
            "insert into register (parcel_id, number) values ($1, $2)", heard.event.parcel_id, heard.event.number
        )


async def say(store: Any, kind: Any, parcel: UUID, *numbers: int) -> None:
    """Say these, in one transaction."""
    async with store.doors.transaction(ORGANISATION) as tx:
        for number in numbers:
            put(tx, kind(parcel_id=parcel, number=number), organisation=ORGANISATION, at=AT)


async def numbers_heard(store: Any, parcel: UUID) -> list[int]:
    """What the register holds of one parcel, in order."""
    rows = await store.machinery.pool.fetch("select number from register where parcel_id = $1 order by place", parcel)
    return [row["number"] for row in rows]


async def shelved(store: Any, organisation: UUID) -> dict[UUID, int]:
    """What an organisation sees on its shelf."""
    async with store.doors.transaction(organisation) as tx:
        return {row["parcel_id"]: row["number"] for row in await tx.fetch("select * from shelf")}
