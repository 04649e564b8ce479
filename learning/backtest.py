"""What a pattern would have done: replayed over stored logs whose cause is known, before it may act.

Called by ``healstream pattern backtest`` and ``accept``, and by proposals. A pattern is refused that hits successful logs above its
budget, or takes logs from what says their kind rightly now; the report lists each of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from typing_extensions import override

from learning.classification import Recognizer, classify_log
from learning.patterns.loader import catalogue_of
from learning.patterns.matcher import Hit, Matcher, Reading
from learning.patterns.model import Pattern
from learning.patterns.reviewed import digest_of
from learning.silenced import silenced_in
from learning.stored_logs import StoredLog
from schemas.policy import Policy
from schemas.vocabulary import Group, Kind, group_of

MAX_LISTED = 50


@dataclass(frozen=True, slots=True)
class Budget:
    """What a pattern may do wrong, as the policy says (``trial_green_share``, ``trial_stolen``).

    ``green_share``: the share (0..1) of successful logs that it may hit. ``stolen``: how many logs it may take from a right verdict.
    """

    green_share: float
    stolen: int

    @classmethod
    def of(cls, policy: Policy) -> Budget:
        """Return what the policy allows."""
        return cls(policy.trial_green_share, policy.trial_stolen)


@dataclass(frozen=True, slots=True)
class Stolen:
    """One log that is judged rightly without the pattern and wrongly with it."""

    log: str
    was: Kind
    becomes: Kind
    by: str


@dataclass(frozen=True, slots=True)
class BackTest:
    """The report.

    ``wrong`` are failures of another kind that it hits, ``gained`` logs that only the pattern lets be judged rightly; a failure whose
    kind nobody knows counts for neither. ``silenced`` are patterns that the whole set, with this one in it, no longer finds in their own
    examples. Lists hold at most ``MAX_LISTED`` ids; ``refused`` says why it may not act, empty when nothing speaks against it.
    """

    pattern: str
    wording: str
    logs: int
    successes: int
    right: int
    green: tuple[str, ...]
    wrong: tuple[str, ...]
    stolen: tuple[Stolen, ...]
    gained: tuple[str, ...]
    refused: tuple[str, ...]
    silenced: tuple[str, ...] = ()

    def digest(self) -> str:
        """Return the name of exactly this report: 32 hex digits."""
        return hashlib.blake2b(json.dumps(asdict(self), sort_keys=True).encode(), digest_size=16).hexdigest()


class _With(Matcher):
    """A matcher that knows one pattern more, without compiling the whole set anew."""

    def __init__(self, known: Matcher, pattern: Pattern) -> None:
        super().__init__(catalogue_of((pattern,), ("tried",)))
        self._known = known
        self._tried = pattern.id
        self.by_id = {name: other for name, other in known.by_id.items() if name != pattern.id} | {pattern.id: pattern}

    @override
    def read(self, text: bytes) -> Reading:
        """Return what both see; an older wording of the pattern says nothing."""
        found = self._known.read(text)
        own = super().read(text).hits
        kept = [hit for hit in found.hits if hit.pattern != self._tried]
        return replace(found, hits=tuple(sorted((*kept, *own), key=lambda hit: (hit.line, hit.pattern))))

    def hits_of_own(self, text: bytes) -> tuple[Hit, ...]:
        """Return the hits of the one pattern."""
        return super().read(text).hits


def back_test(
    pattern: Pattern, logs: Sequence[StoredLog], recognizer: Recognizer, budget: Budget, together: Matcher | None = None
) -> BackTest:
    """Return what the pattern would have done to these logs, beside what the recognizer says without it.

    ``together`` is the whole set with the pattern in it, where that is at hand: then what it silences is looked for too.
    """
    joined = _With(recognizer.matcher, pattern)
    hit = [log for log in logs if joined.hits_of_own(log.text.encode("utf-8", "replace"))]
    green = tuple(log.id for log in hit if _is_green(log))
    failures = [log for log in hit if not _is_green(log)]
    changed = tuple(_changes(failures, recognizer, replace(recognizer, matcher=joined)))
    stolen = tuple(Stolen(log.id, was, now, by) for log, was, now, by in changed if was is log.kind)
    successes = sum(map(_is_green, logs))
    report = BackTest(
        pattern=pattern.id,
        wording=digest_of(pattern),
        logs=len(logs),
        successes=successes,
        right=sum(log.kind is pattern.kind for log in failures),
        green=green[:MAX_LISTED],
        wrong=tuple(log.id for log in failures if log.kind not in {pattern.kind, Kind.UNKNOWN})[:MAX_LISTED],
        stolen=stolen[:MAX_LISTED],
        gained=tuple(log.id for log, _, now, _ in changed if now is log.kind)[:MAX_LISTED],
        refused=(),
        silenced=silenced_in(together, pattern.id)[:MAX_LISTED] if together else (),
    )
    return replace(report, refused=tuple(_refusals(report, len(green), len(stolen), budget)))


def _is_green(log: StoredLog) -> bool:
    return group_of(log.kind) is Group.NONE


def _changes(logs: Sequence[StoredLog], before: Recognizer, after: Recognizer) -> Iterator[tuple[StoredLog, Kind, Kind, str]]:
    for log in logs:
        was, now = classify_log(log.text, log.result, before), classify_log(log.text, log.result, after)
        if was.kind is not now.kind:
            yield log, was.kind, now.kind, was.pattern


def _refusals(report: BackTest, green: int, stolen: int, budget: Budget) -> Iterator[str]:
    if green > budget.green_share * report.successes:
        yield f"it hits {green} of {report.successes} successful logs, the budget is {budget.green_share:.1%}"
    if stolen > budget.stolen:
        yield f"it takes {stolen} logs from a right verdict, the budget is {budget.stolen}"
    if report.silenced:
        yield f"it silences {', '.join(report.silenced)}: begin its expression with a fixed word, not with a sign and digits"
    if not report.successes:
        yield "there are no successful logs to try it on"
