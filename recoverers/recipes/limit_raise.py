"""Raise a kernel's limit that is used up by half, up to its cap, once; or put the declared value back. Heals ``limit:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.healable import healable
from recoverers.limit_port import LimitPort
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.limit import LimitSpec
from schemas.targets.spec import spec_for

_GONE = StepResult(StepStatus.FAILED, "target_unknown")


@dataclass(frozen=True, slots=True)
class LimitRaise:
    """The recipe over the limits of the service catalogue."""

    services: Services
    limits: LimitPort
    traits: Traits = Traits("limit_raise", 1, 20.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Read the limit and its use, and what it would be."""
        spec = healable(self._spec(command))
        if isinstance(spec, Facts):
            return spec
        use = self.limits.use(spec)
        if use is None:
            return Facts(refusal="limit_unreadable")
        if not use.is_full(spec.full_percent):
            return Facts(healthy=True)
        # We raised it before, or somebody set it: more and more of it would feed a leak.
        if use.value != spec.value:
            return Facts(refusal="limit_not_as_declared", for_people=True)
        wanted = min(spec.cap, use.value * int(str(dict(command.bounds).get("raise_percent", 100))) // 100)
        return Facts(values=(("before", str(use.value)), ("wanted", str(wanted))))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Raise it; nothing when its cap gives no more."""
        spec = self._spec(command)
        return (f"raise:{spec.name}",) if spec and int(facts.value("wanted")) > int(facts.value("before")) else None

    def pre_image(self, call: Call) -> str:
        """Return the value before."""
        return json.dumps({"value": int(call.facts.value("before"))})

    def act(self, call: Call) -> StepResult:
        """Set the higher value, if nobody has set another one meanwhile."""
        return self._put(call, "before", "wanted")

    def probe(self, call: Call) -> Found:
        """Compare the limit with both values; any other is somebody else's."""
        spec = self._spec(call.command)
        use = self.limits.use(spec) if spec else None
        known = {int(call.facts.value("wanted")): Found.DONE, int(call.facts.value("before")): Found.MISSING}
        return known.get(use.value, Found.UNCLEAR) if use else Found.UNCLEAR

    def undo(self, call: Call) -> StepResult:
        """Put the value of before back."""
        return self._put(call, "wanted", "before")

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the limit itself, or what counts its use."""
        spec = self._spec(command)
        use = self.limits.use(spec) if spec else None
        if spec is None or use is None:
            return Answer(False, "catalogue" if spec is None else "limit", "it cannot be read")
        if factor == "limit_is_raised":
            return Answer(str(use.value) == facts.value("wanted"), "limit", f"it is {use.value}")
        return Answer(not use.is_full(spec.full_percent), "use", f"{use.used} of {use.value} used")

    def _put(self, call: Call, expected: str, value: str) -> StepResult:
        spec = self._spec(call.command)
        return self.limits.put(spec, int(call.facts.value(expected)), int(call.facts.value(value))) if spec else _GONE

    def _spec(self, command: HealingCommand) -> LimitSpec | None:
        return spec_for(command.target, self.services.limits)
