"""How Kafka is spoken to: `KITH_KAFKA` says where it is and, where it wants to know, who we are."""

import ssl
from typing import Any
from urllib.parse import unquote

from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

ACCOUNTS = {"plain": SASLPlaintext, "scram-sha-256": SASLScram256, "scram-sha-512": SASLScram512}


def addresses(kafka: str) -> str:
    """The brokers alone, without a secret."""
    return kafka.rpartition("//")[2].rpartition("@")[2]


def security(kafka: str) -> BaseSecurity | None:
    """Who we are there, always encrypted; certificates are trusted as the system or SSL_CERT_FILE says."""
    protocol, is_told, rest = kafka.partition("://")
    if not is_told:
        return None
    context = ssl.create_default_context()
    if protocol == "ssl":
        return BaseSecurity(context)
    name, _, password = rest.rpartition("@")[0].partition(":")
    return ACCOUNTS[protocol.removesuffix("+ssl")](unquote(name), unquote(password), context)


def client(kafka: str) -> dict[str, Any]:
    """What every client of aiokafka is told."""
    return {"bootstrap_servers": addresses(kafka), **parse_security(security(kafka))}
