"""From hits and structure to ranked candidates, each with its reasons; ``classification.py`` decides on them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp

from learning.patterns.matcher import Hit
from learning.patterns.model import Pattern
from learning.patterns.precedence import Precedence
from learning.structure import Structure, Verdict
from schemas.vocabulary import Group, Kind, Result, group_of

# Lines before the end at which a hit has lost most of what its position adds.
_REACH_LINES = 120.0
_FLOOR = 0.55
_NEAR_END_LINES = 40
AFTER_EXIT = 0.25
_PASSED_BEFORE = 0.35
_NOT_NEAR_END = 0.2
_OVERCOME = 0.1
_RETRY_ROOM_LINES = 1
_OVERCOME_LATER = 0.32
_SUPPRESSED = 0.15
_WEAK_CAUSE = 0.4
# What is said so much less clearly than a fault of the code is not its cause.
_LEAST_CAUSE = 0.72
# Where a pattern speaks as clearly as this, hints are not asked.
_HEARD = 0.3
_EXTRA_PATTERN = 0.03
SAME_BLOCK_LINES = 5
# A compiler or a linter that speaks as clearly as this has failed by itself.
_STRONG_CODE = 0.5
_WENT_PAST = 0.3
_CLEAR_CODE = 0.6
_SURE_CODE = 0.8
_NEXT_LINE = 1
_BREAKS_ANYTHING = frozenset({Kind.DISK_FULL, Kind.OUT_OF_MEMORY})
# What an upload or a report at the end of a script may meet after the code has failed.
_OF_A_TRANSFER = frozenset(
    {
        Kind.NETWORK_CONNECTIVITY,
        Kind.DNS_RESOLUTION,
        Kind.TLS_CERTIFICATE,
        Kind.REMOTE_SERVICE_ERROR,
        Kind.RATE_LIMITED,
        Kind.AUTH_CREDENTIALS,
        Kind.SERVICE_UNAVAILABLE,
    }
)
# Why a connection fails, where its line says more than that it failed.
_OF_A_CONNECTION = frozenset({Kind.DNS_RESOLUTION, Kind.TLS_CERTIFICATE, Kind.SERVICE_UNAVAILABLE})
_OWN_FAULTS = frozenset({Kind.COMPILE_ERROR, Kind.TEST_FAILURE, Kind.LINT_OR_POLICY})
# A commit in a list of commits, and an entry of a change log.
_OF_A_CHANGE = re.compile(r"^[0-9a-f]{7,40} \w|^\s*[*•-] (?:Fix|Add|Handl|Retr|Avoid|Support|Improv|Do not|Don't|Remov|Chang|Updat)\w*\b")
# The marks of runners before a test that passed, their words behind one, a test's own name, and the line that defines or skips one.
_BEGINS_LIKE_A_TEST = re.compile(r"(?:✔|✓|√|ok \d+\b|# )|[-+ ]*@(?:pytest\.|Test\b|unittest\.)|[-+ ]*(?:it|test|describe)\(['\"]")
_NAMES_A_TEST = re.compile(r"\b(?:PASSED|SKIPPED|XFAIL)\b|::test_\w")
# A search looks at every letter; that none of these stands in a line is known many times faster.
_IN_NAMES_OF_TESTS = ("PASSED", "SKIPPED", "XFAIL", "::test_")
# What ends a whole job is printed after the failing step too, so its place after the exit line proves nothing against it.
_OF_THE_JOB = frozenset({Kind.RUNNER_LOST_OR_CANCELLED, Kind.TIMEOUT, Kind.DISK_FULL, Kind.OUT_OF_MEMORY})
# A limit or a lost runner ends whatever passed before it, so nothing that passed speaks against it.
LAST_WORDS = frozenset({Kind.TIMEOUT, Kind.RUNNER_LOST_OR_CANCELLED})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One kind that the evidence allows, with the hit that speaks loudest for it.

    ``alone`` is its score before causes push it down, ``first_line`` and ``last_line`` where its hits begin and end, ``support`` how many
    other patterns say the same.
    """

    kind: Kind
    score: float
    pattern: str
    line: int
    reasons: tuple[str, ...]
    alone: float = 0.0
    first_line: int = 0
    last_line: int = 0
    support: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What ranking has to go by; ``passed`` means that the job succeeded, whatever its text says.

    ``told`` means that the failure is known from outside the text.
    """

    candidates: tuple[Candidate, ...]
    passed: bool
    failed: bool
    told: bool = False


def has_passed(structure: Structure, result: Result | None) -> bool:
    """Tell whether the job succeeded: its conclusion decides, else the log's own last verdict."""
    if result in {Result.SUCCESS, Result.SKIP}:
        return True
    return result in {None, Result.UNKNOWN} and structure.verdict is Verdict.PASSED


def has_failed(structure: Structure, result: Result | None) -> bool:
    """Tell whether a failure of the job is stated anywhere."""
    if has_passed(structure, result):
        return False
    stated = structure.verdict is Verdict.FAILED or structure.has_stopped
    return stated or result in {Result.FAILURE, Result.ERROR, Result.TIMEOUT, Result.CANCELLATION}


def rank_candidates(
    hits: Sequence[Hit], structure: Structure, result: Result | None, patterns: Mapping[str, Pattern], precedence: Precedence
) -> Evidence:
    """Score every hit by its weight and place, keep the best a kind, and let causes push their symptoms down.

    Hints are asked only about a stated failure that nothing else explains, so they neither name a success nor contest another pattern.
    """
    last_of = {hit.pattern: hit.line for hit in sorted(hits, key=lambda hit: hit.line)}
    failed = has_failed(structure, result)
    known = [(hit, patterns[hit.pattern]) for hit in hits if hit.pattern in patterns]
    hints = [hit for hit, pattern in known if pattern.is_hint]
    spoken = [_score(hit, pattern, structure, last_of[hit.pattern]) for hit, pattern in known if not pattern.is_hint]
    spoken = _refine(spoken, hints, precedence)
    if failed and max((candidate.score for candidate in spoken), default=0.0) < _HEARD:
        spoken += [_score(hit, pattern, structure, last_of[hit.pattern]) for hit, pattern in known if pattern.is_hint]
    by_kind: dict[Kind, list[Candidate]] = defaultdict(list)
    for candidate in spoken:
        by_kind[candidate.kind].append(candidate)
    merged = [_merge(found) for found in by_kind.values()]
    ranked = sorted(_apply_precedence(_hold_back(merged), precedence), key=lambda candidate: (-candidate.score, candidate.kind))
    passed = has_passed(structure, result)
    return Evidence(tuple(ranked), passed, failed, told=not passed and result not in {None, Result.UNKNOWN})


def _score(hit: Hit, pattern: Pattern, structure: Structure, last_seen: int) -> Candidate:
    end = structure.end or last_seen
    distance = max(end - hit.line, 0)
    score = pattern.weight * (_FLOOR + (1.0 - _FLOOR) * exp(-distance / _REACH_LINES))
    reasons = [f"pattern {hit.pattern} in line {hit.line}, {distance} lines before the end"]
    for factor, reason in _penalties(hit, pattern, structure, last_seen):
        score *= factor
        reasons.append(reason)
    if structure.is_in_block(hit.line):
        reasons.append("inside the last error block")
    return Candidate(hit.kind, min(score, 0.99), hit.pattern, hit.line, tuple(reasons))


def is_of_a_test(line: str) -> bool:
    """Tell whether a line names a test, or is the report of one that passed or was skipped: its words say nothing of the job."""
    if _BEGINS_LIKE_A_TEST.match(line):
        return True
    return any(word in line for word in _IN_NAMES_OF_TESTS) and _NAMES_A_TEST.search(line) is not None


def _of_another_step(hit: Hit, structure: Structure, last_seen: int) -> list[tuple[float, str]]:
    """Weaken what was printed after the failing step, and what the step went past."""
    if structure.exit_line and hit.line > structure.exit_line and hit.kind not in _OF_THE_JOB:
        return [(AFTER_EXIT, f"after the failing step ended in line {structure.exit_line}")]
    if structure.closing and hit.line > structure.closing:
        return [(AFTER_EXIT, f"in work after line {structure.closing} that cannot fail the job")]
    if group_of(hit.kind) is Group.INFRA and hit.kind not in LAST_WORDS and structure.passed > last_seen:
        return [(_OVERCOME_LATER, f"line {structure.passed} says that work passed after it")]
    return []


def _penalties(hit: Hit, pattern: Pattern, structure: Structure, last_seen: int) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    if group_of(hit.kind) is Group.INFRA and _OF_A_CHANGE.search(hit.text):
        found.append((_OVERCOME, "in the list of changes"))
    if group_of(hit.kind) is Group.INFRA and is_of_a_test(hit.text):
        found.append((_OVERCOME, "in the line of a test that passed or was skipped"))
    found += _of_another_step(hit, structure, last_seen)
    if hit.line <= structure.begin:
        found.append((_PASSED_BEFORE, f"in a command that passed, before line {structure.begin}"))
    if pattern.anchors.near_end and structure.end - hit.line > _NEAR_END_LINES:
        found.append((_NOT_NEAR_END, "not near the end, where this pattern means something"))
    # A log that ends with the retry's announcement does not show that the retry passed.
    has_room = structure.last_retry > structure.end or structure.end - structure.last_retry > _RETRY_ROOM_LINES
    if hit.line < structure.last_retry and last_seen < structure.last_retry and has_room and not structure.gave_up:
        found.append((_OVERCOME, f"overcome by the retry in line {structure.last_retry}"))
    return found


def _merge(found: Sequence[Candidate]) -> Candidate:
    best = max(found, key=lambda candidate: (candidate.score, candidate.line))
    lines = [candidate.line for candidate in found]
    best = replace(best, alone=best.score, first_line=min(lines), last_line=max(lines))
    others = {candidate.pattern for candidate in found if candidate.score > _WEAK_CAUSE} - {best.pattern}
    if not others:
        return best
    score = min(best.score + _EXTRA_PATTERN * len(others), 0.99)
    said = f"{len(others)} other patterns of the same kind agree"
    return replace(best, score=score, alone=score, support=len(others), reasons=(*best.reasons, said))


def went_past(code: Candidate, cause: Candidate) -> bool:
    """Tell whether code failed by itself well after what may be the cause: then that was only printed, or did no harm."""
    if code.kind not in _OWN_FAULTS or group_of(cause.kind) is not Group.INFRA:
        return False
    # What follows a step that ended is weakened for it; but what ends a job cannot be followed by work.
    clear = _STRONG_CODE * (AFTER_EXIT if cause.kind in _OF_THE_JOB else 1.0)
    # A compiler that dies of its surroundings says so within a few lines of its own error.
    return code.alone >= clear and code.last_line > cause.last_line + SAME_BLOCK_LINES


def fails_by_itself(code: Candidate, cause: Candidate) -> bool:
    """Tell whether code failed so clearly, and so far from what may be the cause, that nobody may call it a mere symptom."""
    if group_of(code.kind) is not Group.CODE or code.alone < _CLEAR_CODE:
        return False
    distance = min(abs(code.line - cause.line), abs(code.last_line - cause.last_line))
    # A full disk or memory shows in the midst of what it breaks; any other cause is followed at once by its symptom.
    if cause.kind in _BREAKS_ANYTHING:
        return distance > SAME_BLOCK_LINES
    return distance > _NEXT_LINE or cause.line > code.last_line


def failed_before(code: Candidate, later: Candidate) -> bool:
    """Tell whether code had clearly failed before anything of the later failure was printed: that is not why."""
    if code.kind not in _OWN_FAULTS or later.kind not in _OF_A_TRANSFER:
        return False
    return code.alone >= _SURE_CODE and later.first_line > code.last_line


def _refine(spoken: Sequence[Candidate], hints: Sequence[Hit], precedence: Precedence) -> list[Candidate]:
    """Name why a connection failed where the very line tells it: what wraps an error prints the error behind its own words."""
    by_line: dict[int, list[Hit]] = defaultdict(list)
    for hint in hints:
        if hint.kind in _OF_A_CONNECTION:
            by_line[hint.line].append(hint)
    return [_refined(candidate, by_line.get(candidate.line, ()), precedence) for candidate in spoken]


def _refined(candidate: Candidate, hints: Sequence[Hit], precedence: Precedence) -> Candidate:
    if candidate.kind is not Kind.NETWORK_CONNECTIVITY:
        return candidate
    told = [(hint, why) for hint in hints if (why := precedence.reason((hint.pattern, hint.kind), (candidate.pattern, candidate.kind)))]
    inner = [(hint, why) for hint, why in told if not any(precedence.explains(other.kind, hint.kind) for other, _ in told)]
    if not inner:
        return candidate
    hint, why = inner[0]
    said = f"its own line tells {hint.kind} by {hint.pattern}: {why}"
    return replace(candidate, kind=hint.kind, reasons=(*candidate.reasons, said))


def _hold_back(merged: Sequence[Candidate]) -> list[Candidate]:
    """Weaken what the job went past before its code failed, and what failed only after that."""
    held = []
    for candidate in merged:
        past = next((code for code in merged if went_past(code, candidate) or failed_before(code, candidate)), None)
        if past is None:
            held.append(candidate)
            continue
        order = "was followed by" if past.last_line > candidate.line else "came only after"
        said = f"{order} {past.kind} in line {past.last_line}"
        held.append(replace(candidate, score=candidate.score * _WENT_PAST, reasons=(*candidate.reasons, said)))
    return held


def _apply_precedence(merged: Sequence[Candidate], precedence: Precedence) -> list[Candidate]:
    ranked = []
    for candidate in merged:
        symptom = (candidate.pattern, candidate.kind)
        causes = [
            (other, why)
            for other in merged
            if other.score >= _least_cause(candidate) and _may_cause(other, candidate)
            if (why := precedence.reason((other.pattern, other.kind), symptom))
        ]
        for cause, why in causes[:1]:
            candidate = replace(  # noqa: PLW2901 - the pushed-down form replaces the candidate
                candidate, score=candidate.score * _SUPPRESSED, reasons=(*candidate.reasons, f"explained by {cause.kind}: {why}")
            )
        ranked.append(candidate)
    return ranked


def _least_cause(symptom: Candidate) -> float:
    # Among hints alone the clearer word is no better proof: the cause counts.
    if symptom.score < _WEAK_CAUSE:
        return _LEAST_CAUSE * symptom.score
    return max(_WEAK_CAUSE, _LEAST_CAUSE * symptom.score) if group_of(symptom.kind) is Group.CODE else _WEAK_CAUSE


def _may_cause(cause: Candidate, symptom: Candidate) -> bool:
    # Tests that ran and failed explain only what was printed before their summary: a deployment that fails later is its own failure.
    if group_of(cause.kind) is Group.CODE and group_of(symptom.kind) is Group.INFRA:
        return symptom.line <= cause.line + 5
    return not went_past(symptom, cause)
