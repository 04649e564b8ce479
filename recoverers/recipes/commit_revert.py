"""Run the first failure of a broken main branch again; when it stays red, propose to take its commit back. Heals ``job:*``.

The main branch is never written: people merge the proposal. When its signal is red with it too, it is closed, or the commit is proposed
to be landed again where the proposal was merged meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from recoverers.healable import healable
from recoverers.job_attempts import JobAttempts, facts_of
from recoverers.lockfile_ports import ProposalPort
from recoverers.ports import Answer, Call, Facts, Found, Traits
from recoverers.trunk_port import TrunkPort
from schemas.attempts import CiJob, StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.lockfile import BRANCHES
from schemas.targets.trunk import TrunkSpec, trunk_of
from schemas.vocabulary import FAILED_RESULTS, Result, result_from_word

_OK = StepResult(StepStatus.OK)
_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class CommitRevert:
    """The recipe over the main branches of the service catalogue."""

    services: Services
    attempts: JobAttempts
    trunks: TrunkPort
    proposals: ProposalPort
    traits: Traits = Traits("commit_revert", 1, 7200.0, keeps=(("retry", "an attempt that has run stays in the history"),))

    def gather(self, command: HealingCommand) -> Facts:
        """Read which commit the job failed on, whether its parent is the one that passed, and whether somebody proposed it already."""
        spec = healable(trunk_of(command.target, self.services.trunks))
        if isinstance(spec, Facts):
            return spec
        job = self.attempts.newest(command)
        facts = facts_of(job)
        if job is None or facts.refusal or facts.healthy:
            return facts
        base, parent = self.trunks.head_of(spec, spec.base_branch), self.trunks.parent_of(spec, job.commit)
        waiting = self.proposals.open_proposals(spec)
        now = self.attempts.ci.conclusion_on(command.target, base)
        if waiting is None or now is None:
            return Facts(refusal="ci_unreachable")
        if result_from_word(now) is Result.SUCCESS:
            return Facts(healthy=True)
        return Facts(refusal=self._why_not(spec, command, job, waiting.keys()), values=(*facts.values, ("base", base), ("parent", parent)))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Run it again unless that was done, take the commit back on a branch, propose it."""
        spec = self._spec(command)
        if spec is None or not facts.value("commit"):
            return None
        retry = (f"retry:{spec.name}",) if int(facts.value("attempt")) == 1 else ()
        return (*retry, f"revert:{spec.name}", f"propose:{spec.name}")

    def pre_image(self, call: Call) -> str:
        """Return the attempt, the base branch's commit and the branch."""
        return json.dumps({name: call.facts.value(name) for name in ("attempt", "base", "commit")}, sort_keys=True)

    def act(self, call: Call) -> StepResult:
        """Make the step."""
        spec = self._spec(call.command)
        if spec is None:
            return _UNKNOWN
        match call.step.partition(":")[0]:
            case "retry":
                return self._retry(call)
            case "revert":
                return self.trunks.write_revert(spec, branch_of(call.facts), call.facts.value("commit"))
            case _:
                commit = call.facts.value("commit")
                body = f"The job fails since {commit}, twice on that very commit, and passed on {call.facts.value('parent')} before it."
                return self.proposals.open_pull_request(spec, branch_of(call.facts), f"Revert {commit[:12]}", body)

    def probe(self, call: Call) -> Found:
        """Look at the branch and at the open pull requests; whether a retry is over is asked anew."""
        spec, verb = self._spec(call.command), call.step.partition(":")[0]
        if spec is None:
            return Found.UNCLEAR
        if verb == "retry":
            return Found.MISSING
        branch = branch_of(call.facts)
        if verb == "revert":
            return Found.DONE if self.trunks.head_of(spec, branch) else Found.MISSING
        waiting = self.proposals.open_proposals(spec)
        if waiting is None:
            return Found.UNCLEAR
        return Found.DONE if branch in waiting else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Close the pull request, or propose to land the commit again where it was merged; drop the branch."""
        spec, branch = self._spec(call.command), branch_of(call.facts)
        if spec is None:
            return _UNKNOWN
        match call.step.partition(":")[0]:
            case "retry":
                return _OK
            case "revert":
                return self.trunks.drop_branch(spec, branch)
            case _:
                head = self.trunks.head_of(spec, branch)
                is_merged = bool(head) and self.trunks.has_merged(spec, head)
                if is_merged:
                    return _land_again(spec, call.facts.value("commit"), head, self.trunks, self.proposals)
                return self.proposals.close(spec, branch)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the job's end, or run the tests, on the branch; on the base branch as soon as it was merged."""
        spec = self._spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        head = self.trunks.head_of(spec, branch_of(facts))
        source = "rest_check" if factor == "signal_green" else "sandbox"
        if not head:
            return Answer(False, source, "there is no branch that takes the commit back")
        commit = self.trunks.head_of(spec, spec.base_branch) if self.trunks.has_merged(spec, head) else head
        if factor != "signal_green":
            tried = self.trunks.try_commit(spec, commit)
            return Answer(tried.status is StepStatus.OK, source, tried.detail, settled=True)
        word = self.attempts.ci.conclusion_on(command.target, commit)
        result = result_from_word(word) if word else Result.UNKNOWN
        is_over = result is Result.SUCCESS or result in FAILED_RESULTS
        return Answer(result is Result.SUCCESS, source, f"{word or 'nothing has ended'} on {commit[:12]}", settled=is_over)

    def _spec(self, command: HealingCommand) -> TrunkSpec | None:
        return trunk_of(command.target, self.services.trunks)

    def _why_not(self, spec: TrunkSpec, command: HealingCommand, job: CiJob, waiting: Collection[str]) -> str:
        """Return why the commit is not proposed to be taken back, empty when it may be."""
        if not job.commit or not self.trunks.has_merged(spec, job.commit):
            return "commit_unknown"
        # With others between the two nobody knows which of them it was.
        parent = self.trunks.parent_of(spec, job.commit)
        before = self.attempts.ci.conclusion_on(command.target, parent) if parent else ""
        if result_from_word(before) is not Result.SUCCESS:
            return "no_green_parent"
        return "proposal_open" if _branch_for(job.commit) in waiting else ""

    def _retry(self, call: Call) -> StepResult:
        """Ask once, and wait for its end: what passes now was no fault of the commit."""
        asked = self.attempts.rerun(call)
        if asked.status is not StepStatus.OK:
            return asked
        job = self.attempts.after(call.command, call.facts)
        if job is None or not job.conclusion:
            return StepResult(StepStatus.PENDING, "the new attempt goes on", _LOOK_S)
        is_red = result_from_word(job.conclusion) in FAILED_RESULTS
        return _OK if is_red else StepResult(StepStatus.FAILED, f"the new attempt ended with {job.conclusion}: it is not the commit")


def _land_again(spec: TrunkSpec, commit: str, revert: str, trunks: TrunkPort, proposals: ProposalPort) -> StepResult:
    """Propose to take back what took the commit back."""
    branch = f"{BRANCHES}reland-{commit[:12]}"
    made = trunks.write_revert(spec, branch, revert)
    if made.status is not StepStatus.OK:
        return made
    body = f"The job is red without {commit} too: it was not the cause."
    return proposals.open_pull_request(spec, branch, f"Land {commit[:12]} again", body)


def branch_of(facts: Facts) -> str:
    """Return the branch that takes the commit back: the same for every run about this commit."""
    return _branch_for(facts.value("commit"))


def _branch_for(commit: str) -> str:
    return f"{BRANCHES}revert-{commit[:12]}"
