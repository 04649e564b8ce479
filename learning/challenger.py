"""Champion and challenger as values: the challenger learns and is scored before it learns; it takes over only by a person's promotion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt

from learning.classifier import Classifier, Snapshot
from schemas.vocabulary import Kind

MIN_EXAMPLES = 100
# One-sided 95 %: the challenger must be better by more than chance would give.
_Z = 1.645


@dataclass(frozen=True, slots=True)
class Prequential:
    """Counts of test-then-learn: only the examples on which the two disagree tell them apart."""

    seen: int = 0
    champion_right: int = 0
    challenger_right: int = 0
    only_champion: int = 0
    only_challenger: int = 0

    def add(self, champion_hit: bool, challenger_hit: bool) -> Prequential:
        """Return the counts with one more example."""
        return Prequential(
            self.seen + 1,
            self.champion_right + champion_hit,
            self.challenger_right + challenger_hit,
            self.only_champion + (champion_hit and not challenger_hit),
            self.only_challenger + (challenger_hit and not champion_hit),
        )


@dataclass(frozen=True, slots=True)
class PromotionProposal:
    """The challenger is better; what a person is asked to look at."""

    snapshot: Snapshot
    counts: Prequential
    margin: float
    reason: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """A person's decision on a proposal, by checksum of what was looked at."""

    checksum: str
    by: str
    at: datetime
    accepted: bool


@dataclass(slots=True)
class Contest:
    """The acting champion, the shadow challenger and their counts."""

    champion: Classifier
    challenger: Classifier
    counts: Prequential = Prequential()

    def learn(self, features: Mapping[int, float], kind: Kind, weight: float = 1.0) -> None:
        """Score both on an example, then let the challenger learn it; the champion never learns."""
        self.counts = self.counts.add(_guess(self.champion, features) is kind, _guess(self.challenger, features) is kind)
        self.challenger.learn(features, kind, weight)


def _guess(classifier: Classifier, features: Mapping[int, float]) -> Kind:
    return max(classifier.predict(features).items(), key=lambda pair: (pair[1], pair[0]))[0]


def propose_promotion(contest: Contest, min_examples: int = MIN_EXAMPLES) -> PromotionProposal | None:
    """Return a proposal when the challenger is better over enough examples, by a sign test on the disagreements; else None."""
    counts = contest.counts
    apart = counts.only_challenger + counts.only_champion
    if counts.seen < min_examples or apart == 0:
        return None
    z = (counts.only_challenger - counts.only_champion) / sqrt(apart)
    if z < _Z:
        return None
    margin = (counts.challenger_right - counts.champion_right) / counts.seen
    right = f"right on {counts.challenger_right} of {counts.seen}, the champion on {counts.champion_right}"
    reason = f"{right}; z {z:.2f} over {apart} disagreements"
    return PromotionProposal(contest.challenger.snapshot(), counts, margin, reason)


def promote(contest: Contest, proposal: PromotionProposal, promotion: Promotion) -> Contest:
    """Return the contest after a person's decision; raises ValueError when it is about another snapshot or names nobody."""
    if promotion.checksum != proposal.snapshot["checksum"]:
        message = "the promotion is for another snapshot than the proposal"
        raise ValueError(message)
    if not promotion.by.strip():
        message = "a promotion needs a person"
        raise ValueError(message)
    if not promotion.accepted:
        return replace(contest, counts=Prequential())
    champion = Classifier.from_snapshot(proposal.snapshot)
    return Contest(champion, Classifier.from_snapshot(proposal.snapshot))
