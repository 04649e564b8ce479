"""Follow the policy's rules in CEL; what a rule cannot tell is no yes."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.decisions import GateVerdict, Oversight, Verdict
from schemas.policy import RuleThen
from streams.gates.facts import Finding, GateFacts, say

NAME = "rules"
VERDICTS: Mapping[RuleThen, Verdict] = {
    # Its points are in the score already, and the tier's gate judges that.
    RuleThen.RISK: Verdict.HEAL,
    RuleThen.ASK: Verdict.ASK,
    RuleThen.ASK_TWO: Verdict.ASK,
    RuleThen.OBSERVE: Verdict.OBSERVE,
    RuleThen.ESCALATE: Verdict.ESCALATE,
    # Not refused: the failure is real, and a person heals it by hand.
    RuleThen.NEVER: Verdict.ESCALATE,
    RuleThen.REFUSE: Verdict.REFUSE,
}
# As in ``decision_making.LADDER``: the further right, the less is done; two people are more than one.
_STRICTNESS = (RuleThen.RISK, RuleThen.ASK, RuleThen.ASK_TWO, RuleThen.OBSERVE, RuleThen.ESCALATE, RuleThen.NEVER, RuleThen.REFUSE)


def check_rules(facts: GateFacts) -> GateVerdict:
    """Return the strictest of what the rules say."""
    return judge_findings(facts.findings, facts.oversight)


def judge_findings(findings: tuple[Finding, ...], oversight: Oversight) -> GateVerdict:
    """Return the verdict of the findings; also asked by ``redecide``, with those of another policy."""
    if not findings:
        return say(NAME, Verdict.HEAL, "no rule of the policy speaks against it")
    worst = max(findings, key=_strictness)
    # A rule that cannot be evaluated may have been the one that forbids it.
    if worst.failure:
        return say(NAME, Verdict.ESCALATE, f"{worst.rule} failed: {worst.failure}")
    if worst.then is RuleThen.ASK_TWO and oversight is Oversight.SINGLE_OPERATOR:
        return say(NAME, Verdict.REFUSE, f"{worst.rule} asks two people, and there is one operator: {worst.reason}")
    return say(NAME, VERDICTS[worst.then], f"{worst.rule}: {worst.reason}")


def _strictness(finding: Finding) -> int:
    return _STRICTNESS.index(RuleThen.ESCALATE if finding.failure else finding.then)
