"""From a target to what the rules on people may know of it; used by whoever judges a person's word on that target."""

from __future__ import annotations

from schemas.authorization import Matter
from schemas.services import Services


def matter_of(target: str, services: Services, tier: str = "", strategy: str = "") -> Matter:
    """Return what is known of a target: team and environment stand in the service catalogue, and other targets have none."""
    owner = services.owner_of(target)
    team, environment = (owner.team, owner.environment.value) if owner else ("", "")
    return Matter(target, team, environment, tier, strategy)
