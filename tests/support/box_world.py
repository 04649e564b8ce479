"""One container that rests on nothing, in the flow in memory, and how it is broken."""

from __future__ import annotations

from dataclasses import replace

from schemas.attempts import ContainerState
from schemas.probes import ProbeKind, ProbeSpec
from schemas.targets.container import ContainerSpec
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import SHOP, MemoryWorld
from tests.support.runs import GOOD_IMAGE, NEW_IMAGE
from tests.support.story import begin

_SPEC = ContainerSpec("box", "boxes", GOOD_IMAGE, 100, 1000, (ProbeSpec("box-tcp", ProbeKind.TCP, "web", 1.0),), every_s=1.0)
_WELL = ContainerState(exists=True, running=True, started_at="0", image=GOOD_IMAGE, memory_bytes=100, swap_bytes=200, used_bytes=10)


def _place(world: MemoryWorld) -> None:
    world.containers.rows["box"] = _WELL
    world.containers.bad_images.add(NEW_IMAGE)


def begin_with_box() -> MemoryFlow:
    """Return a flow whose container runs and answers."""
    return begin(services=replace(SHOP, containers=(_SPEC,)), prepare=_place)


def kill_for_memory(flow: MemoryFlow) -> None:
    """Let the kernel end it."""
    rows = flow.world.containers.rows
    rows["box"] = replace(rows["box"], running=False, out_of_memory=True, exit_code=137)


def deploy(flow: MemoryFlow, image: str) -> None:
    """Let somebody deploy an image that does not run."""
    rows = flow.world.containers.rows
    rows["box"] = replace(rows["box"], running=False, exit_code=1, image=image)
