"""The held-out logs that no promotion may make worse, on any split; asked by ``streams/contest_state.py`` before it proposes.

A guard case is never a lesson: ``guard_cases.py`` makes it of a stored log whose cause is known. What no model changes is counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from learning.classification import Recognizer, classify_evidence, is_left_to_model
from learning.classifier import Classifier
from learning.evidence import Evidence
from learning.structure import Structure
from schemas.vocabulary import Group, Kind, group_of

WHOLE = "all"


@dataclass(frozen=True, slots=True)
class GuardCase:
    """One stored log as recognition sees it, its kind, and the splits it counts in (its group and all logs come by themselves)."""

    id: str
    kind: Kind
    evidence: Evidence
    features: Mapping[int, float]
    structure: Structure
    splits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """What one model makes of one split: wrong kinds, a code failure or a success called infra, right and wrong acts."""

    n: int = 0
    wrong: int = 0
    harm: int = 0
    right_acts: int = 0
    wrong_acts: int = 0

    def is_worse_than(self, before: SplitCounts) -> bool:
        """Tell whether any count is on the bad side of what it was."""
        more = self.wrong > before.wrong or self.harm > before.harm or self.wrong_acts > before.wrong_acts
        return more or self.right_acts < before.right_acts


@dataclass(frozen=True, slots=True)
class GuardScores:
    """The counts by split, and the ids of the cases that are acted on."""

    splits: Mapping[str, SplitCounts]
    acted: frozenset[str]


class GuardSet:
    """Cases that many models are asked about: what patterns name is counted once, because no model changes its kind or whether it acts."""

    def __init__(self, cases: Sequence[GuardCase], recognizer: Recognizer) -> None:
        """Count what is the same under every model."""
        self._recognizer = recognizer
        self._open = [case for case in cases if is_left_to_model(case.evidence, recognizer)]
        settled = [case for case in cases if not is_left_to_model(case.evidence, recognizer)]
        self._settled = _count(settled, recognizer, GuardScores({}, frozenset()))

    def score(self, classifier: Classifier) -> GuardScores:
        """Return what recognition with this model makes of every split."""
        return _count(self._open, replace(self._recognizer, classifier=classifier), self._settled)


def score_guard(cases: Sequence[GuardCase], recognizer: Recognizer, classifier: Classifier) -> GuardScores:
    """Return what recognition with this model makes of every split."""
    return _count(cases, replace(recognizer, classifier=classifier), GuardScores({}, frozenset()))


def _count(cases: Sequence[GuardCase], asked: Recognizer, known: GuardScores) -> GuardScores:
    """Return the known scores with these cases added."""
    splits = dict(known.splits)
    acted = set(known.acted)
    for case in cases:
        said = classify_evidence(case.evidence, case.features, case.structure, asked)
        group = group_of(case.kind)
        # Of a success it is right to say nothing.
        right = said.kind is case.kind or (group is Group.NONE and said.kind is Kind.UNKNOWN)
        harm = said.group is Group.INFRA and group is not Group.INFRA
        if said.acts:
            acted.add(case.id)
        for name in (WHOLE, group.value, *case.splits):
            splits[name] = _add(splits.get(name, SplitCounts()), right=right, harm=harm, acts=said.acts)
    return GuardScores(splits, frozenset(acted))


def _add(counts: SplitCounts, *, right: bool, harm: bool, acts: bool) -> SplitCounts:
    return SplitCounts(
        counts.n + 1,
        counts.wrong + (not right),
        counts.harm + harm,
        counts.right_acts + (acts and right),
        counts.wrong_acts + (acts and not right),
    )


def worse_splits(before: GuardScores, after: GuardScores) -> tuple[str, ...]:
    """Return the names of the splits that the second model makes worse, in order of name."""
    none = SplitCounts()
    return tuple(name for name in sorted(after.splits) if after.splits[name].is_worse_than(before.splits.get(name, none)))


class Guard:
    """The guard of one process: its cases are read when it is first asked, its last champion's scores are kept."""

    def __init__(self, recognizer: Callable[[], Recognizer], cases: Callable[[Recognizer], Sequence[GuardCase]]) -> None:
        """Read nothing yet: most processes never ask."""
        self._recognizer, self._cases = recognizer, cases
        self._set: GuardSet | None = None
        self._champion: tuple[Classifier, GuardScores] | None = None

    def worse(self, champion: Classifier, challenger: Classifier) -> tuple[str, ...]:
        """Return the splits that the challenger would make worse than the champion has them."""
        if self._set is None:
            recognizer = self._recognizer()
            self._set = GuardSet(self._cases(recognizer), recognizer)
        if self._champion is None or self._champion[0] is not champion:
            self._champion = (champion, self._set.score(champion))
        return worse_splits(self._champion[1], self._set.score(challenger))
