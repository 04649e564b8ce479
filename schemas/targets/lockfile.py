"""A repository whose lock file belongs to a manifest: ``repo:<name>``; a CI job of its project rests on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.probes import ProbeKind, ProbeSpec

# Every branch that is made here lies below; no other one is ever written.
BRANCHES = "healstream/"


class LockTool(StrEnum):
    """Whose lock file it is. Maven has none of its own."""

    NPM = "npm"
    PIP = "pip"
    UV = "uv"
    CARGO = "cargo"
    GO = "go"


@dataclass(frozen=True, slots=True)
class LockfileSpec:
    """One lock file: ``manifest`` and ``lock`` are names in ``folder`` of ``repository`` (a path on this machine) at ``base_branch``.

    ``source`` and ``project`` name the CI server's repository, where the change is proposed. ``test`` is run after a clean install;
    ``program`` is the tool's own call when it is not found by its name. A checkout larger than ``max_bytes`` is left alone.
    With ``every_s`` above 0 the tool is asked that often whether the two fit; else only logs of its jobs tell.
    """

    name: str
    repository: str
    tool: LockTool
    manifest: str
    lock: str
    source: str
    project: str
    folder: str = ""
    base_branch: str = "main"
    test: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 120.0
    max_bytes: int = 64 * 1024**2
    every_s: float = 0.0
    healing: bool = True

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"repo:{self.name}"

    @property
    def scope(self) -> str:
        """Return itself."""
        return self.target

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return the one look at whether lock and manifest fit, none when only the logs of its jobs are to tell."""
        return (ProbeSpec("lockfile", ProbeKind.LOCKFILE, "", self.every_s, self.timeout_s),) if self.every_s > 0 else ()

    def path_of(self, name: str) -> str:
        """Return the path of the manifest or the lock file in the repository."""
        return f"{self.folder.strip('/')}/{name}".lstrip("/")

    def owns(self, target: str) -> bool:
        """Tell whether a target is this repository or a CI job of its project."""
        return target == self.target or target.startswith(f"job:{self.source}/{self.project}/")
