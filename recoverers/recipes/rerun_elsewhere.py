"""Run a job again on another runner: the one it was lost on is out of the pool until it is well. Heals ``job:*``, once.

A job that ran out of time or lost its runner says nothing of its code, and a second retry would say nothing more. A runner that is
gone after its job, as hosted ones are, has nothing to be taken out of.
"""

from __future__ import annotations

from dataclasses import dataclass

from recoverers.job_attempts import STAYS
from recoverers.ports import Answer, Call, Facts, Found, Traits
from recoverers.runner_pool import RETURN_KEPT, RunnerPool
from schemas.attempts import RunnerState, StepResult, StepStatus
from schemas.decisions import HealingCommand


@dataclass(frozen=True, slots=True)
class RerunElsewhere:
    """The recipe over a GitHub-shaped server and the runners that it knows."""

    pool: RunnerPool
    traits: Traits = Traits("rerun_elsewhere", 1, 7200.0, keeps=(("rerun", STAYS), ("return", RETURN_KEPT)))

    def gather(self, command: HealingCommand) -> Facts:
        """Read how the job ended, on which runner, and whether that one can be taken out of the pool."""
        return self.pool.gather(self.pool.attempts.newest(command), command)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Take the runner out, run the job again, put the runner back."""
        return self.pool.plan(facts) if self.pool.attempts.may_run_again(command, facts) else None

    def pre_image(self, call: Call) -> str:
        """Return the attempt before the act, or the runner's labels."""
        return self.pool.pre_image(call)

    def act(self, call: Call) -> StepResult:
        """Make one of the three steps."""
        return self.pool.act(call, lambda runner: _gone(call, runner))

    def probe(self, call: Call) -> Found:
        """Look at the runner's labels, or at the attempt."""
        return self.pool.probe(call)

    def undo(self, call: Call) -> StepResult:
        """Put the runner back into the pool."""
        return self.pool.undo(call)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion, its log, or on which runner it was."""
        return self.pool.ran_elsewhere(command, facts) if factor == "ran_elsewhere" else self.pool.attempts.check(command, facts, factor)


def _gone(call: Call, runner: RunnerState) -> StepResult | None:
    if runner.online:
        return None
    return StepResult(StepStatus.OK, f"{call.facts.value('runner')} is offline and stays out of the pool")
