"""Put a bot's commits on top of those that were pushed before them, and push once more. Heals ``job:*`` of the catalogue's bots.

A second race, or a change of the same lines, is the end: both branches go back to where they were.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from recoverers.healable import healable
from recoverers.ports import Answer, Call, Facts, Found, Traits
from recoverers.push_port import PushPort
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.push import PushHeads, PushSpec, push_by

_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")


@dataclass(frozen=True, slots=True)
class PushRebase:
    """The recipe over the bots' clones of the service catalogue."""

    services: Services
    pushes: PushPort
    traits: Traits = Traits("push_rebase", 1, 60.0)

    def gather(self, command: HealingCommand) -> Facts:
        """Read how far the clone and its remote have gone apart."""
        spec = healable(self._spec(command))
        if isinstance(spec, Facts):
            return spec
        state = self.pushes.state(spec)
        if state is None:
            return Facts(refusal="push_unreadable")
        if state.ahead > spec.most_commits or state.has_merges:
            return Facts(refusal="push_too_large", for_people=True)
        # What the bot wanted to push is there already.
        is_there = state.ahead == 0
        values = (("ours", state.heads.ours), ("theirs", state.heads.theirs), ("behind", "yes" if state.is_behind else ""))
        return Facts(healthy=is_there, values=values)

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Rebase and push; where nothing is in the way any more, only push."""
        spec = self._spec(command)
        if spec is None or not facts.value("ours"):
            return None
        verbs = ("rebase", "push") if facts.value("behind") else ("push",)
        return tuple(f"{verb}:{spec.name}" for verb in verbs)

    def pre_image(self, call: Call) -> str:
        """Return both commits of the branch."""
        return json.dumps({"ours": call.facts.value("ours"), "theirs": call.facts.value("theirs")}, sort_keys=True)

    def act(self, call: Call) -> StepResult:
        """Make one of the two steps."""
        spec = self._spec(call.command)
        if spec is None:
            return _UNKNOWN
        if self.probe(call) is Found.DONE:
            return StepResult(StepStatus.OK)
        if _is_rebase(call):
            return self.pushes.rebase(spec, _seen(call.facts))
        heads = self.pushes.heads(spec)
        return self.pushes.push(spec, heads.ours) if heads else StepResult(StepStatus.FAILED, "the branch cannot be read")

    def probe(self, call: Call) -> Found:
        """Look where both branches are."""
        spec = self._spec(call.command)
        heads = self.pushes.heads(spec) if spec else None
        if spec is None or heads is None:
            return Found.UNCLEAR
        if not _is_rebase(call):
            return Found.DONE if heads.theirs == heads.ours else Found.MISSING
        if heads.ours == call.facts.value("ours"):
            return Found.MISSING
        # Moved, but not onto what was seen: that was somebody else.
        return Found.DONE if self.pushes.is_built_on(spec, call.facts.value("theirs")) else Found.UNCLEAR

    def undo(self, call: Call) -> StepResult:
        """Set the branch back, at the remote or in the clone."""
        spec = self._spec(call.command)
        if spec is None:
            return _UNKNOWN
        seen = _seen(call.facts)
        if _is_rebase(call):
            return self.pushes.reset(spec, seen.theirs, seen.ours)
        heads = self.pushes.heads(spec)
        if heads is None:
            # A rollback has a minute: a remote that is silent is asked again.
            return StepResult(StepStatus.UNCERTAIN, "the branch cannot be read", 1.0)
        return self.pushes.withdraw(spec, heads.ours, seen.theirs)

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Compare both branches, or look for each commit in what the remote gives out."""
        spec = self._spec(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor == "nothing_is_lost":
            carries = self.pushes.carries_all(spec, _seen(facts))
            return Answer(
                carries is True, "history", "the remote cannot be read" if carries is None else f"all commits are there: {carries}"
            )
        heads = self.pushes.heads(spec)
        if heads is None:
            return Answer(False, "remote", "the branch cannot be read")
        return Answer(heads.ours == heads.theirs, "remote", f"remote {heads.theirs[:12]}, clone {heads.ours[:12]}")

    def _spec(self, command: HealingCommand) -> PushSpec | None:
        return push_by(self.services.pushes, command.target)


def _is_rebase(call: Call) -> bool:
    return call.step.startswith("rebase:")


def _seen(facts: Facts) -> PushHeads:
    return PushHeads(facts.value("ours"), facts.value("theirs"))
