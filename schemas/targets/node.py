"""A node of a Kubernetes cluster: ``node:<name>``."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.probes import ProbeKind, ProbeSpec

# What the node problem detector and the kubelet call a node that should serve no longer.
BAD_CONDITIONS = ("DiskPressure", "FrequentKubeletRestart", "KernelDeadlock", "MemoryPressure", "PIDPressure", "ReadonlyFilesystem")


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node. It is not ready, or one of its ``bad_conditions`` holds: it is emptied, while ``healthy_percent`` of all nodes still serve.

    ``drops_local_data`` allows pods with scratch folders of their own (emptyDir) to be moved away from what they wrote.
    """

    name: str
    group: str = ""
    bad_conditions: tuple[str, ...] = BAD_CONDITIONS
    healthy_percent: float = 51.0
    drops_local_data: bool = False
    every_s: float = 10.0
    healing: bool = True

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"node:{self.name}"

    @property
    def scope(self) -> str:
        """Return its service group, else itself."""
        return f"group:{self.group}" if self.group else self.target

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return the one look at its conditions."""
        return (ProbeSpec("node-condition", ProbeKind.NODE_CONDITION, "", self.every_s),)
