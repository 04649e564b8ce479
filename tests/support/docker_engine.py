"""A real container engine for tests: the one that answers here, else one of our own, and images made of nothing but one program."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from tests.support.tools import give_up

SHELL = Path("/bin/busybox")
READY_S = 60.0


def _answers(host: str) -> bool:
    try:
        client = docker.DockerClient(base_url=host, timeout=5)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (DockerException, RequestException):
        return False


@contextmanager
def container_engine() -> Iterator[str]:
    """Yield the address of an engine; without one, and without ``dockerd``, the test is skipped here and fails in CI."""
    named = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if _answers(named):
        yield named
        return
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        why = "no container engine answers, and there is no dockerd that could be started as root"
        give_up(why)
    with _own_engine() as host:
        yield host


@contextmanager
def _own_engine() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="healstream-engine-"))
    host = f"unix://{folder}/docker.sock"
    words = ["dockerd", "--host", host, "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
    words += ["--pidfile", str(folder / "pid"), "--bridge", "none", "--iptables=false"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + READY_S
        while not _answers(host):
            assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < end, "the engine did not start in time"
        yield host
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def import_image(client: docker.DockerClient, files: dict[str, bytes], name: str, changes: list[str]) -> str:
    """Make an image of one static shell and these files; return its id. ``changes`` are lines of a Dockerfile."""
    if not SHELL.is_file():
        give_up(f"{SHELL} is missing: install the package busybox-static")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(SHELL, "bin/busybox")
        for applet in ("sh", "sleep", "httpd", "dd", "tail"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for folder in ("tmp", "www"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(entry)
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    client.api.import_image_from_data(packed.getvalue(), repository=name, tag="latest", changes=changes)
    return str(client.images.get(f"{name}:latest").id)
