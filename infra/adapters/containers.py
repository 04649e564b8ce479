"""The containers of this host by the engine's API: fits ``ContainerPort``, and answers the prober.

The engine is the one that ``DOCKER_HOST`` names, else the local socket. Every call has a time-out; one whose answer was lost is
uncertain, never done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import docker
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from requests.exceptions import RequestException

from infra.adapters.launch import start_ticks
from schemas.attempts import ContainerState, StepResult, StepStatus

# The engine answers from memory; only stopping takes long, and has its own grace added.
TIMEOUT_S = 15
_OK = StepResult(StepStatus.OK)
Connect = Callable[[], docker.DockerClient]
T = TypeVar("T")
# What a container is called while it is kept aside: its name, this, and the beginning of the step's key.
_KEPT = ".healstream-"


@dataclass(frozen=True, slots=True)
class Containers:
    """The real adapter; ``connect`` opens a client, so that an engine that comes later or restarts is found."""

    connect: Connect

    @classmethod
    def here(cls) -> Containers:
        """Return the containers of the engine that the environment names."""
        return cls(lambda: docker.from_env(timeout=TIMEOUT_S))

    def state(self, name: str) -> ContainerState | None:
        """Return the container as it is now, None when the engine gives no usable answer."""

        def look(client: docker.DockerClient) -> ContainerState:
            found = _find(client, name)
            return _state_of(found) if found else ContainerState(exists=False)

        return _asked(self.connect, look)

    def is_process_alive(self, name: str) -> bool:
        """Ask the operating system for the first process that the engine names; a zombie is not alive."""
        pid = _asked(self.connect, lambda client: _pid_of(_find(client, name))) or 0
        return pid > 0 and start_ticks(pid) is not None

    def start(self, name: str) -> StepResult:
        """Start it; the engine does nothing to one that runs."""
        return _change(self.connect, name, lambda found: found.start())

    def restart(self, name: str, stop_s: float, seen_started_at: str) -> StepResult:
        """Stop and start it, unless it was started since it was seen."""

        def again(found: Container) -> None:
            if not (found.attrs["State"]["Running"] and found.attrs["State"]["StartedAt"] != seen_started_at):
                found.restart(timeout=int(stop_s))

        return _change(self.connect, name, again, stop_s)

    def stop(self, name: str, stop_s: float) -> StepResult:
        """Stop it; the engine does nothing to one that has ended."""
        return _change(self.connect, name, lambda found: found.stop(timeout=int(stop_s)), stop_s)

    def limit_memory(self, name: str, memory_bytes: int, swap_bytes: int) -> StepResult:
        """Set both limits at once: the engine refuses a memory limit above the swap limit."""
        return _change(self.connect, name, lambda found: found.update(mem_limit=memory_bytes, memswap_limit=swap_bytes))

    def swap_image(self, name: str, image: str, key: str) -> StepResult:
        """Stop the container, keep it aside, make one with its settings from the image, and start that; each part only once."""

        def swap(client: docker.DockerClient) -> StepResult:
            kept_name = _kept_name(name, key)
            found, kept = _find(client, name), _find(client, kept_name)
            if kept is None:
                if found is None:
                    return StepResult(StepStatus.FAILED, f"there is no container {name}")
                client.images.get(image)
                found.stop(timeout=TIMEOUT_S)
                found.rename(kept_name)
                kept, found = _find(client, kept_name), None
            if found is None and kept is not None:
                _make_like(client, kept, name, image)
            _get(client, name).start()
            return _OK

        return _changed(self.connect, swap)

    def swap_back(self, name: str, key: str, *, was_running: bool) -> StepResult:
        """Remove the new container and give the kept one its name back; it runs again when it ran."""

        def back(client: docker.DockerClient) -> StepResult:
            kept, found = _find(client, _kept_name(name, key)), _find(client, name)
            if kept is not None:
                if found is not None:
                    found.remove(force=True)
                kept.rename(name)
            if was_running:
                _get(client, name).start()
            return _OK

        return _changed(self.connect, back)


def _asked(connect: Connect, ask: Callable[[docker.DockerClient], T]) -> T | None:
    """Return an answer of the engine, None when it gives no usable one."""
    try:
        client = connect()
        try:
            return ask(client)
        finally:
            client.close()
    except (DockerException, RequestException, KeyError, ValueError):
        return None


def _pid_of(found: Container | None) -> int:
    return int(found.attrs["State"]["Pid"]) if found else 0


def _change(connect: Connect, name: str, change: Callable[[Container], object], extra_s: float = 0.0) -> StepResult:
    def do(client: docker.DockerClient) -> StepResult:
        client.api.timeout = TIMEOUT_S + int(extra_s)
        change(_get(client, name))
        return _OK

    return _changed(connect, do)


def _changed(connect: Connect, do: Callable[[docker.DockerClient], StepResult]) -> StepResult:
    try:
        client = connect()
    except (DockerException, RequestException) as error:
        # Nothing was asked for yet.
        return StepResult(StepStatus.FAILED, f"the engine does not answer: {error}"[:300])
    try:
        return do(client)
    except NotFound as error:
        return StepResult(StepStatus.FAILED, f"the engine does not know it: {error.explanation}"[:300])
    except APIError as error:
        # A refusal changes nothing; an error of the engine's own says nothing of what was done before it.
        status = StepStatus.FAILED if error.is_client_error() else StepStatus.UNCERTAIN
        return StepResult(status, str(error.explanation)[:300])
    except (DockerException, RequestException) as error:
        return StepResult(StepStatus.UNCERTAIN, f"no answer from the engine: {type(error).__name__}")
    finally:
        client.close()


def _find(client: docker.DockerClient, name: str) -> Container | None:
    try:
        return _get(client, name)
    except NotFound:
        return None


def _get(client: docker.DockerClient, name: str) -> Container:
    found = client.containers.get(name)
    # The engine also finds by the beginning of an id: only the very name counts.
    if found.name != name:
        raise NotFound("no such name", explanation=f"there is no container {name}")
    return found


def _state_of(found: Container) -> ContainerState:
    state, limits = found.attrs["State"], found.attrs["HostConfig"]
    running = bool(state["Running"])
    # The API's own name for one sample now, without the second that a rate would take.
    seen = found.stats(stream=False, one_shot=True) if running else {}
    stats = seen if isinstance(seen, dict) else {}
    return ContainerState(
        exists=True,
        running=running,
        started_at=str(state["StartedAt"]),
        out_of_memory=bool(state["OOMKilled"]),
        exit_code=int(state["ExitCode"]),
        image=str(found.attrs["Image"]),
        memory_bytes=max(int(limits["Memory"]), 0),
        swap_bytes=max(int(limits["MemorySwap"]), 0),
        used_bytes=int(stats.get("memory_stats", {}).get("usage", 0)),
    )


def _kept_name(name: str, key: str) -> str:
    return f"{name}{_KEPT}{key[:16]}"


def _make_like(client: docker.DockerClient, kept: Container, name: str, image: str) -> None:
    """Make a container with the same settings from another image; raises what the engine answers."""
    before, old_image = kept.attrs, kept.image.attrs["Config"] if kept.image else {}
    # What the old image brought along by itself is the new image's to say; what was given at its making stays.
    config = {field: value for field, value in before["Config"].items() if value != (old_image or {}).get(field)}
    networks: dict[str, object] = {network: {} for network in before["NetworkSettings"]["Networks"]}
    settings = {**config, "Image": image, "HostConfig": before["HostConfig"], "NetworkingConfig": {"EndpointsConfig": networks}}
    client.api.create_container_from_config(settings, name)  # type: ignore[no-untyped-call] # the stubs leave it untyped
