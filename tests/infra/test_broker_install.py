"""The broker's jars: fetched over real HTTP from a Maven-shaped server of the test, each held against the lock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha1, sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typing_extensions import override

from infra.broker.install import cache_folder, install
from schemas.errors import HealstreamError, UnreachableError

CONTENT = b"the bytes of a jar"


class QuietFiles(SimpleHTTPRequestHandler):
    """Serves a folder and keeps its talk to itself."""

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def repositories(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield the address of a server that holds one jar."""
    jar = tmp_path / "served" / "org" / "heal" / "part" / "1.0" / "part-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(CONTENT)
    jar.with_name("part-1.0.jar.sha1").write_text(sha1(CONTENT, usedforsecurity=False).hexdigest())
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFiles, directory=str(tmp_path / "served")))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {"test": f"http://127.0.0.1:{server.server_port}"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def lock_of(folder: Path, content: bytes) -> Path:
    lock = folder / "jgo.lock.toml"
    lock.write_text(
        '[metadata]\ngenerated = "2026-01-01T00:00:00+00:00"\njgo_version = "2.0.0"\n[environment]\nname = "test"\n[[dependencies]]\n'
        f'groupId = "org.heal"\nartifactId = "part"\nversion = "1.0"\npackaging = "jar"\nsha256 = "{sha256(content).hexdigest()}"\n'
    )
    return lock


def test_a_missing_jar_is_fetched_and_a_second_call_needs_no_server(tmp_path: Path, repositories: dict[str, str]) -> None:
    folder, lock = tmp_path / "jars", lock_of(tmp_path, CONTENT)
    first = install(folder, lock, repositories)
    assert first == (folder / "part-1.0.jar",)
    assert install(folder, lock, {"nobody": "http://127.0.0.1:9"}) == first
    assert list(folder.iterdir()) == list(first), "nothing of the fetch is left behind"


def test_a_jar_that_was_cut_short_is_fetched_again(tmp_path: Path, repositories: dict[str, str]) -> None:
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "part-1.0.jar").write_bytes(CONTENT[:5])
    (jar,) = install(folder, lock_of(tmp_path, CONTENT), repositories)
    assert jar.read_bytes() == CONTENT


def test_a_jar_that_is_not_the_locked_one_is_refused_and_not_kept(tmp_path: Path, repositories: dict[str, str]) -> None:
    folder = tmp_path / "jars"
    with pytest.raises(HealstreamError, match=r"org\.heal:part:1\.0: its SHA-256 is not the locked one"):
        install(folder, lock_of(tmp_path, b"other bytes"), repositories)
    assert list(folder.iterdir()) == []


def test_a_server_that_does_not_answer_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="run `make setup` again"):
        install(tmp_path / "jars", lock_of(tmp_path, CONTENT), {"nobody": "http://127.0.0.1:9"})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(HealstreamError, match="Free or mend the disk"):
        install(tmp_path / "file" / "jars", lock_of(tmp_path, CONTENT), {"nobody": "http://127.0.0.1:9"})


def test_jars_are_kept_in_the_users_cache() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/healstream/broker")
