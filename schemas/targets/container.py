"""A container of this host's engine: ``container:<name>``."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.probes import ProbeKind, ProbeSpec


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One container. ``image`` is the last image known to be good, by its id; empty: its image is left alone.

    ``memory_bytes`` is its declared limit; only a container at its declared limit is given more, at most ``memory_cap_bytes``, so that
    it happens once until a person has looked. 0: memory is left alone. ``answers`` are looks at what it serves (TCP, HTTP).
    """

    name: str
    group: str = ""
    image: str = ""
    memory_bytes: int = 0
    memory_cap_bytes: int = 0
    answers: tuple[ProbeSpec, ...] = ()
    stop_s: float = 10.0
    every_s: float = 10.0
    healing: bool = True

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"container:{self.name}"

    @property
    def scope(self) -> str:
        """Return its service group, else itself."""
        return f"group:{self.group}" if self.group else self.target

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return the looks at the engine that its limits ask for, and its own."""
        looks = [ProbeSpec("container-running", ProbeKind.CONTAINER_RUNNING, "", self.every_s)]
        looks += [ProbeSpec("container-memory", ProbeKind.CONTAINER_MEMORY, "", self.every_s)] if self.memory_cap_bytes else []
        looks += [ProbeSpec("container-image", ProbeKind.CONTAINER_IMAGE, "", self.every_s)] if self.image else []
        return (*looks, *self.answers)
