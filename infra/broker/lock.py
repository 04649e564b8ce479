"""Resolve ``jgo.toml`` anew and write ``jgo.lock.toml``: ``python -m infra.broker.lock``, run by a person who raises the version."""

from __future__ import annotations

from pathlib import Path

import jgo
from jgo.env import EnvironmentSpec, LockFile
from jgo.env._lockfile import LockedDependency, compute_sha256

FOLDER = Path(__file__).parent


def main() -> None:
    """Write the lock: exact versions and SHA-256 of every jar, no addresses."""
    spec = EnvironmentSpec.load(FOLDER / "jgo.toml")
    locked = [
        LockedDependency(
            groupId=artifact.groupId,
            artifactId=artifact.artifactId,
            version=artifact.version,
            packaging=artifact.packaging,
            classifier=artifact.classifier or None,
            sha256=compute_sha256(artifact.resolve()),
        )
        for artifact in jgo.resolve("+".join(spec.coordinates))
    ]
    LockFile(sorted(locked, key=lambda row: (row.groupId, row.artifactId)), environment_name=spec.name).save(FOLDER / "jgo.lock.toml")


if __name__ == "__main__":
    main()
