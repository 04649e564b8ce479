"""How far a workflow is, and which of its steps may go on now; pure, from what the journal says. Called by ``journal`` and ``execute``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from recoverers.steps import Entry, EntryStatus
from recoverers.transitions import StepState
from schemas.workflows import Chain, Fork, Join, Node, Use

_IN_FLIGHT = frozenset({StepState.ACTING, StepState.IN_DOUBT})


class Standing(Enum):
    """What came of a node so far; ``OPEN`` has not ended, ``LEFT`` was skipped."""

    OPEN = auto()
    DONE = auto()
    LEFT = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Place:
    """Something that may go on: a workflow's step to enter (no ``step``), or a recipe's step; ``stop`` asks it to end soon."""

    node: str
    step: str = ""
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What was entered, and where each recipe's step stands."""

    entries: Mapping[str, Entry]
    steps: Mapping[str, StepState]

    def state(self, step: str) -> StepState:
        """Return where a step stands."""
        return self.steps.get(step, StepState.NEW)


def standing_of(node: Node, seen: Seen) -> Standing:
    """Return what came of a node so far."""
    match node:
        case Use():
            return _standing_of_use(node, seen)
        case Chain(steps):
            return _of_all([standing_of(step, seen) for step in steps])
        case Fork(branches, join):
            found = [standing_of(branch, seen) for branch in branches]
            return _of_all(found) if join is Join.ALL else _of_any(found)


def _standing_of_use(use: Use, seen: Seen) -> Standing:
    entry = seen.entries.get(use.name)
    if entry is None:
        return Standing.OPEN
    if entry.status is not EntryStatus.OPEN:
        return Standing.LEFT if entry.status is EntryStatus.SKIPPED else Standing.FAILED
    states = [seen.state(step) for step in entry.steps]
    if StepState.FAILED in states:
        return Standing.FAILED
    return Standing.DONE if all(state is StepState.DONE for state in states) else Standing.OPEN


def _of_all(found: list[Standing]) -> Standing:
    if Standing.FAILED in found:
        return Standing.FAILED
    if Standing.OPEN in found:
        return Standing.OPEN
    return Standing.DONE if Standing.DONE in found else Standing.LEFT


def _of_any(found: list[Standing]) -> Standing:
    if Standing.DONE in found:
        return Standing.DONE
    if Standing.OPEN in found:
        return Standing.OPEN
    return Standing.FAILED if Standing.FAILED in found else Standing.LEFT


def places_of(node: Node, seen: Seen, *, stop: bool = False) -> list[Place]:
    """Return what may go on now; under ``stop`` only what is in flight, asked to end."""
    match node:
        case Use():
            return _places_of_use(node, seen, stop)
        case Chain(steps):
            return _places_of_chain(steps, seen, stop)
        case Fork(branches):
            # What is decided needs no further step: the branches that are still out are asked to end, and waited for.
            decided = stop or standing_of(node, seen) is not Standing.OPEN
            return [place for branch in branches for place in places_of(branch, seen, stop=decided)]


def _places_of_use(use: Use, seen: Seen, stop: bool) -> list[Place]:
    entry = seen.entries.get(use.name)
    if entry is None:
        return [] if stop else [Place(use.name)]
    step = next((name for name in entry.steps if seen.state(name) is not StepState.DONE), None)
    if step is None or seen.state(step) in {StepState.FAILED, StepState.UNCLEAR}:
        return []
    return [] if stop and seen.state(step) not in _IN_FLIGHT else [Place(use.name, step, stop)]


def _places_of_chain(steps: tuple[Node, ...], seen: Seen, stop: bool) -> list[Place]:
    for step in steps:
        # A decided fork may still have branches out; nothing later begins before they are in.
        found = places_of(step, seen, stop=stop)
        if found or standing_of(step, seen) in {Standing.OPEN, Standing.FAILED}:
            return found
    return []
