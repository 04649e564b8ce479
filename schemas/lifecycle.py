"""One incident's life as a table; the drawing in the docs is made from it, and every outcome's status is one of its ends."""

from __future__ import annotations

from enum import StrEnum


class Life(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    CLASSIFIED = "classified"
    DECIDED = "decided"
    QUEUED = "queued"
    ADMITTED = "admitted"
    RUNNING = "running"
    VERIFYING = "verifying"
    ROLLING_BACK = "rolling_back"
    HEALED = "healed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    ESCALATED = "escalated"
    REFUSED = "refused"
    OBSERVED = "observed"
    SELF_HEALED = "self_healed"
    EXPIRED = "expired"


class Hold(StrEnum):
    """Why a decision waits in the queue."""

    APPROVAL = "approval"
    BUDGET = "budget"
    FREEZE = "freeze"
    STORM = "storm"
    ROLLOUT = "rollout"


LIFE: dict[Life, frozenset[Life]] = {
    Life.OPEN: frozenset({Life.CLASSIFIED}),
    Life.CLASSIFIED: frozenset({Life.DECIDED}),
    Life.DECIDED: frozenset({Life.REFUSED, Life.ESCALATED, Life.OBSERVED, Life.QUEUED}),
    Life.QUEUED: frozenset({Life.ADMITTED, Life.REFUSED, Life.EXPIRED, Life.SELF_HEALED}),
    Life.ADMITTED: frozenset({Life.RUNNING, Life.REFUSED, Life.EXPIRED, Life.SELF_HEALED}),
    Life.RUNNING: frozenset({Life.VERIFYING, Life.ROLLING_BACK, Life.REFUSED, Life.OBSERVED, Life.ESCALATED}),
    Life.VERIFYING: frozenset({Life.HEALED, Life.ROLLING_BACK}),
    Life.ROLLING_BACK: frozenset({Life.ROLLED_BACK, Life.ROLLBACK_FAILED}),
    # Only while attempts are left: a rolled_back outcome that is not final is decided again.
    Life.ROLLED_BACK: frozenset({Life.DECIDED}),
    Life.HEALED: frozenset(),
    Life.ROLLBACK_FAILED: frozenset(),
    Life.ESCALATED: frozenset(),
    Life.REFUSED: frozenset(),
    Life.OBSERVED: frozenset(),
    Life.SELF_HEALED: frozenset(),
    Life.EXPIRED: frozenset(),
}


def may_move(before: Life, after: Life) -> bool:
    """Tell whether the table knows this move."""
    return after in LIFE[before]


def is_end(state: Life) -> bool:
    """Tell whether an incident in this state may be over."""
    return state is Life.ROLLED_BACK or not LIFE[state]


def draw() -> str:
    """Return the table as a Mermaid state diagram, states and moves in the table's order."""
    moves = [f"    {before} --> {after}" for before, afters in LIFE.items() for after in Life if after in afters]
    ends = [f"    {state} --> [*]" for state in LIFE if is_end(state)]
    return "\n".join(["stateDiagram-v2", "    [*] --> open", *moves, *ends, ""])
