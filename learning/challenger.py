"""Champion and challenger as values: the challenger is scored on a lesson before it learns it; it takes over only by a person's promotion.

Called by ``streams/contest_state.py`` (one contest, kept as state) and by ``make learning`` (thirty simulated ones).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import comb

from learning.classifier import Classifier, Snapshot
from learning.learned_guess import Scored, fit_naming, guess_kind, likeliest
from schemas.vocabulary import Group, Kind, group_of

MIN_EXAMPLES = 40
# Ville's inequality: a challenger that is no better reaches this evidence in at most one of twenty contests, however often one looks.
ENOUGH_EVIDENCE = 20.0
MEMORY = 300
MAX_SCORED = 300
MAX_TOUCHED = 4096
REPLAYS = 4
_REFIT = 10
_MOST_BALANCE = 2.0
# A multiplier without a common factor with any memory's size walks over all of it in an order that no teacher chooses.
_STRIDE = 7919


@dataclass(frozen=True, slots=True)
class Lesson:
    """One labelled failure: ``said`` is what patterns named, None where no pattern spoke and only a model can; ``weight`` in 0..1."""

    features: Mapping[int, float]
    kind: Kind
    said: Kind | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Prequential:
    """Counts of test-then-learn: only the examples on which the two disagree tell them apart."""

    seen: int = 0
    champion_right: int = 0
    challenger_right: int = 0
    only_champion: int = 0
    only_challenger: int = 0

    def add(self, champion: int, challenger: int) -> Prequential:
        """Return the counts with one more example; 1 is a right kind, 0 none, -1 a wrong one: silence beats a wrong name."""
        return Prequential(
            self.seen + 1,
            self.champion_right + (champion > 0),
            self.challenger_right + (challenger > 0),
            self.only_champion + (champion > challenger),
            self.only_challenger + (challenger > champion),
        )

    def evidence(self) -> float:
        """Return how many times likelier the disagreements are under some advantage of the challenger than under none.

        The mean over all chances between a half and one: valid at every look, unlike a test that is repeated until it passes.
        """
        n, wins = self.only_challenger + self.only_champion, self.only_challenger
        return sum(comb(n + 1, smaller) for smaller in range(wins + 1)) / ((n + 1) * comb(n, wins))


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
    """The acting champion, the shadow challenger, what the challenger has learned since, and how both did.

    ``touched`` holds the features whose weights differ from the champion's, the longest untouched first; ``memory`` the newest lessons
    (a ring, ``taught`` counts them all); ``scored`` the newest guesses on what no pattern explains.
    """

    champion: Classifier
    challenger: Classifier
    counts: Prequential = Prequential()
    taught: int = 0
    groups: dict[Group, int] = field(default_factory=dict)
    touched: dict[int, None] = field(default_factory=dict)
    memory: list[Lesson] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)

    def learn(self, lesson: Lesson) -> None:
        """Score both on a lesson, then let the challenger learn it and some of the memory; the champion never learns."""
        guesses = self.challenger.predict(lesson.features)
        ahead = _score(self.challenger, guesses, lesson)
        behind = _score(self.champion, self.champion.predict(lesson.features) if self.champion.naming else {}, lesson)
        self.counts = self.counts.add(behind, ahead)
        if lesson.said is None:
            guessed = likeliest(guesses, self.challenger.familiarity(lesson.features))
            self.scored = [*self.scored, Scored(*guessed, lesson.kind)][-MAX_SCORED:]
        group = group_of(lesson.kind)
        self.groups[group] = self.groups.get(group, 0) + 1
        places = [(self.taught * REPLAYS + number) * _STRIDE for number in range(min(REPLAYS, len(self.memory)))]
        self._teach([lesson, *(self.memory[place % len(self.memory)] for place in places)])
        self._keep(lesson)
        if lesson.said is None and len(self.scored) % _REFIT == 0:
            self.challenger.naming = fit_naming(self.scored)

    def _teach(self, lessons: Sequence[Lesson]) -> None:
        # The rarer group's lessons weigh more, so that a flood of one group does not drown the other.
        mean = sum(self.groups.values()) / len(self.groups)
        for lesson in lessons:
            balance = min(mean / self.groups.get(group_of(lesson.kind), 1), _MOST_BALANCE)
            self.challenger.learn(lesson.features, lesson.kind, lesson.weight * balance)
        moved = dict.fromkeys(index for lesson in lessons for index in lesson.features)
        self.challenger.round_weights(moved)
        for index in moved:
            self.touched.pop(index, None)
        self.touched |= moved
        while len(self.touched) > MAX_TOUCHED:
            oldest = next(iter(self.touched))
            del self.touched[oldest]
            self.challenger.put_weights(oldest, self.champion.weights_at(oldest))

    def _keep(self, lesson: Lesson) -> None:
        if len(self.memory) < MEMORY:
            self.memory.append(lesson)
        else:
            self.memory[self.taught % MEMORY] = lesson
        self.taught += 1


def _score(classifier: Classifier, guesses: Mapping[Kind, float], lesson: Lesson) -> int:
    """Return 1 when recognition with this model would name the label, -1 another kind, 0 none."""
    has_guess = lesson.said is None and classifier.naming is not None
    guess = guess_kind(classifier.naming, guesses, classifier.familiarity(lesson.features)) if has_guess else None
    named = guess.kind if guess else lesson.said
    return 0 if named is None else 1 if named is lesson.kind else -1


def propose_promotion(contest: Contest, min_examples: int = MIN_EXAMPLES) -> PromotionProposal | None:
    """Return a proposal when the challenger is better over enough examples, by evidence that holds at every look; else None."""
    counts = contest.counts
    evidence = counts.evidence()
    if counts.seen < min_examples or evidence < ENOUGH_EVIDENCE:
        return None
    margin = (counts.challenger_right - counts.champion_right) / counts.seen
    right = f"right on {counts.challenger_right} of {counts.seen}, the champion on {counts.champion_right}"
    apart = counts.only_challenger + counts.only_champion
    reason = f"{right}; evidence {evidence:.3g} over {apart} disagreements, {ENOUGH_EVIDENCE:g} asked"
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
    return begin_contest(proposal.snapshot, contest.memory, contest.scored)


def begin_contest(snapshot: Snapshot, memory: Sequence[Lesson] = (), scored: Sequence[Scored] = ()) -> Contest:
    """Return a new contest whose challenger begins as its champion; what may be trusted of the last one is handed on."""
    groups: dict[Group, int] = {}
    for lesson in memory:
        groups[group_of(lesson.kind)] = groups.get(group_of(lesson.kind), 0) + 1
    champion = Classifier.from_snapshot(snapshot)
    contest = Contest(champion, champion.copy(), groups=groups)
    contest.memory, contest.taught, contest.scored = list(memory), len(memory), list(scored)
    return contest
