"""A number by which the kernel bounds how much of something there may be, such as tracked connections: ``limit:<name>``."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.probes import ProbeKind, ProbeSpec


@dataclass(frozen=True, slots=True)
class LimitSpec:
    """One limit: the file that holds it, the file that counts what is used of it, and the ``value`` that people declare.

    It is never set above ``cap``, and only from its declared value: whoever set another one knows more.
    """

    name: str
    path: str
    used_path: str
    value: int
    cap: int
    group: str = ""
    full_percent: float = 95.0
    every_s: float = 10.0
    healing: bool = True

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"limit:{self.name}"

    @property
    def scope(self) -> str:
        """Return the group that lives by it, else itself."""
        return f"group:{self.group}" if self.group else self.target

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return the one look at its use."""
        return (ProbeSpec("limit-use", ProbeKind.LIMIT_USE, "", self.every_s),)


@dataclass(frozen=True, slots=True)
class LimitUse:
    """A limit as it is now, and how much of it is used."""

    value: int
    used: int

    def is_full(self, percent: float) -> bool:
        """Tell whether so many percent of it are used, or more."""
        return self.used * 100 >= self.value * percent
