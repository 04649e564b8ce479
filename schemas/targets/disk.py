"""A file system that may fill up, and what of it may be cleaned: ``disk:<host>:<path>``."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from schemas.probes import ProbeKind, ProbeSpec

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class CleanRule:
    """Files that nobody misses: ``names`` (a shell pattern of one name) below ``folder`` (relative to the disk), unchanged for so long.

    Only what is ``regenerable`` - made again by whoever needs it - may be deleted outright; the rest goes into a quarantine or stays.
    """

    folder: str
    names: str
    older_than_s: float
    regenerable: bool = False

    def names_file(self, path: str) -> bool:
        """Tell whether the rule speaks of a file of this path, relative to the disk; how old it is the caller asks."""
        inside = self.folder.strip("/") in {"", "."} or is_below(path, self.folder)
        return inside and fnmatchcase(path.rpartition("/")[2], self.names)


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """One file system. Only what a rule names is ever removed, and nothing below ``data``; one action removes at most ``max_bytes``.

    ``full_percent`` of use is a failure, ``well_percent`` is where a clean-up may stop; ``group`` is the service group that rests on it.
    ``quarantine`` is a folder on another file system that takes what is set aside; without one only regenerable files go.
    From ``early_percent`` on a disk that will be full soon may be cleaned before it is; 0: only a full one is.
    With ``size_bytes`` it is no file system but a folder that may hold so much: its use is that of its files, and a quarantine beside it
    will do.
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
    data: tuple[str, ...] = ()
    quarantine: str = ""
    size_bytes: int = 0
    early_percent: float = 0.0

    @property
    def heal_percent(self) -> float:
        """Return from which use on there is something to heal."""
        return self.early_percent or self.full_percent

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

    def rules_for(self, path: str) -> tuple[CleanRule, ...]:
        """Return the rules that speak of a file: none for one that is data, or whose path leaves the disk."""
        if path.startswith("/") or ".." in path.split("/") or any(is_below(path, folder) for folder in self.data):
            return ()
        return tuple(rule for rule in self.rules if rule.names_file(path))


def is_below(path: str, folder: str) -> bool:
    """Tell whether a relative path is a folder or lies below it."""
    clean = folder.strip("/").removeprefix("./")
    return path == clean or path.startswith(f"{clean}/")
