"""A choice among strategies as the text that its decision keeps: enough to choose again; written by ``streams/strategy_choice.py``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from learning.off_policy import Worth
from learning.strategy_choice import Arm, Chance, chances_of, lead_among, pick, weight_among
from schemas.decisions import Decision

INPUT = "choice"


@dataclass(frozen=True, slots=True)
class ChoiceRecord:
    """What a choice rests on: the arms, the incumbent first; who led until then and leads now; the share of the others (0..1); the draw."""

    arms: tuple[Arm, ...]
    led: str
    leads: str
    share: float
    draw: float

    def chances(self) -> tuple[Chance, ...]:
        """Return the chance of each arm."""
        return chances_of(self.arms, self.leads, self.share)

    def text(self) -> str:
        """Return the record as text."""
        rows = [[arm.strategy, arm.prior_good, arm.prior_bad, arm.worth.cases, arm.worth.rate] for arm in self.arms]
        return json.dumps(
            {"arms": rows, "draw": self.draw, "leads": self.leads, "led": self.led, "share": self.share}, separators=(",", ":")
        )


def choice_in(decision: Decision) -> ChoiceRecord | None:
    """Return the choice that a decision's inputs keep; None where there was none to make, and in decisions of earlier releases."""
    text = dict(decision.inputs).get(INPUT)
    if not text:
        return None
    plain = json.loads(text)
    arms = tuple(Arm(name, good, bad, Worth(cases, rate)) for name, good, bad, cases, rate in plain["arms"])
    return ChoiceRecord(arms, plain["led"], plain["leads"], plain["share"], plain["draw"])


def case_weight(decision: Decision, record: ChoiceRecord) -> float:
    """Return what the decision's case weighs among those of its strategy."""
    chances = [Chance(row.strategy, row.propensity) for row in decision.candidates if row.strategy in {arm.strategy for arm in record.arms}]
    return weight_among(chances, decision.strategy, record.leads, record.share)


def leader_of(arms: tuple[Arm, ...], led: str) -> str:
    """Return who leads by the evidence."""
    return lead_among(arms, led) if len(arms) > 1 else arms[0].strategy


def rechoose(decision: Decision) -> tuple[str, tuple[tuple[str, float], ...]] | None:
    """Return the strategy and the chances that a decision's record gives by itself."""
    record = choice_in(decision)
    if record is None:
        return None
    chances = replace(record, leads=leader_of(record.arms, record.led)).chances()
    return pick(chances, record.draw).strategy, tuple((chance.strategy, chance.propensity) for chance in chances)
