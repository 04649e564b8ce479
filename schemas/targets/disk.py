"""A file system that may fill up, and what of it may be cleaned: ``disk:<host>:<path>``."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.probes import ProbeKind, ProbeSpec

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class CleanRule:
    """Files that nobody misses: ``names`` (a shell pattern of one name) below ``folder`` (relative to the disk), unchanged for so long."""

    folder: str
    names: str
    older_than_s: float


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """One file system. Only what a rule names is ever removed; one action removes at most ``max_bytes``.

    ``full_percent`` of use is a failure, ``well_percent`` is where a clean-up may stop; ``group`` is the service group that rests on it.
    """

    host: str
    path: str
    group: str = ""
    rules: tuple[CleanRule, ...] = ()
    full_percent: float = 95.0
    well_percent: float = 80.0
    max_bytes: int = 20 * GIB
    every_s: float = 10.0
    healing: bool = True

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"disk:{self.host}:{self.path}"

    @property
    def scope(self) -> str:
        """Return the group that rests on it, else its host."""
        return f"group:{self.group}" if self.group else f"host:{self.host}"

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return the one look at its use."""
        return (ProbeSpec("disk-usage", ProbeKind.DISK_USAGE, "", self.every_s),)
