"""Re-run the failed job only, on the same commit. Heals ``job:*``; verified by the new attempt's conclusion and by its log."""

from __future__ import annotations

from dataclasses import dataclass

from recoverers.job_attempts import STAYS, STEP, JobAttempts, attempt_before, facts_of
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand


@dataclass(frozen=True, slots=True)
class RerunJob:
    """The recipe over a GitHub-shaped server."""

    attempts: JobAttempts
    traits: Traits = Traits("rerun_job", 1, 1800.0, undoable=False, keeps=(("rerun", STAYS),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read the run's newest attempt and how its job ended."""
        return facts_of(self.attempts.newest(command))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Re-run once; a run that has been tried as often as the bound allows is left alone."""
        return (STEP,) if self.attempts.may_run_again(command, facts) else None

    def pre_image(self, call: Call) -> str:
        """Return the attempt before the act."""
        return attempt_before(call)

    def act(self, call: Call) -> StepResult:
        """Ask for the new attempt."""
        return self.attempts.rerun(call)

    def probe(self, call: Call) -> Found:
        """Say whether the attempt number has risen."""
        return self.attempts.probe(call)

    def undo(self, call: Call) -> StepResult:
        """Nothing to take back: an attempt that has run stays in the run's history."""
        return StepResult(StepStatus.OK, f"attempt after {call.facts.value('attempt')} stays in the history")

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion, or its log."""
        return self.attempts.check(command, facts, factor)
