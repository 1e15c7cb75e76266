"""A broker that wants encryption and an account: everything goes by that, and nothing goes in the open."""

import logging
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from structlog.testing import LogCapture

from deploy import Trouble
from deploy.kafka.topics import ensure_topics
from deploy.local.kafka import Kafka
from deploy.local.ports import free_port
from shared.inbox.batch import Applying
from shared.inbox.hearing import Hearing
from shared.operations import broker
from shared.outbox import Relay
from tests.conftest import eventually, running
from tests.local.conftest import running as started
from tests.shared.conftest import Register, numbers_heard, say

PASSWORD = "p@ss:word/7"
TYPED = "p%40ss:word%2F7"
RIGHTS = (  # of a service; topics of tests begin with another word than `kith.`
    (
        ResourceType.TOPIC,
        "test.",
        (
            *(AclOperation.CREATE, AclOperation.READ, AclOperation.WRITE),
            *(AclOperation.DESCRIBE_CONFIGS, AclOperation.ALTER_CONFIGS),
        ),
    ),
    (ResourceType.TOPIC, "unseen.", (AclOperation.CREATE, AclOperation.READ, AclOperation.WRITE)),
    (ResourceType.GROUP, "analytics", (AclOperation.READ,)),
)


class Guarded(Kafka):
    """A broker with two more doors: one encrypted, one that asks who comes, too."""

    def __init__(self, data: Path, certificate: Path) -> None:
        super().__init__(data, free_port(), free_port())
        self.certificate, self.encrypted_port, self.accounts_port = certificate, free_port(), free_port()

    def _write_configuration(self) -> Path:
        path = super()._write_configuration()
        listeners = re.search(r"(?m)^listeners=(.*)$", path.read_text())
        assert listeners
        doors = f"ENCRYPTED://127.0.0.1:{self.encrypted_port},ACCOUNTS://127.0.0.1:{self.accounts_port}"
        jaas, login = "listener.name.accounts.{}.sasl.jaas.config", "org.apache.kafka.common.security"
        more = [
            f"listeners={listeners[1]},{doors}",
            f"advertised.listeners={listeners[1]},{doors}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,ENCRYPTED:SSL,ACCOUNTS:SASL_SSL",
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={self.certificate}",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            f'{jaas.format("plain")}={login}.plain.PlainLoginModule required user_kith="{PASSWORD}";',
            f"{jaas.format('scram-sha-256')}={login}.scram.ScramLoginModule required;",
            f"{jaas.format('scram-sha-512')}={login}.scram.ScramLoginModule required;",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users=User:ANONYMOUS",
        ]
        with path.open("a") as file:
            file.write("\n".join(more) + "\n")
        return path

    def make_account(self) -> None:
        """For both ways in which a password is never sent, with the rights that the README names."""
        admin = AdminClient({"bootstrap.servers": self.address})
        for way in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            wanted = UserScramCredentialUpsertion("kith", ScramCredentialInfo(way, 4096), PASSWORD.encode())
            admin.alter_user_scram_credentials([wanted])["kith"].result(30)
        for resource, name, rights in RIGHTS:
            for right in rights:
                acl = (resource, name, ResourcePatternType.PREFIXED, "User:kith", "*", right, AclPermissionType.ALLOW)
                [done] = admin.create_acls([AclBinding(*acl)]).values()
                done.result(30)

    def named(self, way: str, password: str = TYPED) -> str:
        """As `KITH_KAFKA` has it."""
        if way == "ssl":
            return f"ssl://127.0.0.1:{self.encrypted_port}"
        return f"{way}://kith:{password}@127.0.0.1:{self.accounts_port}"


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory, certificate: Path) -> AsyncIterator[Guarded]:
    data = tmp_path_factory.mktemp("guarded")
    kafka = Guarded(data, certificate)
    async with started(kafka, data):
        kafka.make_account()
        yield kafka


@pytest.fixture
def told() -> Any:
    """Every line that is logged, ours and those of libraries."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, capture, before = Keep(), LogCapture(), structlog.get_config()
    logging.getLogger().addHandler(handler)
    structlog.configure(processors=[capture])
    yield lambda: "\n".join([*lines, *map(str, capture.entries)])
    structlog.configure(**before)
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("way", ["ssl", "plain+ssl", "scram-sha-256+ssl", "scram-sha-512+ssl"])
async def test_what_is_said_is_heard_by_that_way(guarded: Guarded, fresh_store: Any, parcels: Any, way: str) -> None:
    kafka, store, parcel = guarded.named(way), await fresh_store(), uuid4()
    assert await ensure_topics(kafka, [parcels.topic]) == {parcels.topic: "created"}
    assert await ensure_topics(kafka, [parcels.topic]) == {parcels.topic: "verified"}
    await Register.make(store.dsn_admin)
    hearing = Hearing(store.machinery, kafka, "analytics", Applying({parcels: Register.on_parcel_sent}))
    async with running(Relay(store.machinery, kafka).run(), hearing.run()):
        await say(store, parcels, parcel, 1, 2, 3)

        async def all_there() -> bool:
            return await numbers_heard(store, parcel) == [1, 2, 3]

        await eventually(all_there)
    seen = await broker.look(kafka, {(parcels.topic, 0): 0})
    assert seen
    assert sum(seen.ends.values()) == 3


@pytest.mark.parametrize("way", ["plain+ssl", "scram-sha-512+ssl"])
async def test_a_wrong_password_is_waited_with_and_never_told(
    guarded: Guarded, fresh_store: Any, parcels: Any, told: Callable[[], str], way: str
) -> None:
    kafka, store = guarded.named(way, "not-the-one"), await fresh_store()
    with pytest.raises(Trouble, match=rf"does not answer at 127\.0\.0\.1:{guarded.accounts_port}: "):
        await ensure_topics(kafka, [parcels.topic])
    assert await broker.look(kafka, {(parcels.topic, 0): 0}) is None
    await say(store, parcels, uuid4(), 1)
    async with running(Relay(store.machinery, kafka).run()):

        async def is_told() -> bool:
            return "relay waits" in told()

        await eventually(is_told)
    assert await store.machinery.pool.fetchval("select count(*) from machinery.outbox") == 1
    assert "not-the-one" not in told()


async def test_an_account_that_may_not_see_how_long_topics_keep_events_is_told(guarded: Guarded) -> None:
    kafka = guarded.named("plain+ssl")
    assert await ensure_topics(kafka, ["unseen.topic"]) == {"unseen.topic": "created"}
    with pytest.raises(Trouble, match=r"topic unseen\.topic cannot be read .*KITH_KAFKA needs DescribeConfigs on it"):
        await ensure_topics(kafka, ["unseen.topic"])


async def test_a_broker_whose_certificate_nobody_knows_hears_nothing(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    for way in ("ssl", "plain+ssl"):
        with pytest.raises(Trouble, match="does not answer"):
            await ensure_topics(guarded.named(way), ["kith.none"])
