"""What systemd says of a unit and is told to do with it, by ``systemctl``: used by ``units`` and by the probes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.adapters.bounded_run import Ran, run_bounded

LOOK_S = 5.0
_SHOWN = ("LoadState", "ActiveState", "SubState", "InvocationID", "Result")
_ALIVE = frozenset({"active", "reloading"})


@dataclass(frozen=True, slots=True)
class UnitState:
    """A unit as systemd shows it; ``invocation`` differs from start to start."""

    load: str
    active: str
    sub: str
    invocation: str
    result: str

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self.active in _ALIVE


@dataclass(frozen=True, slots=True)
class Systemctl:
    """The program; ``words`` and ``environ`` reach the manager, by default that of the system."""

    words: tuple[str, ...] = ("systemctl", "--system")
    environ: tuple[tuple[str, str], ...] = ()

    def state(self, unit: str) -> UnitState | None:
        """Return what systemd says of a unit, None when it does not answer."""
        ran = self.run("show", LOOK_S, unit, f"--property={','.join(_SHOWN)}")
        rows = dict(line.partition("=")[::2] for line in ran.tail.splitlines()) if ran.passed else {}
        return UnitState(*(rows[name] for name in _SHOWN)) if all(name in rows for name in _SHOWN) else None

    def run(self, verb: str, timeout_s: float, unit: str, *options: str) -> Ran:
        """Run one verb on a unit to its end; the name stands behind ``--``, so that it is never taken for an option."""
        words = (*self.words, "--no-pager", "--no-ask-password", verb, *options, "--", unit)
        return run_bounded(words, Path("/"), timeout_s, Path("/"), self.environ)
