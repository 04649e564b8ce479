"""A runner out of its pool and back: the steps that the recipes share which run a job again on another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from recoverers.job_attempts import STEP, JobAttempts, attempt_before, facts_of
from recoverers.ports import Answer, Call, Facts, Found
from schemas.attempts import CORDONED, CiJob, RunnerState, StepResult, StepStatus
from schemas.decisions import HealingCommand

CORDON, RETURN = "cordon:runner", "return:runner"
RETURN_KEPT = "it takes back the cordon itself, once the runner is well"
_OK = StepResult(StepStatus.OK)
# A queue takes minutes, and each look is a call to the server.
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class RunnerPool:
    """The runners of a GitHub-shaped server, by the labels that jobs ask for them by."""

    attempts: JobAttempts

    def gather(self, job: CiJob | None, command: HealingCommand) -> Facts:
        """Read how the job ended, on which runner, and whether that one can be taken out of the pool."""
        if job is not None and not job.runner:
            return Facts(refusal="runner_unknown")
        runner = self.attempts.ci.runner(command.target, job.runner) if job else None
        # Whoever may run jobs again need not have the right to see runners: then none is taken out, and where it ran still counts.
        labels = json.dumps(runner.labels if runner and runner.exists else ())
        return facts_of(job, (("runner", job.runner if job else ""), ("labels", labels)))

    def act(self, call: Call, why_not_back: Callable[[RunnerState], StepResult | None]) -> StepResult:
        """Make one of the three steps; a runner goes back unless ``why_not_back`` says otherwise."""
        if call.step == STEP:
            return self.attempts.rerun(call)
        return self._label(call, (CORDONED,)) if call.step == CORDON else self._return(call, why_not_back)

    def probe(self, call: Call) -> Found:
        """Compare the runner's labels with both; other ones are somebody else's. A return is begun again."""
        if call.step == STEP:
            return self.attempts.probe(call)
        if call.step == RETURN:
            return Found.MISSING
        runner = self._runner(call)
        known = {(CORDONED,): Found.DONE, _labels(call.facts): Found.MISSING}
        return known.get(runner.labels, Found.UNCLEAR) if runner else Found.UNCLEAR

    def undo(self, call: Call) -> StepResult:
        """Put the runner back into the pool: when the job fails elsewhere too, it was not the runner."""
        if call.step != CORDON:
            return _OK
        back = self._label(call, _labels(call.facts))
        # A rollback has a minute: a server that is silent is asked again.
        return replace(back, status=StepStatus.UNCERTAIN) if self._runner(call) is None else back

    def ran_elsewhere(self, command: HealingCommand, facts: Facts) -> Answer:
        """Say on which runner the new attempt was."""
        job = self.attempts.after(command, facts)
        if job is None or not job.runner:
            return Answer(False, "rest_runner", "the new attempt has no runner yet")
        return Answer(job.runner != facts.value("runner"), "rest_runner", f"it ran on {job.runner}", settled=True)

    def _return(self, call: Call, why_not_back: Callable[[RunnerState], StepResult | None]) -> StepResult:
        """Wait until another runner has the job, then put this one back if it is well; else it stays out until a person looks."""
        # Once the server has answered, that it does not for a moment is no reason to take anything back.
        if self.attempts.has_risen(call) is None and not call.said:
            return StepResult(StepStatus.FAILED, "the server does not say which attempt is the newest")
        job = self.attempts.after(call.command, call.facts)
        if job is None or not job.runner:
            return StepResult(StepStatus.PENDING, "the new attempt waits for a runner", _LOOK_S)
        runner = self._runner(call)
        if runner is None:
            return StepResult(StepStatus.PENDING, "the server does not say how the runner is", _LOOK_S)
        return why_not_back(runner) or self._label(call, _labels(call.facts))

    def keep_out(self, call: Call, runner: RunnerState, why: str) -> StepResult:
        """Say why a runner stays out; of one that was never taken out it would be said in vain, and it would come back unseen."""
        kept = self._label(call, (CORDONED,)) if is_in_pool(call, runner) else _OK
        return replace(kept, detail=why) if kept.status is StepStatus.OK else kept

    def _label(self, call: Call, labels: tuple[str, ...]) -> StepResult:
        runner = self._runner(call)
        if runner is None:
            return StepResult(StepStatus.FAILED, "the server does not say how the runner is")
        # One that was removed meanwhile is in no pool.
        if not runner.exists or runner.labels == labels:
            return _OK
        # Whoever changed the labels since knows more.
        if runner.labels not in {(CORDONED,), _labels(call.facts)}:
            return StepResult(StepStatus.FAILED, "the runner's labels were changed by somebody else")
        return self.attempts.ci.set_labels(call.command.target, runner.runner_id, labels)

    def _runner(self, call: Call) -> RunnerState | None:
        return self.attempts.ci.runner(call.command.target, call.facts.value("runner"))


def plan_of(facts: Facts) -> tuple[str, ...]:
    """Take the runner out, run the job again, put the runner back; one that nothing can be taken from stays as it is."""
    labels = _labels(facts)
    return (CORDON, STEP, RETURN) if labels and labels != (CORDONED,) else (STEP,)


def pre_image_of(call: Call) -> str:
    """Return the attempt before the act, or the runner's labels."""
    if call.step == STEP:
        return attempt_before(call)
    return json.dumps({"runner": call.facts.value("runner"), "labels": _labels(call.facts)})


def is_in_pool(call: Call, runner: RunnerState) -> bool:
    """Tell whether a runner is asked for by the labels that it had."""
    return runner.exists and runner.labels == _labels(call.facts)


def _labels(facts: Facts) -> tuple[str, ...]:
    return tuple(json.loads(facts.value("labels")))
