"""Set the broken entries of a cache aside and build them anew; the previous ones come back when that does not hold. Heals ``cache:*``."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.healable import healable
from recoverers.host_ports import CachePort
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.cache import CacheSpec
from schemas.targets.spec import spec_for

_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")
_STAYS = "new entries beside the broken ones stay, as after any build; the broken ones come back with the step before"


@dataclass(frozen=True, slots=True)
class CacheRebuild:
    """The recipe over the caches of the service catalogue."""

    services: Services
    caches: CachePort
    traits: Traits = Traits("cache_rebuild", 1, 120.0, keeps=(("rebuild", _STAYS),))

    def gather(self, command: HealingCommand) -> Facts:
        """Look which entries are broken, and what they are now."""
        spec = healable(self._cache(command))
        if isinstance(spec, Facts):
            return spec
        bad = self.caches.bad_entries(spec)
        if bad is None:
            return Facts(refusal="cache_unreadable")
        return Facts(healthy=not bad, values=(("bad", json.dumps(bad)),))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Set aside, then rebuild; a cache that is broken in more entries than the bound is a person's."""
        spec = self._cache(command)
        allowed = int(str(dict(command.bounds).get("max_entries", 200)))
        if spec is None or len(_bad(facts)) > allowed:
            return None
        return (f"aside:{spec.name}", f"rebuild:{spec.name}")

    def pre_image(self, call: Call) -> str:
        """Return the broken entries and their hashes; they are kept by the first step itself, under its key."""
        return json.dumps({"entries": _bad(call.facts)})

    def act(self, call: Call) -> StepResult:
        """Move the entries that are still as broken as they were, or run the catalogue's command."""
        spec = self._cache(call.command)
        if spec is None:
            return _UNKNOWN
        if call.step.startswith("aside:"):
            return self.caches.set_aside(spec, _bad(call.facts), call.key)
        return self.caches.rebuild(spec, call.key)

    def probe(self, call: Call) -> Found:
        """Look whether the step went to its end; both may be begun again."""
        spec = self._cache(call.command)
        if spec is None:
            return Found.UNCLEAR
        return Found.DONE if self.caches.is_done(spec, call.key) else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Put the previous entries back in the place of the new ones."""
        spec = self._cache(call.command)
        if spec is None:
            return _UNKNOWN
        return self.caches.put_back(spec, call.key) if call.step.startswith("aside:") else StepResult(StepStatus.OK, _STAYS)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Compare the entries' hashes, or build something cold with nothing but the cache."""
        spec = self._cache(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "cold_read_passes":
            read = self.caches.read_cold(spec)
            return Answer(read.status is StepStatus.OK, "cold_build", read.detail)
        bad = self.caches.bad_entries(spec)
        missing = [name for name, _ in _bad(facts) if spec.comes_back(name) and not self.caches.has_entry(spec, name)]
        whole = bad == () and not missing
        return Answer(whole, "digest", "" if whole else f"{len(bad or ())} broken, {len(missing)} not there again: {missing[:3]}")

    def _cache(self, command: HealingCommand) -> CacheSpec | None:
        return spec_for(command.target, self.services.caches)


def _bad(facts: Facts) -> tuple[tuple[str, str], ...]:
    return tuple((name, digest) for name, digest in json.loads(facts.value("bad") or "[]"))
