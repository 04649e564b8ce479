"""Re-run the failed job only, on the same commit. Heals ``job:*``; verified by the new attempt's conclusion and by its log."""

from __future__ import annotations

from dataclasses import dataclass

from recoverers.ci_view import CiView
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand

_STEP = "rerun:job"


@dataclass(frozen=True, slots=True)
class RerunJob:
    """The recipe over a GitHub-shaped server."""

    view: CiView
    traits: Traits = Traits("rerun_job", 1, 1800.0, undoable=False, keeps=(("rerun", "an attempt that has run stays in the history"),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read the run's newest attempt and how its job ended."""
        return self.view.facts(self.view.newest(command))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Re-run once; a run that has been tried as often as the bound allows is left alone."""
        allowed = int(str(dict(command.bounds).get("max_attempts_per_commit", 2)))
        return (_STEP,) if int(facts.value("attempt")) <= allowed else None

    def pre_image(self, call: Call) -> str:
        """Return the attempt before the act."""
        return f'{{"attempt": {call.facts.value("attempt")}}}'

    def act(self, call: Call) -> StepResult:
        """Ask for the new attempt."""
        return self.view.rerun(call)

    def probe(self, call: Call) -> Found:
        """Say whether there is a new attempt."""
        return self.view.found(call)

    def undo(self, call: Call) -> StepResult:
        """Nothing to take back: an attempt that has run stays in the run's history."""
        return StepResult(StepStatus.OK, f"attempt after {call.facts.value('attempt')} stays in the history")

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion, or its log."""
        return self.view.check(command, facts, factor)
