"""From labels and verdicts to the figures of one split: accuracy, false positives with their bound, what acts, calibration. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scipy.stats import beta

from learning.classification import Classification
from schemas.vocabulary import Group, Kind, group_of, is_healable

BINS = 10
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Judged:
    """One log's label beside what was said of it."""

    kind: Kind
    said: Classification

    @property
    def group(self) -> Group:
        """Return the label's group."""
        return group_of(self.kind)

    @property
    def is_right(self) -> bool:
        """Tell whether the class is right: of a success, that nothing is wrong."""
        return self.said.kind is self.kind or (self.group is Group.NONE and self.said.kind is Kind.UNKNOWN)

    @property
    def is_group_right(self) -> bool:
        """Tell whether the group is right."""
        return self.is_right or group_of(self.said.kind) is self.group


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``n``; an empty one has the value ``empty``."""

    hits: int
    n: int
    empty: float = 0.0

    @property
    def value(self) -> float:
        """Return the share, 0..1."""
        return self.hits / self.n if self.n else self.empty

    @property
    def upper(self) -> float:
        """Return the one-sided upper bound at 95 % (Clopper and Pearson, 1934)."""
        return 1.0 if self.hits >= self.n else float(beta.ppf(CONFIDENCE, self.hits + 1, self.n - self.hits))

    @property
    def lower(self) -> float:
        """Return the one-sided lower bound at 95 %."""
        return 0.0 if self.hits <= 0 else float(beta.ppf(1 - CONFIDENCE, self.hits, self.n - self.hits + 1))


def share(rows: Sequence[Judged], holds: Callable[[Judged], bool], empty: float = 0.0) -> Share:
    """Return how many of the rows it holds for."""
    return Share(sum(holds(row) for row in rows), len(rows), empty)


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of one split; each share keeps its counts."""

    classes: Share
    macro_f1: float
    groups: Share
    infra_recall: Share
    seen_on_success: Share
    infra_on_success: Share
    infra_on_code: Share
    acts_right: Share
    acts_coverage: Share
    calibration_error: float
    named: int


def macro_f1(rows: Sequence[Judged]) -> float:
    """Return the mean F1 over the classes that are labelled in the split."""
    found = []
    for kind in sorted({row.kind for row in rows}):
        right = sum(row.is_right for row in rows if row.kind is kind)
        named = sum(row.is_right if row.kind is kind else row.said.kind is kind for row in rows)
        labelled = sum(row.kind is kind for row in rows)
        found.append(2 * right / (named + labelled) if named + labelled else 0.0)
    return sum(found) / len(found) if found else 0.0


def is_named(row: Judged) -> bool:
    """Tell whether a failure was named."""
    return group_of(row.said.kind) in {Group.INFRA, Group.CODE}


def calibration_error(rows: Sequence[Judged]) -> float:
    """Return the expected calibration error over ten bins of equal width, of the failures that were named."""
    named = [row for row in rows if is_named(row)]
    total = 0.0
    for number in range(BINS):
        within = [row for row in named if min(int(row.said.confidence * BINS), BINS - 1) == number]
        if within:
            confidence = sum(row.said.confidence for row in within) / len(within)
            total += len(within) / len(named) * abs(confidence - share(within, lambda row: row.is_right).value)
    return total


def scores_of(rows: Sequence[Judged]) -> Scores:
    """Return the figures of a split."""
    successes = [row for row in rows if row.group is Group.NONE]
    code = [row for row in rows if row.group is Group.CODE]
    infra = [row for row in rows if row.group is Group.INFRA]
    healable = [row for row in infra if is_healable(row.kind)]
    acting = [row for row in rows if row.said.acts]
    return Scores(
        classes=share(rows, lambda row: row.is_right),
        macro_f1=macro_f1(rows),
        groups=share(rows, lambda row: row.is_group_right),
        infra_recall=share(infra, lambda row: group_of(row.said.kind) is Group.INFRA),
        seen_on_success=share(successes, is_named),
        infra_on_success=share(successes, lambda row: group_of(row.said.kind) is Group.INFRA),
        infra_on_code=share(code, lambda row: group_of(row.said.kind) is Group.INFRA),
        acts_right=share(acting, lambda row: row.is_right, empty=1.0),
        acts_coverage=share(healable, lambda row: row.said.acts and row.is_right),
        calibration_error=calibration_error(rows),
        named=sum(is_named(row) for row in rows),
    )
