"""A folder of things that were fetched or built once and are read many times: ``cache:<name>``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.probes import ProbeKind, ProbeSpec


class CacheCheck(StrEnum):
    """How an entry tells that it is whole: a list of hashes, npm's addresses, the record in each of pip's wheels, Maven's digests."""

    MANIFEST = "manifest"
    CACACHE = "cacache"
    WHEELS = "wheels"
    MAVEN = "maven"


# What Maven notes beside an artefact: its digest, where it came from, and that it could not be fetched.
DIGEST, ORIGINS, NOT_FETCHED = ".sha1", "_remote.repositories", ".lastUpdated"


@dataclass(frozen=True, slots=True)
class CacheSpec:
    """One cache. ``rebuild`` and ``read`` are argument lists, never shell lines; both run with a clean environment.

    ``manifest`` (lines of ``sha256sum``) lies below ``folder``. ``read`` is run in an empty folder that holds a copy of the files of
    ``project``: it passes when a build with nothing but this cache does. What is broken is set aside in ``aside``.
    """

    name: str
    folder: str
    rebuild: tuple[str, ...]
    read: tuple[str, ...]
    check: CacheCheck = CacheCheck.MANIFEST
    manifest: str = "SHA256SUMS"
    project: str = ""
    aside: str = ""
    group: str = ""
    environ: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 60.0
    every_s: float = 300.0
    healing: bool = True

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"cache:{self.name}"

    @property
    def scope(self) -> str:
        """Return the group that reads it, else itself."""
        return f"group:{self.group}" if self.group else self.target

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return the one look at its entries' digests."""
        return (ProbeSpec("cache-digest", ProbeKind.CACHE_DIGEST, "", self.every_s, self.timeout_s),)

    def comes_back(self, entry: str) -> bool:
        """Tell whether a rebuild must write a broken entry anew; notes of Maven's are its own affair."""
        return self.check is not CacheCheck.MAVEN or not entry.endswith((DIGEST, ORIGINS, NOT_FETCHED))

    @property
    def aside_folder(self) -> str:
        """Return where broken entries are kept: on the same file system, beside the cache by default."""
        return self.aside or f"{self.folder.rstrip('/')}.aside"
