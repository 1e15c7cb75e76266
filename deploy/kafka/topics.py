"""Creates the topics of the language of events, and refuses those that have another shape."""

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from deploy import Trouble
from deploy.local.child import until
from shared.events import PARTITIONS
from shared.kafka import addresses, client

RETENTION_DAYS = 90
_VISIBLE_SECONDS = 15.0
_RETENTION_MS = RETENTION_DAYS * 24 * 60 * 60 * 1000


async def ensure_topics(kafka: str, names: Sequence[str]) -> list[str]:
    """Make the missing topics, verify the others; which ones were made."""
    admin = AIOKafkaAdminClient(**client(kafka))
    try:
        await _connect(admin, kafka)
        known = await _partitions(admin, names)
        _refuse_other_shapes(known)
        missing = [name for name in names if name not in known]
        if missing:
            await _create(admin, missing)
            _refuse_other_shapes(await _all_partitions(admin, names))
        return missing
    finally:
        await admin.close()


async def _connect(admin: AIOKafkaAdminClient, kafka: str) -> None:
    try:
        await admin.start()
    except KafkaError as error:
        raise Trouble(f"Kafka does not answer at {addresses(kafka)}: start it, or set KITH_KAFKA.") from error


async def _partitions(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    """How many partitions the broker we happen to ask knows of, for the topics that it knows."""
    topics = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in topics if topic["topic"] in names}


async def _all_partitions(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, int]:
    """The same, once a new topic is known everywhere: a broker hears of it a moment after it was made."""
    known: dict[str, int] = {}

    async def complete() -> bool:
        known.update(await _partitions(admin, names))
        return len(known) == len(set(names))

    if not await until(complete, _VISIBLE_SECONDS):
        raise Trouble(f"Kafka does not show the topics that it made within {_VISIBLE_SECONDS:.0f} s.")
    return known


def _refuse_other_shapes(partitions: dict[str, int]) -> None:
    """The partition of a key follows from their number: another one would break the order of events."""
    wrong = [f"{name} has {count}" for name, count in partitions.items() if count != PARTITIONS]
    if wrong:
        raise Trouble(
            f"Each topic has {PARTITIONS} partitions, for ever, but {', '.join(sorted(wrong))}: "
            "make the topic anew under a version of its own."
        )


async def _create(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    copies = min(3, brokers)
    settings = {"retention.ms": str(_RETENTION_MS), "min.insync.replicas": str(max(1, copies - 1))}
    wanted = [NewTopic(name, PARTITIONS, copies, topic_configs=settings) for name in names]
    answer = await admin.create_topics(wanted)
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise Trouble(f"Topic {name} could not be made: {message.rstrip('.') if message else error.__name__}.")
