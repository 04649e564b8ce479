"""Take a runner that resolves no names out of its pool, run its job again elsewhere, and put it back when it resolves them.

Heals ``job:*`` on the runners of the catalogue. Each runner is asked itself: when more than one is deaf, it is not this runner's fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from recoverers.healable import healable
from recoverers.job_attempts import STAYS, STEP
from recoverers.ports import Answer, Call, Facts, Found, HealthPort, Traits
from recoverers.runner_pool import RETURN_KEPT, RunnerPool, is_in_pool, plan_of, pre_image_of
from schemas.attempts import RunnerState, StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.runner import RunnerSpec, runner_named

_LOOK = re.compile(r"look (\d+) of ")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 30.0


@dataclass(frozen=True, slots=True)
class RunnerDrop:
    """The recipe over the runners of the service catalogue."""

    services: Services
    health: HealthPort
    pool: RunnerPool
    traits: Traits = Traits("runner_drop", 1, 1800.0, keeps=(("rerun", STAYS), ("return", RETURN_KEPT)))

    def gather(self, command: HealingCommand) -> Facts:
        """Read how the job ended and on which runner, and ask that one and the others of its pool whether they resolve names."""
        job = self.pool.attempts.newest(command)
        seen = self.pool.gather(job, command)
        if seen.refusal or seen.healthy or job is None:
            return seen
        spec = healable(runner_named(self.services.runners, command.target, job.runner))
        if isinstance(spec, Facts):
            return spec
        others = [row for row in self.services.runners if row.serves(command.target) and row is not spec]
        is_deaf = not self.health.passes(spec.resolver)
        resolving = [row.name for row in others if self.health.passes(row.resolver)]
        # What fails from everywhere is no runner's fault, and with nothing to compare it with nobody can tell.
        if is_deaf and (not resolving or len(resolving) < len(others)):
            return Facts(refusal="not_one_runner_alone", for_people=True)
        return replace(seen, values=(*seen.values, ("deaf", "yes" if is_deaf else "")))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Drop, run again, put back; a runner that resolves again is left in its pool, and the job may go to any."""
        if not self.pool.attempts.may_run_again(command, facts) or not facts.value("runner"):
            return None
        return plan_of(facts) if facts.value("deaf") else (STEP,)

    def pre_image(self, call: Call) -> str:
        """Return the attempt before the act, or the runner's labels."""
        return pre_image_of(call)

    def act(self, call: Call) -> StepResult:
        """Make one of the three steps."""
        return self.pool.act(call, lambda runner: self._deaf(call, runner))

    def probe(self, call: Call) -> Found:
        """Look at the runner's labels, or at the attempt."""
        return self.pool.probe(call)

    def undo(self, call: Call) -> StepResult:
        """Put the runner back into the pool."""
        return self.pool.undo(call)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion, its log, or whether names are resolved where it ran."""
        if factor != "resolves_where_it_ran":
            return self.pool.attempts.check(command, facts, factor)
        job = self.pool.attempts.after(command, facts)
        if job is None or not job.runner:
            return Answer(False, "resolver", "the new attempt has no runner yet")
        spec = runner_named(self.services.runners, command.target, job.runner)
        if spec is None:
            # Of a runner that nobody has described only its name is known.
            return Answer(job.runner != facts.value("runner"), "resolver", f"it ran on {job.runner}, which is not in the catalogue")
        return Answer(self.health.passes(spec.resolver), "resolver", f"it ran on {job.runner}")

    def _deaf(self, call: Call, runner: RunnerState) -> StepResult | None:
        """Return why the runner does not go back yet, or stays out."""
        name = call.facts.value("runner")
        spec = self._spec(call.command, name)
        if spec is not None and runner.online and self.health.passes(spec.resolver):
            return None
        most = int(str(dict(call.command.bounds).get("return_looks", 8)))
        found = _LOOK.match(call.said)
        look = int(found[1]) + 1 if found else 1
        if look >= most and is_in_pool(call, runner):
            return StepResult(StepStatus.FAILED, f"{name} resolves no names, and the server has not taken it out of the pool")
        if look >= most:
            return StepResult(StepStatus.OK, f"{name} resolves no names after {look} looks and stays out of the pool")
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (look - 1))
        return StepResult(StepStatus.PENDING, f"look {look} of {most}: {name} resolves no names", wait_s)

    def _spec(self, command: HealingCommand, name: str) -> RunnerSpec | None:
        return runner_named(self.services.runners, command.target, name)
