"""Write a lock file anew on a branch of its own, try and propose it; the main branch is never written. Heals ``repo:*`` and its jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.healable import healable
from recoverers.lockfile_ports import PackagePort, ProposalPort
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.ids import id_of
from schemas.services import Services
from schemas.targets.lockfile import BRANCHES, LockfileSpec

_OK = StepResult(StepStatus.OK)
_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")
_BODY = "The lock file did not fit its manifest. It was written anew by the project's own tool, and a clean install of it passed."
_TRIED = "it only runs in a folder of its own, which is gone afterwards"


@dataclass(frozen=True, slots=True)
class LockfileRepair:
    """The recipe over the repositories of the service catalogue."""

    services: Services
    packages: PackagePort
    proposals: ProposalPort
    traits: Traits = Traits("lockfile_repair", 1, 300.0, keeps=(("try", _TRIED),))

    def gather(self, command: HealingCommand) -> Facts:
        """Ask whether lock and manifest fit, and whether somebody has been asked about it already."""
        spec = healable(self._spec(command))
        if isinstance(spec, Facts):
            return spec
        base = self.packages.base_of(spec)
        fits = self.packages.in_step(spec, base) if base else None
        if fits is None:
            return Facts(refusal="lockfile_unreadable")
        waiting = self.proposals.open_proposals(spec)
        if waiting is None:
            return Facts(refusal="ci_unreachable")
        is_asked = any(branch.startswith(BRANCHES) and branch != branch_of(command) for branch in waiting)
        return Facts(healthy=fits, refusal="proposal_open" if is_asked and not fits else "", values=(("base", base),))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Branch, regenerate, try, propose; without a commit to begin from there is no plan."""
        spec = self._spec(command)
        if spec is None or not facts.value("base"):
            return None
        return tuple(f"{verb}:{spec.name}" for verb in ("branch", "regenerate", "try", "propose"))

    def pre_image(self, call: Call) -> str:
        """Return the branch and the commit that it begins from."""
        return json.dumps({"base": call.facts.value("base"), "branch": branch_of(call.command)}, sort_keys=True)

    def act(self, call: Call) -> StepResult:
        """Make the step on the run's own branch."""
        spec, branch = self._spec(call.command), branch_of(call.command)
        if spec is None:
            return _UNKNOWN
        match call.step.partition(":")[0]:
            case "branch":
                is_made = self.probe(call) is Found.DONE
                return _OK if is_made else self.packages.create_branch(spec, branch, call.facts.value("base"))
            case "regenerate":
                is_written = self.probe(call) is Found.DONE
                return _OK if is_written else self.packages.regenerate(spec, branch)
            case "try":
                return self.packages.try_install(spec, self.packages.head_of(spec, branch))
            case _:
                title = f"Write {spec.path_of(spec.lock)} anew to fit {spec.manifest}"
                return self.proposals.open_pull_request(spec, branch, title, _BODY)

    def probe(self, call: Call) -> Found:
        """Look at the branch and at the open pull requests."""
        spec, branch = self._spec(call.command), branch_of(call.command)
        if spec is None:
            return Found.UNCLEAR
        head = self.packages.head_of(spec, branch)
        match call.step.partition(":")[0]:
            case "branch":
                is_done = bool(head)
            case "regenerate":
                is_done = head not in {"", call.facts.value("base")}
            case "try":
                is_done = False
            case _:
                waiting = self.proposals.open_proposals(spec)
                if waiting is None:
                    return Found.UNCLEAR
                is_done = branch in waiting
        return Found.DONE if is_done else Found.MISSING

    def undo(self, call: Call) -> StepResult:
        """Close the pull request, set the branch back, drop it."""
        spec, branch = self._spec(call.command), branch_of(call.command)
        if spec is None:
            return _UNKNOWN
        match call.step.partition(":")[0]:
            case "branch":
                return self.packages.drop_branch(spec, branch)
            case "regenerate":
                return self.packages.reset_branch(spec, branch, call.facts.value("base"))
            case "try":
                return StepResult(StepStatus.OK, _TRIED)
            case _:
                return self.proposals.close(spec, branch)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the tool whether lock and manifest fit on the branch, or make a clean install of it."""
        spec = self._spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        head = self.packages.head_of(spec, branch_of(command))
        source = "tool" if factor == "lock_in_step" else "sandbox"
        if head in {"", facts.value("base")}:
            return Answer(False, source, "the branch holds no new lock file", settled=True)
        if factor == "lock_in_step":
            return Answer(self.packages.in_step(spec, head) is True, source, f"commit {head[:12]}")
        tried = self.packages.try_install(spec, head)
        return Answer(tried.status is StepStatus.OK, source, tried.detail)

    def _spec(self, command: HealingCommand) -> LockfileSpec | None:
        return self.services.repository_of(command.target)


def branch_of(command: HealingCommand) -> str:
    """Return the branch of a run: the same for every worker that carries it out."""
    return f"{BRANCHES}lockfile-{id_of(command)[:12]}"
