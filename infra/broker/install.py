"""Fetch the broker's jars, each held against its SHA-256 in ``jgo.lock.toml``; called by ``make setup`` and before each start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from jgo.env import LockFile
from jgo.env._lockfile import LockedDependency
from jgo.maven import MavenContext

from infra.broker.ahead import ahead_file
from infra.broker.server import BrokerPlace, EmbeddedBroker, free_ports
from infra.topics_admin import create_topics
from schemas.errors import HealstreamError, UnreachableError

LOCK = Path(__file__).parent / "jgo.lock.toml"
# Few enough to be polite to the package server, many enough that 46 jars take seconds.
PARALLEL_FETCHES = 6
# A broker that records its start writes what it saw when it ends.
RECORDING_S = 300.0


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where jars are kept between runs (XDG cache)."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "healstream" / "broker"


def _is_held(jar: Path, row: LockedDependency) -> bool:
    return jar.is_file() and sha256(jar.read_bytes()).hexdigest() == row.sha256


def _jar(folder: Path, row: LockedDependency) -> Path:
    return folder / f"{row.artifactId}-{row.version}.jar"


def _fetch(row: LockedDependency, context: MavenContext, folder: Path) -> None:
    name = f"{row.groupId}:{row.artifactId}:{row.version}"
    try:
        artifact = context.project(row.groupId, row.artifactId).at_version(row.version).artifact(row.classifier or "", row.packaging)
        fetched = artifact.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UnreachableError(f"broker jar {name}", str(error)[:200], "Check the network, then run `make setup` again") from error
    if not _is_held(fetched, row):
        raise HealstreamError(f"broker jar {name}", "its SHA-256 is not the locked one", f"Compare what was served with {LOCK.name}")
    fetched.replace(_jar(folder, row))


def install(folder: Path, lock: Path = LOCK, repositories: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return the paths of all locked jars, fetching what is missing; raises UnreachableError, or HealstreamError on a wrong checksum.

    ``repositories`` (name -> address) stands in for Maven Central where a mirror is used.
    """
    rows = LockFile.load(lock).dependencies
    missing = [row for row in rows if not _is_held(_jar(folder, row), row)]
    if missing:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # jgo writes its cache in place, so it gets a folder of its own: a fetch that is cut short leaves nothing to trip over.
            with TemporaryDirectory(prefix="fetch-", dir=folder) as scratch, ThreadPoolExecutor(PARALLEL_FETCHES) as pool:
                context = MavenContext(repo_cache=Path(scratch), local_repos=[], remote_repos=dict(repositories) if repositories else None)
                tuple(pool.map(lambda row: _fetch(row, context, folder), missing))
        except OSError as error:
            raise HealstreamError(
                f"broker jars in {folder}", error.strerror or str(error), "Free or mend the disk, then try again"
            ) from error
    return tuple(_jar(folder, row) for row in rows)


def work_ahead(jars: Sequence[Path]) -> bool:
    """Start a broker once for what ``ahead.py`` keeps, unless it is there; return whether it is. Raises HealstreamError with the reason."""
    kept = ahead_file(jars)
    if kept is None or kept.is_file():
        return kept is not None
    with TemporaryDirectory(prefix="ahead-", dir=kept.parent) as scratch:
        made = Path(scratch) / kept.name
        broker = EmbeddedBroker(BrokerPlace(Path(scratch) / "broker", *free_ports(2)), jars, record_into=made)
        try:
            broker.start()
            broker.wait_ready()
            create_topics(broker.address)
        finally:
            broker.stop(RECORDING_S)
        if made.is_file():
            made.replace(kept)
    return kept.is_file()


def main() -> int:
    """Install into the user's cache and say so."""
    try:
        jars = install(cache_folder(os.environ))
    except HealstreamError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stderr.write(f"Apache Kafka: {len(jars)} jars, each checked against the lock\n")
    try:
        why = "" if work_ahead(jars) else "Java kept nothing of its start"
    except HealstreamError as error:
        why = str(error)
    sys.stderr.write(f"Apache Kafka will start more slowly than it could: {why}\n" if why else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
