"""The jars are exactly those of the lock."""

import dataclasses
from pathlib import Path

import pytest

from deploy import Trouble
from deploy.local import jars
from deploy.local.java import find_java


def test_the_lock_names_kafka_once_with_all_its_jars() -> None:
    broker = [jar for jar in jars.read_lock() if jar.use == "broker"]
    assert len(broker) == 45
    assert len({(jar.group, jar.artifact) for jar in broker}) == 45
    kafka = {jar.version for jar in broker if jar.group == "org.apache.kafka"}
    assert kafka == {"4.4.0"}


def test_a_jar_with_another_checksum_is_refused(tmp_path: Path) -> None:
    [jar] = [jar for jar in jars.read_lock() if jar.artifact == "jspecify"]
    wrong = dataclasses.replace(jar, sha256="0" * 64)
    with pytest.raises(Trouble, match=r"org\.jspecify:jspecify.* is not the file that the lock names"):
        jars.fetch([wrong], cache=tmp_path)


def test_a_jar_that_was_cut_off_is_fetched_again(tmp_path: Path) -> None:
    [jar] = [jar for jar in jars.read_lock() if jar.artifact == "jspecify"]
    [path] = jars.fetch([jar], cache=tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    assert jars.fetch([jar], cache=tmp_path)[0].read_bytes() == whole


def test_htmx_comes_out_of_its_jar(tmp_path: Path) -> None:
    script = jars.htmx(tmp_path)
    assert script == tmp_path / "static" / "htmx.min.js"
    assert 'version:"2.0.8"' in script.read_text()


def test_a_java_that_can_run_the_broker_is_found() -> None:
    assert find_java().exists()
