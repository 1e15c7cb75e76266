"""Creates the topics of the language of events, and refuses those that have another shape or keep events otherwise."""

from collections.abc import Mapping, Sequence

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from deploy import Trouble
from deploy.local.child import until
from shared.events import PARTITIONS
from shared.kafka import addresses, client

RETENTION_DAYS = 89
_DAY_MS = 24 * 60 * 60 * 1000
# Kafka forgets a segment as a whole, when its youngest event is old enough: the oldest is a day older then.
KEEPING = {
    "cleanup.policy": "delete",
    "retention.ms": str(RETENTION_DAYS * _DAY_MS),
    "segment.ms": str(_DAY_MS),
}
_TAKEN = {
    "cleanup.policy": {KEEPING["cleanup.policy"]},
    "retention.ms": {KEEPING["retention.ms"], str(90 * _DAY_MS)},  # topics got 90 before, with segments of a week
}
_SET_ON_THE_TOPIC = 1  # Kafka's number for where a setting comes from
_VISIBLE_SECONDS = 15.0
Settings = dict[str, tuple[str, int]]  # each one's value, and where that comes from


async def ensure_topics(kafka: str, names: Sequence[str]) -> dict[str, str]:
    """Make the missing topics, verify the others; what became of each."""
    admin = AIOKafkaAdminClient(**client(kafka))
    try:
        await _connect(admin, kafka)
        known = await _partitions(admin, names)
        _refuse_other_shapes(known)
        became = dict.fromkeys(names, "verified") | await _keep_as_long(admin, sorted(known))
        missing = [name for name in names if name not in known]
        if missing:
            await _create(admin, missing)
            _refuse_other_shapes(await _all_partitions(admin, names))
        return became | dict.fromkeys(missing, "created")
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


async def _keep_as_long(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, str]:
    """Refuse topics that keep events otherwise, as whoever is erased would stay in them; change those made before."""
    found = await _settings(admin, names) if names else {}
    wrong = [
        f"{name} has {setting}={own[setting][0]}"
        for name, own in found.items()
        for setting, taken in _TAKEN.items()
        if own[setting][0] not in taken
    ]
    if wrong:
        raise Trouble(
            f"Each topic forgets its events after {RETENTION_DAYS} days, but {', '.join(wrong)}: "
            f"set {_as_words(KEEPING)} on it."
        )
    older = {name: own for name, own in found.items() if not _is_kept_as_long(own)}
    for name, own in older.items():
        await _set(admin, name, own)
    return dict.fromkeys(older, f"changed: events are kept for {RETENTION_DAYS} days from now on")


def _is_kept_as_long(own: Settings) -> bool:
    return own["retention.ms"][0] == KEEPING["retention.ms"] and int(own["segment.ms"][0]) <= _DAY_MS


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, Settings]:
    found: dict[str, Settings] = {}
    for answer in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        for code, _, _, name, entries in answer.resources:
            _refuse_if(code, f"The settings of topic {name} cannot be read", "DescribeConfigs")
            found[name] = {setting: (value, source) for setting, value, _, source, *_ in entries}
    return found


async def _set(admin: AIOKafkaAdminClient, name: str, own: Settings) -> None:
    """The request replaces whatever is set on the topic: the rest of it goes along."""
    kept = {setting: value for setting, (value, source) in own.items() if source == _SET_ON_THE_TOPIC}
    for answer in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, kept | KEEPING)]):
        for code, *_ in answer.resources:
            _refuse_if(code, f"The settings of topic {name} cannot be changed to {_as_words(KEEPING)}", "AlterConfigs")


def _refuse_if(code: int, what: str, right: str) -> None:
    if code:
        raise Trouble(f"{what} ({for_code(code).__name__}): the account in KITH_KAFKA needs {right} on it.")


def _as_words(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


async def _create(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    brokers = len((await admin.describe_cluster())["brokers"])
    copies = min(3, brokers)
    settings = KEEPING | {"min.insync.replicas": str(max(1, copies - 1))}
    wanted = [NewTopic(name, PARTITIONS, copies, topic_configs=settings) for name in names]
    answer = await admin.create_topics(wanted)
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise Trouble(f"Topic {name} could not be made: {message.rstrip('.') if message else error.__name__}.")
