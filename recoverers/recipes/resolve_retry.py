"""Let the resolver say whether a commit's own manifest can be met, and run the job again only when it can. Heals ``job:*``.

A version that no index has fails every time: then nothing is done. No name of a package is taken from a log, and no file of the
repository is written: the resolver runs dry, on the commit's files in a folder of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from recoverers.healable import healable
from recoverers.job_attempts import STAYS, STEP, JobAttempts, attempt_before, facts_of
from recoverers.ports import Answer, Call, Facts, Found, Traits
from recoverers.trunk_port import TrunkPort
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.trunk import TrunkSpec, trunk_of

_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")
_DRY = "the resolver runs dry, in a folder of its own"


@dataclass(frozen=True, slots=True)
class ResolveRetry:
    """The recipe over the main branches of the service catalogue that have a resolver."""

    services: Services
    attempts: JobAttempts
    trunks: TrunkPort
    traits: Traits = Traits("resolve_retry", 1, 1800.0, undoable=False, keeps=(("resolve", _DRY), ("rerun", STAYS)))

    def gather(self, command: HealingCommand) -> Facts:
        """Read how the job ended, and ask the resolver."""
        spec = healable(trunk_of(command.target, self.services.trunks))
        if isinstance(spec, Facts):
            return spec
        facts = facts_of(self.attempts.newest(command))
        if facts.refusal or facts.healthy:
            return facts
        said = self.trunks.resolves(spec, facts.value("commit")) if spec.resolve else None
        if said is None:
            return Facts(refusal="resolver_unreadable", for_people=True)
        return facts if said else Facts(refusal="does_not_resolve")

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Resolve once more, by what the index says now, then run the job again."""
        spec = self._spec(command)
        return (f"resolve:{spec.name}", STEP) if spec and self.attempts.may_run_again(command, facts) else None

    def pre_image(self, call: Call) -> str:
        """Return the attempt before the act."""
        return attempt_before(call)

    def act(self, call: Call) -> StepResult:
        """Ask the resolver, or for the new attempt."""
        spec = self._spec(call.command)
        if spec is None:
            return _UNKNOWN
        if call.step == STEP:
            return self.attempts.rerun(call)
        said = self.trunks.resolves(spec, call.facts.value("commit"))
        return StepResult(StepStatus.OK if said else StepStatus.FAILED, "it resolves" if said else "it does not resolve any more")

    def probe(self, call: Call) -> Found:
        """Say whether the attempt number has risen; the resolver may be asked again."""
        if self._spec(call.command) is None:
            return Found.UNCLEAR
        return self.attempts.probe(call) if call.step == STEP else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Nothing to take back."""
        return StepResult(StepStatus.OK, STAYS if call.step == STEP else _DRY)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion or its log, or the resolver once more."""
        spec = self._spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor != "manifest_resolves":
            return self.attempts.check(command, facts, factor)
        # Factors are asked again and again; an index is not to be asked all the time that a job takes.
        job = self.attempts.after(command, facts)
        if job is None or not job.conclusion:
            return Answer(False, "resolver", "asked when the job has ended")
        return Answer(self.trunks.resolves(spec, facts.value("commit")) is True, "resolver", f"commit {facts.value('commit')[:12]}")

    def _spec(self, command: HealingCommand) -> TrunkSpec | None:
        return trunk_of(command.target, self.services.trunks)
