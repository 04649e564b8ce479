"""A cache of wheels and a repository with a lock file, as the sandbox has them; both are looked after by a real pip, without a network."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dulwich import porcelain
from dulwich.repo import Repo

from console.demo.package_index import write_wheel
from schemas.targets.cache import CacheCheck, CacheSpec
from schemas.targets.lockfile import LockfileSpec, LockTool

LOCKED_PROJECT = "acme/till"
LOCKED = "requirements.txt"
_WANTED = "demo-till==2.0\n"
_AUTHOR = b"demo <demo@shop.example>"
PIP = (sys.executable, "-m", "pip")
QUIET = ("--isolated", "--disable-pip-version-check", "--no-cache-dir", "--no-index")


@dataclass(frozen=True, slots=True)
class Packages:
    """Everything about packages below one folder; ``origin`` is where wheels come from, instead of an index in the network."""

    folder: Path

    @property
    def origin(self) -> Path:
        """Return the folder of all wheels."""
        return self.folder / "origin"

    @property
    def entry(self) -> Path:
        """Return the cache's one entry."""
        return Path(self.cache.folder) / "demo_till-2.0-py3-none-any.whl"

    @property
    def cache(self) -> CacheSpec:
        """Return the cache as the catalogue has it."""
        folder = str(self.folder / "cache")
        rebuild = (*PIP, "download", *QUIET, "--no-deps", "--find-links", str(self.origin), "--dest", folder, _WANTED.strip())
        read = (*PIP, "install", *QUIET, "--no-deps", "--find-links", folder, "--target", "out", _WANTED.strip())
        return CacheSpec("wheels", folder, rebuild, read, CacheCheck.WHEELS, every_s=1.0)

    @property
    def lock(self) -> LockfileSpec:
        """Return the repository with its lock file as the catalogue has it; only logs of its jobs tell whether the two fit."""
        environ = (("PIP_FIND_LINKS", str(self.origin)), ("PIP_NO_CACHE_DIR", "1"), ("PIP_NO_INDEX", "1"))
        repository = str(self.folder / "till")
        return LockfileSpec("till", repository, LockTool.PIP, "requirements.in", LOCKED, "github", LOCKED_PROJECT, environ=environ)

    @property
    def install(self) -> tuple[str, ...]:
        """Return what the repository's CI job runs."""
        return (*PIP, "install", *QUIET, "--find-links", str(self.origin), "--require-hashes", "--target", "site", "-r", LOCKED)

    def furnish(self) -> None:
        """Write wheels, cache and repository: the new release needs another package, and nobody has written the lock file anew."""
        for folder in (self.origin, self.entry.parent):
            folder.mkdir(parents=True)
        wheel = write_wheel(self.origin, "demo-till", "2.0", ("demo-paper",))
        write_wheel(self.origin, "demo-paper", "1.0")
        self.entry.write_bytes(wheel.read_bytes())
        folder = Path(self.lock.repository)
        folder.mkdir()
        hashed = f"{_WANTED.strip()} --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n"
        with Repo.init(str(folder), default_branch=b"main") as repository:
            for name, text in ((self.lock.manifest, _WANTED), (LOCKED, hashed)):
                (folder / name).write_text(text, encoding="utf-8")
            porcelain.add(repository, [str(folder / name) for name in (self.lock.manifest, LOCKED)])
            porcelain.commit(repository, message=b"Raise demo-till to 2.0", author=_AUTHOR, committer=_AUTHOR)
