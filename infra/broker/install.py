"""Fetch the broker's jars, each held against its SHA-256 in ``jgo.lock.toml``; called by ``make setup`` and before each start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from jgo.env import LockFile
from jgo.env._lockfile import LockedDependency
from jgo.maven import MavenContext

from schemas.errors import HealstreamError, UnreachableError

LOCK = Path(__file__).parent / "jgo.lock.toml"
# Few enough to be polite to the package server, many enough that 46 jars take seconds.
PARALLEL_FETCHES = 6


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where jars are kept between runs (XDG cache)."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "healstream" / "broker"


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _fetch(row: LockedDependency, context: MavenContext, folder: Path) -> Path:
    jar = folder / f"{row.artifactId}-{row.version}.jar"
    if jar.exists() and _digest(jar) == row.sha256:
        return jar
    name = f"{row.groupId}:{row.artifactId}:{row.version}"
    try:
        artifact = context.project(row.groupId, row.artifactId).at_version(row.version).artifact(row.classifier or "", row.packaging)
        content = artifact.resolve().read_bytes()
    except (OSError, RuntimeError, ValueError) as error:
        raise UnreachableError(f"broker jar {name}", str(error)[:200], "Check the network, then run `make setup` again") from error
    if sha256(content).hexdigest() != row.sha256:
        raise HealstreamError(f"broker jar {name}", "its SHA-256 is not the locked one", "Remove it from the Maven cache and try again")
    part = jar.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(jar)
    return jar


def install(folder: Path) -> tuple[Path, ...]:
    """Return the paths of all locked jars, fetching what is missing; raises UnreachableError, or HealstreamError on a wrong checksum."""
    rows = LockFile.load(LOCK).dependencies
    folder.mkdir(parents=True, exist_ok=True)
    context = MavenContext(repo_cache=folder / "repository", local_repos=[])
    with ThreadPoolExecutor(PARALLEL_FETCHES) as pool:
        return tuple(pool.map(lambda row: _fetch(row, context, folder), rows))


def main() -> int:
    """Install into the user's cache and say so."""
    try:
        jars = install(cache_folder(os.environ))
    except HealstreamError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stderr.write(f"Apache Kafka: {len(jars)} jars, each checked against the lock\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
