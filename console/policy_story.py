"""Why a decision was made, in lines for people: its risk, its gates, and what another policy makes of it.

Pure, for ``healstream policy explain``; everything comes from the decision's record, so what was decided last month is explained by what
was known then.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.decisions import Decision, Verdict
from schemas.policy import Policy
from streams.decision_making import redecide
from streams.rule_findings import rules_again


def story_of(decision: Decision, policy: Policy) -> Iterator[str]:
    """Yield the lines: what was decided, the points, the gates that did not agree, and what the policy makes of it now."""
    asked = f", {decision.approvals_required} to approve" if decision.approvals_required else ""
    yield f"decided     {decision.verdict}{asked}: {decision.reason}"
    yield f"plan        {decision.strategy or 'none'} on {decision.target}, attempt {decision.attempt} of {decision.max_attempts}"
    yield f"risk        {decision.risk.score:g} of 100, tier {decision.tier}"
    for factor in decision.risk.factors:
        if factor.points:
            yield f"  {factor.points:+7.2f}   {factor.name}: {factor.value}"
    for gate in decision.gates:
        if gate.verdict is not Verdict.HEAL:
            yield f"gate        {gate.name} says {gate.verdict}: {gate.reason}"
    now, ruled = redecide(decision, policy), rules_again(decision, policy)
    yield f"this folder {now}{'' if now is decision.verdict else ', another verdict'}, risk {ruled.risk.score:g}"
    for finding in ruled.findings:
        told = f"failed: {finding.failure}" if finding.failure else f"holds: {finding.then}, {finding.reason}"
        yield f"  rule      {finding.rule} {told}"
