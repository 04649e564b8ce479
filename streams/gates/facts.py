"""Everything that the gates may read of one incident, gathered before the first is asked; kept whole in a decision's inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from schemas.decisions import GateVerdict, Oversight, Tier, Verdict
from schemas.events import Provenance
from schemas.incidents import Incident, RunRef
from schemas.oversight import RolloutLevel
from schemas.policy import RuleThen
from schemas.vocabulary import Kind, Result

AUTOMATIC_PROPOSER = "healstream"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule of the policy that holds, or that failed, which ``failure`` tells."""

    rule: str
    then: RuleThen
    reason: str
    points: float = 0.0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class GateFacts:
    """The facts of one decision; ``commands`` are the times of commands on the target inside the loop guard's window."""

    kind: Kind
    confidence: float
    complete: bool
    abstained: bool
    result: Result | None
    provenance: Provenance
    run: RunRef | None
    target: str
    opened_by: str
    attempt: int
    strategy: str
    level: RolloutLevel
    target_allowed: bool
    parameters_known: bool
    healing_on: bool
    confidence_needed: float
    commands: tuple[str, ...]
    loop_limit: int
    commit_reruns: int
    commit_limit: int
    failed_as: Kind | None
    forced: str
    tier: Tier
    oversight: Oversight
    may_act: bool = True
    # Where the incident's hash falls in 0..1, and below what it is the canary's.
    canary_point: float = 0.0
    canary_share: float = 1.0
    findings: tuple[Finding, ...] = ()
    held_out: bool = False
    # The pattern that shows the failure.
    cause: str = ""

    def is_asked_for(self) -> bool:
        """Tell whether a person opened the incident: what then needs caution needs another person, not a refusal."""
        return self.opened_by != AUTOMATIC_PROPOSER

    def is_rerun(self) -> bool:
        """Tell whether the chosen strategy runs somebody's CI job again."""
        return self.run is not None and bool(self.strategy)


Gate = Callable[[GateFacts], GateVerdict]


def say(gate: str, verdict: Verdict, reason: str) -> GateVerdict:
    """Return a gate's word."""
    return GateVerdict(gate, verdict, reason)


def findings_in(text: str) -> tuple[Finding, ...]:
    """Return the findings of a record's input, as ``inputs_of`` wrote them."""
    return tuple(Finding(**{**row, "then": RuleThen(row["then"])}) for row in json.loads(text))


def inputs_of(facts: GateFacts, incident: Incident, thresholds: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return every fact as text, under the name by which gates read it."""
    run = facts.run
    rows = {
        "canary_point": f"{facts.canary_point:.9f}",
        "canary_share": repr(facts.canary_share),
        "cause": facts.cause,
        "abstained": str(facts.abstained).lower(),
        "commands": ",".join(facts.commands),
        "commit": run.commit if run else "",
        "commit_limit": str(facts.commit_limit),
        "commit_reruns": str(facts.commit_reruns),
        "complete": str(facts.complete).lower(),
        "confidence": f"{facts.confidence:.4f}",
        "confidence_needed": f"{facts.confidence_needed:.4f}",
        "failed_as": facts.failed_as.value if facts.failed_as else "",
        "findings": json.dumps([asdict(row) for row in facts.findings], sort_keys=True),
        "forced": facts.forced,
        "held_out": str(facts.held_out).lower(),
        "healing_on": str(facts.healing_on).lower(),
        "level": facts.level.value,
        "may_act": str(facts.may_act).lower(),
        "loop_limit": str(facts.loop_limit),
        "opened_by": facts.opened_by,
        "origin": facts.provenance.origin.value,
        "oversight": facts.oversight.value,
        "parameters_known": str(facts.parameters_known).lower(),
        "reopens": incident.reopens or "",
        "result": facts.result.value if facts.result else "",
        "target_allowed": str(facts.target_allowed).lower(),
        "trigger": run.trigger if run else "",
        "trust": facts.provenance.trust.value,
    }
    return tuple(sorted({**rows, **dict(thresholds)}.items()))
