"""A real Apache Kafka broker as a child: one node, KRaft, its data beside ours."""

import logging
import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy import Trouble
from deploy.local.child import Launch
from deploy.local.jars import class_path, read_lock
from deploy.local.java import find_java
from deploy.local.ports import is_free

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
log.dirs={log}
auto.create.topics.enable=false
num.partitions=12
log.retention.hours=2160
# One broker: nothing can have a second copy.
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A small machine: fewer coordinator partitions to load, a small buffer for compaction.
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=8
share.coordinator.state.topic.num.partitions=8
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=8388608
# A first consumer need not wait for company, a restarted broker not for its own old session.
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""
_LOGGING = """\
<Configuration status="warn">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="warn"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server.KafkaRaftServer" level="info"/>
  </Loggers>
</Configuration>
"""
# The first of its two compilers alone: a broker of one machine is ready in half the time, and never what is slowest.
_JVM = ("-Xms128m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")


class Kafka:
    """The broker of one installation."""

    name = "kafka"

    def __init__(self, data: Path, port: int, controller_port: int) -> None:
        """Nothing is touched before `prepare`."""
        self.home = data / "kafka"
        self.port = port
        self._controller_port = controller_port
        self.version = next(jar.version for jar in read_lock() if jar.artifact == "kafka_2.13")

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> Launch:
        """Fetch the jars, write the configuration, format the data folder once, say how to run it."""
        java = [str(find_java()), *_JVM, *self._java_properties(), "-cp", class_path()]
        properties = self._write_configuration()
        if not (self.home / "log" / "meta.properties").exists():
            self._format(java, properties)
        return Launch(
            command=[*java, "kafka.Kafka", str(properties)],
            environment=dict(os.environ),
            folder=self.home,
        )

    async def ready(self) -> bool:
        """Whether it tells its metadata and counts itself as present."""
        if is_free(self.port):
            return False
        admin = AIOKafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=5000)
        # While the broker is only just there, the client would shout about each try.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError):
            return False
        finally:
            logging.getLogger("aiokafka").setLevel(logging.NOTSET)
            await admin.close()

    def _java_properties(self) -> list[str]:
        scratch = self.home / "tmp"  # native libraries are unpacked here; a killed broker leaves them
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        logging_file = self.home / "log4j2.xml"
        logging_file.write_text(_LOGGING)
        return [f"-Djava.io.tmpdir={scratch}", f"-Dlog4j2.configurationFile={logging_file}"]

    def _write_configuration(self) -> Path:
        path = self.home / "server.properties"
        log = str(self.home / "log").replace("\\", "\\\\")
        path.write_text(_PROPERTIES.format(port=self.port, controller_port=self._controller_port, log=log))
        return path

    def _format(self, java: list[str], properties: Path) -> None:
        shutil.rmtree(self.home / "log", ignore_errors=True)  # a format that was cut off
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        command = [*java, "kafka.tools.StorageTool", "format", "--standalone"]
        done = subprocess.run([*command, "-t", cluster, "-c", str(properties)], capture_output=True, text=True)
        if done.returncode:
            raise Trouble(f"Kafka could not format its data folder: {done.stderr.strip()}")
