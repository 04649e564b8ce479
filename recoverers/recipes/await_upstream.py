"""Ask a known upstream until it is well again, and change nothing. Heals ``upstream:*``; what waits for it is let go by ``admit``.

Only the catalogue's probes are ever asked: a host that a log named looked the upstream up, and went no further.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from recoverers.ports import Answer, Call, Facts, Found, HealthPort, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.ids import content_id
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus
from schemas.services import Services, UpstreamSpec

_SOURCES = {"page_answers": (ProbeKind.HTTP, "http"), "port_answers": (ProbeKind.TCP, "tcp")}
_SAID = re.compile(r"(\d+) of \d+ looks in a row, (\d+) failed")
# Beyond any longest wait, and far from where a power is no number any more.
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class AwaitUpstream:
    """The recipe over the known upstreams of the service catalogue."""

    services: Services
    health: HealthPort
    # Nothing was changed, so there is nothing to take back: an upstream that stays away is a person's, not a failed rollback.
    traits: Traits = Traits(
        "await_upstream", 1, 60.0, undoable=False, gives_up_as=OutcomeStatus.ESCALATED, keeps=(("await", "it only looks"),)
    )

    def gather(self, command: HealingCommand) -> Facts:
        """Look the upstream up; one look that passes is not believed yet, so the steps ask in any case."""
        spec = self._upstream(command)
        if spec is None:
            return Facts(refusal="target_unknown")
        return Facts(refusal="" if spec.healing else "healing_off")

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:  # noqa: ARG002 - the port's shape; there is nothing to choose
        """Wait for the upstream, nothing else."""
        spec = self._upstream(command)
        return (f"await:{spec.name}",) if spec else None

    def pre_image(self, call: Call) -> str:  # noqa: ARG002 - the port's shape; no call changes anything
        """Return that nothing will change."""
        return "{}"

    def act(self, call: Call) -> StepResult:
        """Ask every probe once; done when they passed often enough in a row, else to be asked again later and later."""
        spec = self._upstream(call.command)
        if spec is None:
            return StepResult(StepStatus.FAILED, "target_unknown")
        passed, failed = _counts_in(call.said)
        asked = {probe.name: self.health.ask(probe) for probe in spec.probes}
        silent = ", ".join(name for name, seen in asked.items() if not seen.passes)
        passed, failed = (0, failed + 1) if silent else (passed + 1, failed)
        wanted = int(_bound(call.command, "passes", 3))
        if passed >= wanted:
            return StepResult(StepStatus.OK, f"{spec.name} answered {passed} times in a row after {failed} failed looks")
        # Well for the first time: the looks that are still wanted come at the shortest wait, the doubling is for what is down.
        # Whoever says when its budget is full again is not asked before: each look would be one call more of it.
        reset_s = max((seen.wait_s for seen in asked.values()), default=0.0)
        wait_s = max(_wait_s(call, failed), reset_s) if silent else _bound(call.command, "first_wait_s", 1.0)
        why = f", no answer: {silent}" if silent else ""
        why += f", to be left alone for {reset_s:g} s" if reset_s else ""
        told = f"{passed} of {wanted} looks in a row, {failed} failed{why}"
        return StepResult(StepStatus.PENDING, told, wait_s)

    def probe(self, call: Call) -> Found:
        """Say that a wait has no effect to look for: it is begun again."""
        return Found.MISSING if self._upstream(call.command) else Found.UNCLEAR

    def undo(self, call: Call) -> StepResult:  # noqa: ARG002 - the port's shape; no call changed anything
        """Nothing to take back."""
        return StepResult(StepStatus.OK, "nothing was changed")

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:  # noqa: ARG002 - the port's shape; what was seen before says nothing now
        """Ask the upstream's pages, or its ports."""
        spec = self._upstream(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        kind, source = _SOURCES[factor]
        probes = tuple(probe for probe in spec.probes if probe.kind is kind)
        silent = self._silent(probes)
        # Of probes that are not there none has passed.
        return Answer(bool(probes) and not silent, source, f"no answer: {silent}" if silent else "")

    def _silent(self, probes: tuple[ProbeSpec, ...]) -> str:
        return ", ".join(probe.name for probe in probes if not self.health.passes(probe))

    def _upstream(self, command: HealingCommand) -> UpstreamSpec | None:
        return self.services.upstream(command.target.partition(":")[2])


def _counts_in(said: str) -> tuple[int, int]:
    counts = _SAID.match(said)
    return (int(counts[1]), int(counts[2])) if counts else (0, 0)


def _bound(command: HealingCommand, name: str, default: float) -> float:
    return float(str(dict(command.bounds).get(name, default)))


def _wait_s(call: Call, failed: int) -> float:
    """Return twice the wait of before up to the longest, of which half is fixed and half differs from command to command."""
    first, longest = _bound(call.command, "first_wait_s", 1.0), _bound(call.command, "longest_wait_s", 30.0)
    whole = min(longest, first * 2.0 ** min(failed - 1, _MOST_DOUBLINGS))
    # The command's own key spreads the looks of many commands, and a replay waits as the run did.
    spread = int(content_id("Jitter", call.key, failed)[:8], 16) / 0xFFFFFFFF
    return whole * (0.5 + spread / 2)
