"""The attempts of a failed CI job, as the recipes that run it again see them: what is there, one more, and how that ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recoverers.ports import Answer, Call, CiPort, Facts, Found
from schemas.attempts import CiJob, StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.vocabulary import FAILED_RESULTS, Kind, Result, result_from_word

STEP = "rerun:job"
STAYS = "an attempt that has run stays in the history"


@dataclass(frozen=True, slots=True)
class JobAttempts:
    """One job at a time, on a GitHub-shaped server; ``kinds_in`` names the failure kinds that a log shows."""

    ci: CiPort
    kinds_in: Callable[[bytes], frozenset[Kind]]

    def newest(self, command: HealingCommand) -> CiJob | None:
        """Return the job in the run's newest attempt, None when the server does not say."""
        attempt = self.ci.latest_attempt(command.target)
        return self.ci.job(command.target, attempt) if attempt is not None else None

    def after(self, command: HealingCommand, facts: Facts) -> CiJob | None:
        """Return the job in the attempt after the one that failed."""
        return self.ci.job(command.target, int(facts.value("attempt")) + 1)

    def may_run_again(self, command: HealingCommand, facts: Facts) -> bool:
        """Tell whether the run was tried less often than the bound allows."""
        return int(facts.value("attempt")) <= int(str(dict(command.bounds).get("max_attempts_per_commit", 2)))

    def rerun(self, call: Call) -> StepResult:
        """Ask for the new attempt; the server's attempt number is the idempotency."""
        risen = self.has_risen(call)
        if risen is None:
            return StepResult(StepStatus.FAILED, "the server does not say which attempt is the newest")
        return StepResult(StepStatus.OK) if risen else self.ci.rerun(call.command.target, int(call.facts.value("job_id")))

    def probe(self, call: Call) -> Found:
        """Say whether the attempt number has risen."""
        risen = self.has_risen(call)
        if risen is None:
            return Found.UNCLEAR
        return Found.DONE if risen else Found.MISSING

    def has_risen(self, call: Call) -> bool | None:
        """Tell whether there is a later attempt than the one that failed, None when the server does not say."""
        latest = self.ci.latest_attempt(call.command.target)
        return None if latest is None else latest > int(call.facts.value("attempt"))

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion, or its log."""
        source = "rest_conclusion" if factor == "attempt_concluded_success" else "rest_log"
        attempt = int(facts.value("attempt")) + 1
        job = self.after(command, facts)
        if job is None or not job.conclusion:
            return Answer(False, source, f"attempt {attempt} goes on")
        if factor == "attempt_concluded_success":
            failed_on = facts.value("commit")
            if failed_on and job.commit != failed_on:
                # Green on other code says nothing of the failure.
                ran_on = job.commit or "no named commit"
                return Answer(False, source, f"attempt {attempt} ran on {ran_on}, not on {failed_on}", settled=True)
            passed = result_from_word(job.conclusion) is Result.SUCCESS
            return Answer(passed, source, f"attempt {attempt}: {job.conclusion}", settled=True)
        log = self.ci.log(command.target, job.job_id)
        if log is None:
            return Answer(False, source, "the log cannot be read")
        shown = command.kind in self.kinds_in(log)
        detail = f"the log of attempt {attempt} shows {command.kind}" if shown else "without the pattern"
        return Answer(not shown, source, detail, settled=True)


def facts_of(job: CiJob | None, others: tuple[tuple[str, str], ...] = ()) -> Facts:
    """Return what a plan rests on: the attempt that is the newest, its commit, and how its job ended."""
    if job is None:
        return Facts(refusal="ci_unreachable")
    result = result_from_word(job.conclusion) if job.conclusion else None
    # Somebody else re-ran it already: their attempt decides.
    if result is None:
        return Facts(refusal="target_changed")
    if result is not Result.SUCCESS and result not in FAILED_RESULTS:
        return Facts(refusal="not_failed")
    commit = (("commit", job.commit),) if job.commit else ()
    return Facts(healthy=result is Result.SUCCESS, values=(("attempt", str(job.attempt)), *commit, ("job_id", str(job.job_id)), *others))


def attempt_before(call: Call) -> str:
    """Return the attempt before the act, as a pre-image."""
    return f'{{"attempt": {call.facts.value("attempt")}}}'
