"""A bot's clone and its remote in real git, gone apart by one commit each; the clone has hooks that must never run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from schemas.targets.push import PushSpec
from tests.support.tools import tool

_WHO = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True)
class Race:
    """Where the three repositories are: the remote, the bot's clone, and another one's."""

    remote: Path
    clone: Path
    other: Path
    spec: PushSpec

    @staticmethod
    def git(folder: Path, *words: str) -> str:
        """Run git, and return what it says."""
        environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
        ran = subprocess.run([tool("git"), *_WHO, *words], cwd=folder, env=environ, capture_output=True, text=True, check=True, timeout=60)
        return ran.stdout.strip()

    def commit(self, name: str, text: str) -> None:
        """Let the bot commit a file."""
        _commit(self.clone, name, text)

    def push(self, name: str, text: str) -> None:
        """Let the other one commit a file and push it."""
        _commit(self.other, name, text)
        self.git(self.other, "push", "-q", "origin", "main")


def _commit(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    Race.git(folder, "add", name)
    Race.git(folder, "commit", "-q", "-m", f"write {name}")


def race_in(place: Path, job: str = "bump") -> Race:
    """Return a race: the bot has committed ``ours``, and meanwhile somebody has pushed ``theirs``."""
    remote, clone, other = place / "remote.git", place / "clone", place / "other"
    Race.git(place, "init", "-q", "--bare", str(remote))
    Race.git(place, "clone", "-q", str(remote), str(other))
    Race.git(other, "checkout", "-q", "-B", "main")
    _commit(other, "shared", "one\n")
    Race.git(other, "push", "-q", "origin", "main")
    Race.git(place, "clone", "-q", str(remote), str(clone))
    race = Race(remote, clone, other, PushSpec("bump", str(clone), str(remote), "github", "acme/api", (job,)))
    race.commit("ours", "version 2\n")
    race.push("theirs", "a fix\n")
    for hook in ("pre-commit", "post-commit", "post-checkout", "pre-push", "pre-rebase", "post-rewrite", "reference-transaction"):
        path = clone / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {place}/hook-ran\n", encoding="utf-8")
        path.chmod(0o755)
    return race
