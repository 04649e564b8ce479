"""Run a job again on another runner: the one it was lost on is out of the pool until it is well. Heals ``job:*``.

Two strategies: ``rerun_elsewhere`` is for jobs that ran out of time or lost their runner, once; ``retry_elsewhere`` for those that were run
again in vain.

A job that ran out of time or lost its runner says nothing of its code, and a second retry would say nothing more. A runner that is
gone after its job, as hosted ones are, has nothing to be taken out of. One that ran out of time is well again when its new attempt ends
within the time that 99 of 100 of its passing runs would take.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from recoverers.advice import NOTICED, TAKES_LONGER
from recoverers.job_attempts import STAYS
from recoverers.ports import Answer, Call, Facts, Found, Traits
from recoverers.run_history import MOST_RUNS, is_rising, longest_usual_s
from recoverers.runner_pool import RETURN_KEPT, RunnerPool, plan_of, pre_image_of
from schemas.attempts import RunnerState, StepResult
from schemas.decisions import HealingCommand
from schemas.vocabulary import Kind

LIMIT_S = "p99_s"
_KEEPS = (("rerun", STAYS), ("return", RETURN_KEPT))
ONCE_TRAITS = Traits("rerun_elsewhere", 1, 7200.0, keeps=_KEEPS)
RETRY_TRAITS = Traits("retry_elsewhere", 1, 1800.0, keeps=_KEEPS)


@dataclass(frozen=True, slots=True)
class RerunElsewhere:
    """Both recipes over a GitHub-shaped server and the runners that it knows; ``traits`` say which of the two it is."""

    pool: RunnerPool
    traits: Traits = ONCE_TRAITS

    def gather(self, command: HealingCommand) -> Facts:
        """Read how the job ended, on which runner, and whether that one can be taken out of the pool."""
        job = self.pool.attempts.newest(command)
        facts = self.pool.gather(job, command)
        if facts.refusal or facts.healthy or command.kind is not Kind.TIMEOUT:
            return facts
        seconds = self.pool.attempts.ci.durations(command.target, MOST_RUNS)
        if seconds is None:
            return Facts(refusal="ci_unreachable")
        noticed = ((NOTICED, TAKES_LONGER),) if is_rising(seconds) else ()
        limit_s = longest_usual_s(seconds)
        usual = ((LIMIT_S, f"{limit_s:.1f}"),) if limit_s is not None else ()
        return replace(facts, values=(*facts.values, ("passing_runs", str(len(seconds))), *usual, *noticed))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Take the runner out, run the job again, put the runner back."""
        return plan_of(facts) if self.pool.attempts.may_run_again(command, facts) else None

    def pre_image(self, call: Call) -> str:
        """Return the attempt before the act, or the runner's labels."""
        return pre_image_of(call)

    def act(self, call: Call) -> StepResult:
        """Make one of the three steps."""
        return self.pool.act(call, lambda runner: self._gone(call, runner))

    def probe(self, call: Call) -> Found:
        """Look at the runner's labels, or at the attempt."""
        return self.pool.probe(call)

    def undo(self, call: Call) -> StepResult:
        """Put the runner back into the pool."""
        return self.pool.undo(call)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion, its log, or on which runner it was."""
        if factor == "ran_elsewhere":
            return self.pool.ran_elsewhere(command, facts)
        said = self.pool.attempts.check(command, facts, factor)
        is_timed = said.passed and factor == "attempt_concluded_success" and command.kind is Kind.TIMEOUT
        return self._in_time(command, facts, said) if is_timed else said

    def _in_time(self, command: HealingCommand, facts: Facts, said: Answer) -> Answer:
        """Believe a green attempt only when it took no longer than its passing runs let expect: at the limit it is not well yet."""
        limit_s = facts.value(LIMIT_S)
        if not limit_s:
            return replace(said, detail=f"{said.detail}; {facts.value('passing_runs') or 'no'} passing runs are too few to compare with")
        job = self.pool.attempts.after(command, facts)
        if job is None or job.took_s is None:
            return replace(said, passed=False, detail=f"{said.detail}, and the server does not say how long it took", settled=False)
        took = f"{said.detail} after {job.took_s:.0f} s, 99 of 100 end within {limit_s} s"
        return replace(said, passed=job.took_s <= float(limit_s), detail=took)

    def _gone(self, call: Call, runner: RunnerState) -> StepResult | None:
        if runner.online:
            return None
        return self.pool.keep_out(call, runner, f"{call.facts.value('runner')} is offline and stays out of the pool")
