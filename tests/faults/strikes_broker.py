"""Faults of the broker, of the wire to it, and of the log itself."""

import asyncio

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # type: ignore[attr-defined]

from tests.faults.checker import ends
from tests.faults.installation import LOUD
from tests.faults.proxy import Direction, Weather
from tests.faults.scene import Injection, Scene

CUTS, CUTS_IN_FULL = (5,), (5, 5, 30, 120)
TOPIC = "kith.check-ins"  # heard by intake, scheduling and analytics, said by feedback


async def kill_broker(scene: Scene) -> Injection:
    """F9: killed and started again with its data."""
    work = await scene.in_flight()
    scene.installation.servers.kill_kafka()
    await asyncio.sleep(scene.random.uniform(0, 1.5))
    await scene.installation.servers.start_kafka()
    return Injection("broker SIGKILL", work)


async def cut(scene: Scene) -> Injection:
    """F10: nothing passes between a service and a server, in one direction or both: for 5 s; in full for 120 s, too."""
    seconds = scene.one_of(*(CUTS_IN_FULL if scene.is_full else CUTS))
    service, work = scene.any_service(), await scene.in_flight()
    wire, how = scene.one_of("broker", "store"), scene.one_of("up", "down", "both")
    proxies = scene.installation.kafka_proxies if wire == "broker" else scene.installation.postgres_proxies
    both: frozenset[Direction] = frozenset(("up", "down"))
    directions: dict[str, frozenset[Direction]] = {"up": frozenset(("up",)), "down": frozenset(("down",))}
    proxies[service].set(Weather(stalled=directions.get(how, both)))
    await asyncio.sleep(seconds)
    proxies[service].set(Weather())
    return Injection(f"{service}-{wire} {how} for {seconds} s", work)


async def lose_answer(scene: Scene) -> Injection:
    """F11: the broker has taken the events, and its answer is lost."""
    service = scene.any_service("analytics")
    work = await scene.in_flight()
    found = await scene.trapped(service, "produce-answered")
    return Injection(f"{service} {found} lost" if found else "nothing was produced", work)


async def overtake(scene: Scene) -> Injection:
    """F16: retention deletes what a reader has not heard, or the topic is made again: it must stop loudly."""
    scene.expects_loud = True
    work = await scene.in_flight()
    readers = [scene.runner(name) for name in ("intake", "scheduling", "analytics")]
    admin = AdminClient({"bootstrap.servers": scene.installation.kafka})
    for name in ("intake", "scheduling", "analytics"):
        scene.installation.kafka_proxies[name].set(Weather(is_cut=True))
    before = await asyncio.to_thread(ends, scene.installation.kafka, [TOPIC])
    await _until_longer(scene, before)
    if scene.random.random() < 0.5:
        how = "expired unread"
        end = await asyncio.to_thread(ends, scene.installation.kafka, [TOPIC])
        places = [TopicPartition(topic, part, there) for (topic, part), there in end.items()]
        for answer in admin.delete_records(places).values():
            answer.result(10)
    else:
        how = "made again"
        admin.delete_topics([TOPIC])[TOPIC].result(10)
        await asyncio.sleep(2)
        admin.create_topics([NewTopic(TOPIC, 12, 1)])[TOPIC].result(10)
    for name in ("intake", "scheduling", "analytics"):
        scene.installation.kafka_proxies[name].set(Weather())
    stopped = await _stopped_loudly(scene, [one.name for one in readers], 60)
    scene.notes.append(f"{TOPIC} {how}: stopped loudly: {', '.join(stopped) or 'nobody'}")
    scene.not_loud += [f"{TOPIC} {how}, and {one.name} goes on" for one in readers if one.name not in stopped]
    return Injection(how, work)


async def _until_longer(scene: Scene, before: dict[tuple[str, int], int]) -> None:
    """Until the readers have missed some."""
    for _ in range(100):
        now = await asyncio.to_thread(ends, scene.installation.kafka, [TOPIC])
        if sum(now.values()) > sum(before.values()) + 20:
            return
        await asyncio.sleep(0.2)


async def repartition(scene: Scene) -> Injection:
    """F17: the topic gets more partitions while everything runs: every service that hears it stops loudly."""
    scene.expects_loud = True
    work = await scene.in_flight()
    admin = AdminClient({"bootstrap.servers": scene.installation.kafka})
    admin.create_partitions([NewPartitions(TOPIC, 24)])[TOPIC].result(10)
    names = [scene.runner(name).name for name in ("intake", "scheduling", "analytics")]
    stopped = await _stopped_loudly(scene, names, 60)
    scene.notes.append(f"{TOPIC} has 24 partitions: stopped loudly within 60 s: {', '.join(stopped) or 'nobody'}")
    scene.not_loud += [f"{TOPIC} has 24 partitions, and {name} goes on" for name in names if name not in stopped]
    return Injection("12 to 24 partitions", work)


async def _stopped_loudly(scene: Scene, names: list[str], limit_seconds: float) -> list[str]:
    runners = scene.installation.runners
    for _ in range(int(limit_seconds * 5)):
        loud = [name for name in names if name in runners and LOUD in runners[name].ends]
        if len(loud) == len(names):
            return loud
        await asyncio.sleep(0.2)
    return [name for name in names if name in runners and LOUD in runners[name].ends]
