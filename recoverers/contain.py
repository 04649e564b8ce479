"""A recipe's code at arm's length: asked beside the run, given up when it takes too long, its words short and without secrets.

Called by every file that asks a recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from recoverers.ports import Attempt, Hands, Raised
from schemas.door import redact

T = TypeVar("T")
# Reading a target: an adapter has a time-out of its own, and this is for one that has not.
LOOK_S = 30.0
MAX_DETAIL = 300
# The longest secret that redaction knows is shorter, so none is cut in two before it is seen.
_READ_OF_DETAIL = 16_384


@dataclass(frozen=True, slots=True)
class Hung:
    """A recipe's code did not come back; ``attempt`` may still end."""

    after_s: float
    attempt: Attempt[object]


def ask(work: Callable[[], T], limit_s: float, hands: Hands) -> T | Raised | Hung:
    """Return what the recipe says within so many seconds."""
    # Boxed: nothing is an answer too.
    attempt = hands.start(lambda: (work(),))
    ends = hands.steady() + timedelta(seconds=limit_s)
    while True:
        said = attempt.outcome()
        if said is not None:
            return said if isinstance(said, Raised) else said[0]
        left_s = (ends - hands.steady()).total_seconds()
        if left_s <= 0:
            return Hung(limit_s, attempt)
        hands.rest([attempt], left_s)


def why_of(broken: Raised | Hung) -> str:
    """Return a sentence's end on code that broke."""
    if isinstance(broken, Raised):
        return f"the recipe broke: {broken.why}"
    return f"the recipe did not answer within {broken.after_s:.0f} s"


def told(detail: str) -> str:
    """Return what a recipe said as it may be kept: redacted, and short."""
    return redact(detail[:_READ_OF_DETAIL])[:MAX_DETAIL]
