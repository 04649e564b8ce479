"""May a target of the catalogue be healed at all? The first thing that a recipe asks before it looks at anything."""

from __future__ import annotations

from typing import TypeVar

from recoverers.ports import Facts
from schemas.targets.spec import TargetSpec

Spec = TypeVar("Spec", bound=TargetSpec)


def healable(spec: Spec | None) -> Spec | Facts:
    """Return the target, or the refusal when the catalogue has none or keeps it out of healing."""
    if spec is None:
        return Facts(refusal="target_unknown")
    return spec if spec.healing else Facts(refusal="healing_off")
