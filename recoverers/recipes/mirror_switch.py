"""Let a failed job fetch its packages from the next mirror, prove that it answers, and run the job again. Heals ``job:*``.

Two strategies: ``mirror_switch`` is for a job that was run again in vain; ``lists_refresh`` is for apt's lists that do not fit their
mirror, which are waited for and removed before. The setting comes back byte for byte when that does not hold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from recoverers.checked_out import heads_in
from recoverers.healable import healable
from recoverers.host_ports import IndexPort
from recoverers.job_attempts import STAYS, STEP, JobAttempts, attempt_before, facts_of
from recoverers.ports import Answer, Call, Facts, Found, Traits
from schemas.attempts import StepResult, StepStatus
from schemas.decisions import HealingCommand
from schemas.services import Services
from schemas.targets.index import IndexSpec, IndexTool, MirrorChange
from schemas.targets.spec import spec_for

_OK = StepResult(StepStatus.OK)
_UNKNOWN = StepResult(StepStatus.FAILED, "target_unknown")
_WAITED = "waited for the mirror to settle"
_KEEPS = (
    ("rerun", STAYS),
    ("wait", "it only waits"),
    ("clean", "the tool fetches its lists again by whatever its setting says"),
    ("ask", "it fetches what any use of the tool fetches"),
)
SWITCH_TRAITS = Traits("mirror_switch", 1, 1800.0, keeps=_KEEPS)
LISTS_TRAITS = Traits("lists_refresh", 1, 1800.0, keeps=_KEEPS)


@dataclass(frozen=True, slots=True)
class MirrorSwitch:
    """Both recipes over the package indexes of the service catalogue; ``traits`` say which of the two it is."""

    services: Services
    indexes: IndexPort
    attempts: JobAttempts
    traits: Traits

    def gather(self, command: HealingCommand) -> Facts:
        """Read how the job ended, and which mirror its setting names."""
        spec = healable(self._index(command))
        if isinstance(spec, Facts):
            return spec
        seen = facts_of(self.attempts.newest(command))
        if seen.refusal or seen.healthy:
            return seen
        setting = self.indexes.setting(spec)
        if setting is None or not setting.mirrors:
            return Facts(refusal="index_unreadable")
        failed = str(dict(command.parameters).get("mirror", setting.mirrors[0]))
        # Another job's recovery may have switched it already; then this job only has to be run again.
        is_there = failed in spec.mirrors and failed in setting.mirrors
        to = spec.next_after(failed) if is_there else ""
        return replace(seen, values=(*seen.values, ("mirror", failed), ("to", to), ("sha256", setting.sha256)))

    def plan(self, command: HealingCommand, facts: Facts) -> tuple[str, ...] | None:
        """Switch, ask, re-run; lists are waited for and removed before."""
        spec = self._index(command)
        if spec is None or not self.attempts.may_run_again(command, facts):
            return None
        verbs = ["wait", "clean"] if self.traits is LISTS_TRAITS else []
        verbs += ["switch"] if facts.value("to") else []
        return (*(f"{verb}:{spec.name}" for verb in (*verbs, "ask")), STEP)

    def pre_image(self, call: Call) -> str:
        """Return the attempt before the act, or the hash of the setting's file; the switch itself keeps its copy, under its key."""
        return attempt_before(call) if call.step == STEP else json.dumps({"sha256": call.facts.value("sha256")})

    def act(self, call: Call) -> StepResult:
        """Make one attempt of the step."""
        spec = self._index(call.command)
        if spec is None:
            return _UNKNOWN
        match call.step.partition(":")[0]:
            case "wait":
                wait_s = float(str(dict(call.command.bounds).get("wait_s", 30.0)))
                return _OK if call.said == _WAITED else StepResult(StepStatus.PENDING, _WAITED, wait_s)
            case "clean":
                return self.indexes.clean(spec, call.key)
            case "switch":
                return self.indexes.switch(spec, _change_in(call.facts), call.key)
            case "ask":
                return self.indexes.ask(spec)
            case _:
                return self.attempts.rerun(call)

    def probe(self, call: Call) -> Found:
        """Compare the setting's file with both hashes, or the attempt; everything else may be begun again."""
        spec = self._index(call.command)
        if spec is None:
            return Found.UNCLEAR
        if call.step == STEP:
            return self.attempts.probe(call)
        if not call.step.startswith("switch:"):
            return Found.MISSING
        if self.indexes.has_switched(spec, _change_in(call.facts), call.key):
            return Found.DONE
        setting = self.indexes.setting(spec)
        is_as_before = setting is not None and setting.sha256 == call.facts.value("sha256")
        return Found.MISSING if is_as_before else Found.UNCLEAR

    def undo(self, call: Call) -> StepResult:
        """Put the setting back; a job that ran and lists that were fetched have nothing to take back."""
        spec = self._index(call.command)
        if spec is None:
            return _UNKNOWN
        is_switch = call.step.startswith("switch:")
        return self.indexes.put_back(spec, _change_in(call.facts), call.key) if is_switch else StepResult(StepStatus.OK, _why(call.step))

    def check(self, command: HealingCommand, facts: Facts, factor: str) -> Answer:
        """Ask the new attempt's conclusion or its log, or let the tool ask the index once more."""
        spec = self._index(command)
        if spec is None:
            return Answer(False, "catalogue", "target_unknown", settled=True)
        if factor != "index_answers":
            seen = self.attempts.check(command, facts, factor)
            is_clone = seen.passed and spec.tool is IndexTool.GIT and factor == "log_without_pattern"
            return self._head(command, facts, seen) if is_clone else seen
        setting = self.indexes.setting(spec)
        if setting is None or (facts.value("to") and facts.value("to") not in setting.mirrors):
            return Answer(False, "tool", "the setting does not name the mirror any more", settled=True)
        # Factors are asked again and again; an index is not to be asked all the time that a job takes.
        job = self.attempts.after(command, facts)
        if job is None or not job.conclusion:
            return Answer(False, "tool", "asked when the job has ended")
        said = self.indexes.ask(spec)
        return Answer(said.status is StepStatus.OK, "tool", said.detail)

    def _head(self, command: HealingCommand, facts: Facts, said: Answer) -> Answer:
        """Believe no attempt whose log shows that it checked out another commit than the one that failed."""
        job = self.attempts.after(command, facts)
        log = self.attempts.ci.log(command.target, job.job_id) if job else None
        if log is None:
            return Answer(False, said.source, "the log cannot be read")
        wanted, heads = facts.value("commit"), heads_in(log)
        others = sorted(head for head in heads if not wanted.startswith(head))
        if wanted and others:
            return Answer(False, said.source, f"HEAD was {others[0]}, not {wanted}", settled=True)
        return replace(said, detail=f"{said.detail}, HEAD was {wanted}") if heads else said

    def _index(self, command: HealingCommand) -> IndexSpec | None:
        """Return the setting that the command names; without a name the only one that the job reads."""
        name = dict(command.parameters).get("index")
        read = [spec for spec in self.services.indexes if spec.serves(command.target)]
        if name is not None:
            return spec_for(f"index:{name}", read)
        return read[0] if len(read) == 1 else None


def _change_in(facts: Facts) -> MirrorChange:
    return MirrorChange(facts.value("mirror"), facts.value("to"), facts.value("sha256"))


def _why(step: str) -> str:
    return dict(_KEEPS)[step.partition(":")[0]]
