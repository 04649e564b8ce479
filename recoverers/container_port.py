"""What the container recipes need of an engine; ``infra/adapters/containers.py`` fits it over the engine's API."""

from __future__ import annotations

from typing import Protocol

from schemas.attempts import ContainerState, StepResult


class ContainerPort(Protocol):
    """The containers of one host. Every change is idempotent: asked for twice it has one effect."""

    def state(self, name: str) -> ContainerState | None:
        """Return the container as it is now, None when the engine gives no usable answer."""
        ...

    def is_process_alive(self, name: str) -> bool:
        """Tell, by the operating system alone, whether the container's first process lives."""
        ...

    def start(self, name: str) -> StepResult:
        """Start it unless it runs."""
        ...

    def restart(self, name: str, stop_s: float, seen_started_at: str) -> StepResult:
        """Stop it within so many seconds and start it, unless it was started since ``seen_started_at``."""
        ...

    def stop(self, name: str, stop_s: float) -> StepResult:
        """Stop it unless it has ended."""
        ...

    def limit_memory(self, name: str, memory_bytes: int, swap_bytes: int) -> StepResult:
        """Set its limits; ``swap_bytes`` counts memory and swap together, as the engine does, -1 for no limit."""
        ...

    def swap_image(self, name: str, image: str, key: str) -> StepResult:
        """Run it from another image with the same settings, and keep the old container aside under the key."""
        ...

    def swap_back(self, name: str, key: str, *, was_running: bool) -> StepResult:
        """Put the container that was kept under the key back in its place, running when it was; nothing when there is none."""
        ...
