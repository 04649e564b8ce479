"""How each pattern does, from runs that it hit and words on what it said: dead, over-broad, overlapping, and how often right.

Pure: called by ``healstream pattern audit`` with what ``console/pattern_evidence.py`` makes of the topics or of stored logs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from math import sqrt

from learning.patterns.model import Pattern
from schemas.vocabulary import Group, Kind, group_of

_Z = 1.96
# Fewer lines than this that two patterns share are chance.
MIN_LINES = 5
# One or two wrong verdicts condemn nobody.
MIN_WORDS = 3
# A log with more patterns on one line than this is a list of errors, not a failure.
MAX_ON_A_LINE = 20


@dataclass(frozen=True, slots=True)
class RunSeen:
    """One run: its true kind (unknown when nobody knows it), and the lines that each pattern hit; line 0 where only the hit is known."""

    id: str
    kind: Kind
    lines: Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Word:
    """One incident that a pattern decided: whether its kind was right, and whether what was done about it was verified as healed.

    None: nobody said, nothing was done.
    """

    pattern: str
    is_right: bool | None = None
    is_healed: bool | None = None


@dataclass(frozen=True, slots=True)
class AuditRules:
    """Where a finding begins.

    ``green_share``: the share (0..1) of successful runs that a pattern may hit. ``green_least``: fewer green hits are chance.
    ``foreign_kinds``: so many kinds of failure that have nothing to do with its own are too many. ``overlap``: the share (0..1) of
    lines from which two patterns are the same. ``precision``: the share of right verdicts that is asked; below it a person asked is
    better than the pattern. ``hints`` are ids of those that explain nothing by themselves: patterns share their lines on purpose.
    """

    green_share: float = 0.1
    green_least: int = 3
    foreign_kinds: int = 3
    overlap: float = 0.9
    precision: float = 0.8
    hints: frozenset[str] = frozenset()


class Finding(StrEnum):
    """What is wrong with a pattern."""

    DEAD = "dead"
    GREEN = "hits_green_runs"
    BROAD = "many_kinds"
    SAME = "same_lines"
    INSIDE = "always_inside"
    IMPRECISE = "imprecise"
    DEMOTED = "demoted"


@dataclass(frozen=True, slots=True)
class Share:
    """``yes`` of ``n``, with Wilson's 95 % interval; without any observation everything is possible."""

    yes: int
    n: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """``narrow`` hits ``shared`` of its ``lines`` where ``wide`` hits too; ``is_same`` when the reverse holds as well."""

    narrow: str
    wide: str
    shared: int
    lines: int
    is_same: bool


@dataclass(frozen=True, slots=True)
class PatternCare:
    """One pattern's row: runs hit by their group, the kinds of failure that are foreign to it, and its two shares.

    ``precision`` counts words on its kind, ``healed`` verified ends of what was done; ``overlaps`` names the patterns that hit the same.
    """

    pattern: str
    kind: Kind
    failed: int
    green: int
    foreign: tuple[Kind, ...]
    precision: Share
    healed: Share
    overlaps: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class PatternAudit:
    """The report: a row for each pattern, the overlaps, and how much was looked at."""

    rows: tuple[PatternCare, ...]
    overlaps: tuple[Overlap, ...]
    runs: int
    greens: int


def wilson(yes: int, n: int) -> Share:
    """Return a share with its 95 % interval (Wilson, 1927), which holds for few observations too."""
    if not n:
        return Share(0, 0, 0.0, 1.0)
    share, square = yes / n, _Z * _Z
    middle = share + square / (2 * n)
    reach = _Z * sqrt(share * (1 - share) / n + square / (4 * n * n))
    low, high = (middle - reach) / (1 + square / n), (middle + reach) / (1 + square / n)
    # Where all or none agree the bound is the share itself, which rounding may miss.
    return Share(yes, n, 0.0 if yes == 0 else round(low, 4), 1.0 if yes == n else round(high, 4))


def audit_patterns(
    patterns: Sequence[Pattern],
    runs: Sequence[RunSeen],
    words: Sequence[Word],
    is_related: Callable[[Kind, Kind], bool],
    rules: AuditRules,
    demoted: frozenset[str] = frozenset(),
) -> PatternAudit:
    """Return the report; ``is_related`` tells whether one kind explains the other, so that seeing both is no sign of breadth."""
    greens = sum(map(_is_green, runs))
    overlaps = tuple(find_overlaps(runs, rules))
    hit: dict[str, list[RunSeen]] = defaultdict(list)
    for run in runs:
        for name in run.lines:
            hit[name].append(run)
    said: dict[str, list[Word]] = defaultdict(list)
    for word in words:
        said[word.pattern].append(word)
    beside = _beside(overlaps)
    rows = []
    for pattern in patterns:
        found = hit[pattern.id]
        failed = [run for run in found if not _is_green(run)]
        foreign = {run.kind for run in failed if run.kind is not Kind.UNKNOWN and not is_related(run.kind, pattern.kind)}
        row = PatternCare(
            pattern=pattern.id,
            kind=pattern.kind,
            failed=len(failed),
            green=len(found) - len(failed),
            foreign=tuple(sorted(foreign - {pattern.kind})),
            precision=_share([word.is_right for word in said[pattern.id]]),
            healed=_share([word.is_healed for word in said[pattern.id]]),
            overlaps=tuple(sorted(beside[pattern.id])),
            findings=(),
        )
        rows.append(_judged(row, overlaps, greens, rules, is_demoted=pattern.id in demoted))
    return PatternAudit(tuple(rows), overlaps, len(runs), greens)


def find_overlaps(runs: Sequence[RunSeen], rules: AuditRules) -> Iterator[Overlap]:
    """Yield the pairs of patterns of which one hits hardly a line that the other does not hit too."""
    alone: Counter[str] = Counter()
    both: Counter[tuple[str, str]] = Counter()
    for run in runs:
        on_line: dict[int, list[str]] = defaultdict(list)
        for name, lines in run.lines.items():
            # A line that is not known is no line that two patterns share.
            for line in lines - {0}:
                on_line[line].append(name)
        for names in on_line.values():
            alone.update(names)
            both.update(combinations(sorted(names)[:MAX_ON_A_LINE], 2))
    for (first, second), shared in sorted(both.items()):
        if len({first, second} & rules.hints) == 1:
            continue
        narrow, wide = sorted((first, second), key=lambda name: (alone[name], name))
        if shared >= MIN_LINES and shared >= rules.overlap * alone[narrow]:
            yield Overlap(narrow, wide, shared, alone[narrow], is_same=shared >= rules.overlap * alone[wide])


def _beside(overlaps: Sequence[Overlap]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for pair in overlaps:
        found[pair.narrow].add(pair.wide)
        if pair.is_same:
            found[pair.wide].add(pair.narrow)
    return found


def _is_green(run: RunSeen) -> bool:
    return group_of(run.kind) is Group.NONE


def _share(words: Sequence[bool | None]) -> Share:
    said = [word for word in words if word is not None]
    return wilson(sum(said), len(said))


def _judged(row: PatternCare, overlaps: Sequence[Overlap], greens: int, rules: AuditRules, *, is_demoted: bool) -> PatternCare:
    own = [pair for pair in overlaps if row.pattern in {pair.narrow, pair.wide}]
    is_green = row.green >= rules.green_least and (row.green > rules.green_share * greens or row.green > row.failed)
    checks = (
        (Finding.DEAD, not row.failed and not row.green),
        (Finding.GREEN, is_green),
        (Finding.BROAD, len(row.foreign) >= rules.foreign_kinds),
        (Finding.SAME, any(pair.is_same for pair in own)),
        (Finding.INSIDE, any(pair.narrow == row.pattern and not pair.is_same for pair in own)),
        (Finding.IMPRECISE, row.precision.n >= MIN_WORDS and row.precision.high < rules.precision),
        (Finding.DEMOTED, is_demoted),
    )
    return replace(row, findings=tuple(finding for finding, holds in checks if holds))
