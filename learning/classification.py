"""The verdict on a failure: from a log's text, or from a Detection's hits and features, to a kind with confidence, reasons, or abstention.

``streams/classify.py`` calls ``classify_hits``; ``healstream classify`` and ``explain`` call ``classify_log``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from learning.calibration import Calibration, Factor
from learning.classifier import Classifier
from learning.evidence import AFTER_EXIT, LAST_WORDS, SAME_BLOCK_LINES, Candidate, Evidence, fails_by_itself, rank_candidates
from learning.features import make_features
from learning.learned_guess import LearnedGuess, guess_kind
from learning.patterns.matcher import Hit, Matcher
from learning.patterns.precedence import Precedence
from learning.reading import LogRead, read_log
from learning.structure import Structure
from schemas.vocabulary import Group, Kind, Result, group_of, is_healable

# Acting on a wrong kind costs a needless re-run or hides a bug, abstaining costs a look by a person: only what is nearly certain acts.
CERTAIN = 0.78
# Below this a kind is not named at all.
NAME_THRESHOLD = 0.3
# Code evidence of this strength beside an infra kind means that the change may be at fault: nobody retries that.
_CONTRADICTION = 0.3
_RIVAL_SHARE = 0.85
_FULL_SUPPORT = 2
_UNSTATED_END_LINES = 30
_UNSTATED_NAME_LINES = 80
# The step whose own summary stands beside what it says of coverage.
_TEST_STEP = "test"
# A package manager that stops so has ended its step, whoever states it.
_ENDS_ITSELF = frozenset({Kind.LOCKFILE_MISMATCH, Kind.PACKAGE_INSTALL_FAILURE, Kind.INTEGRITY_OR_CACHE})
_PASSED_CONFIDENCE = 0.99
_MAX_ALTERNATIVES = 5


@dataclass(frozen=True, slots=True)
class Classification:
    """What is wrong and how sure that is. ``acts``: infra and identified; ``heals``: acts and the taxonomy lets a recipe try.

    ``confidence`` is the calibrated probability that the kind is right, of ``factors``.
    """

    kind: Kind
    group: Group
    confidence: float
    acts: bool
    heals: bool
    pattern: str
    line: int
    reasons: tuple[str, ...]
    alternatives: tuple[tuple[Kind, float], ...]
    abstained: bool
    features: Mapping[int, float]
    factors: Mapping[Factor, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recognizer:
    """All that classification rests on: the compiled patterns, the precedence, the model and its calibration; made once a process."""

    matcher: Matcher
    precedence: Precedence
    classifier: Classifier
    calibration: Calibration


def classify_log(text: str, result: Result | None, recognizer: Recognizer) -> Classification:
    """Classify a whole log, or its tail."""
    return classify_read(read_log(text, recognizer.matcher), result, recognizer)


def classify_read(read: LogRead, result: Result | None, recognizer: Recognizer) -> Classification:
    """Classify a log that was read before."""
    features = make_features(read.hits, read.structure.block, result, read.structure.end)
    return classify_hits(read.hits, features, result, read.structure, recognizer)


def classify_hits(
    hits: Sequence[Hit], features: Mapping[int, float], result: Result | None, structure: Structure, recognizer: Recognizer
) -> Classification:
    """Classify from what a Detection carries, when the text is gone."""
    evidence = rank_candidates(hits, structure, result, recognizer.matcher.by_id, recognizer.precedence)
    return classify_evidence(evidence, features, structure, recognizer)


def classify_evidence(evidence: Evidence, features: Mapping[int, float], structure: Structure, recognizer: Recognizer) -> Classification:
    """Classify from evidence that was ranked before: no model has a share in it, so that many models may be asked of one ranking."""
    if evidence.passed:
        reasons = ("the job succeeded: what its text says is not a failure",)
        return Classification(Kind.SUCCESS, Group.NONE, _PASSED_CONFIDENCE, False, False, "", 0, reasons, (), False, features)
    guesses = recognizer.classifier.predict(features)
    best = evidence.candidates[0] if evidence.candidates else None
    if is_left_to_model(evidence, recognizer):
        model = recognizer.classifier
        learned = guess_kind(model.naming, guesses, model.familiarity(features))
        if learned is not None:
            return _name_learned(learned, guesses, features)
    if best is None or best.score < NAME_THRESHOLD:
        return _abstain(evidence, guesses, features)
    if not evidence.failed and _looks_overcome(best, structure, recognizer.matcher.by_id[best.pattern].anchors.step):
        return _abstain(evidence, guesses, features)
    factors = _factors(evidence, guesses)
    confidence = recognizer.calibration.confidence(factors)
    doubt = _doubt(best, evidence, structure, is_transient=recognizer.matcher.by_id[best.pattern].transient)
    # Patterns alone decide what acts: whatever a model was taught, the acted set stays the same.
    unswayed = recognizer.calibration.confidence({**factors, Factor.AGREED: 1.0})
    is_sure = _certainty(evidence) >= CERTAIN and unswayed >= recognizer.calibration.act_threshold
    acts = group_of(best.kind) is Group.INFRA and is_sure and not doubt
    reasons = (*best.reasons, recognizer.calibration.reason(factors), *((doubt,) if doubt else ()))
    return Classification(
        kind=best.kind,
        group=group_of(best.kind),
        confidence=confidence,
        acts=acts,
        heals=acts and is_healable(best.kind),
        pattern=best.pattern,
        line=best.line,
        reasons=reasons,
        alternatives=tuple((candidate.kind, round(candidate.score, 4)) for candidate in evidence.candidates[1 : _MAX_ALTERNATIVES + 1]),
        abstained=False,
        features=features,
        factors=factors,
    )


def is_left_to_model(evidence: Evidence, recognizer: Recognizer) -> bool:
    """Tell whether a promoted model is asked first: of a failure that no pattern names, or only a hint; only there can it change a kind.

    It has seen such failures, a hint only knows words.
    """
    if evidence.passed or not evidence.failed:
        return False
    best = evidence.candidates[0] if evidence.candidates else None
    return best is None or best.score < NAME_THRESHOLD or recognizer.matcher.by_id[best.pattern].is_hint


def tools_of(recognizer: Recognizer) -> dict[str, str]:
    """Return the tool of each pattern by the pattern's id; "" where it is of none."""
    return {pattern.id: pattern.anchors.tool for pattern in recognizer.matcher.catalogue.patterns}


def _certainty(evidence: Evidence) -> float:
    """Return how strongly patterns alone speak for the best candidate, 0..1; no model has a share in it."""
    best = evidence.candidates[0]
    rival = _rival_share(evidence)
    # A rival costs by the square of its strength: a far weaker one is noise, an equal one halves the certainty.
    return best.score * (1.0 - 0.5 * rival * rival)


def _rival_share(evidence: Evidence) -> float:
    best, *others = evidence.candidates
    return others[0].score / best.score if others else 0.0


def _factors(evidence: Evidence, guesses: Mapping[Kind, float]) -> dict[Factor, float]:
    best, *others = evidence.candidates
    rival = _rival_share(evidence)
    top = max(guesses.values(), default=0.0)
    disputed = group_of(best.kind) is Group.INFRA and any(
        group_of(other.kind) is Group.CODE and other.score >= _CONTRADICTION for other in others
    )
    return {
        Factor.SCORE: best.score,
        Factor.UNRIVALLED: 1.0 - rival * rival,
        Factor.AGREED: guesses.get(best.kind, 0.0) / top if top else 0.0,
        Factor.STATED: float(evidence.failed),
        Factor.UNDISPUTED: 0.0 if disputed else 1.0,
        Factor.SUPPORTED: min(best.support, _FULL_SUPPORT) / _FULL_SUPPORT,
    }


def _doubt(best: Candidate, evidence: Evidence, structure: Structure, *, is_transient: bool) -> str:
    """Say what speaks against acting on the best candidate, or return the empty string."""
    for other in evidence.candidates[1:]:
        if group_of(other.kind) is Group.CODE and other.score >= _CONTRADICTION:
            return f"does not act: {other.kind} in line {other.line} may be the change's own fault"
        if fails_by_itself(other, best) or _went_on_and_failed(other, best):
            return f"does not act: {other.kind} in line {other.last_line} stands by itself"
        if other.score >= _RIVAL_SHARE * best.score:
            return f"does not act: {other.kind} in line {other.line} is nearly as likely"
    # A summary that passed after the error outweighs what only the text says of a failure.
    if structure.soft_pass > best.line and not evidence.told:
        return f"does not act: line {structure.soft_pass} says that the work passed"
    if evidence.failed:
        # Where an error was tolerated or mended, whatever failed later is not known.
        went_past = best.kind not in LAST_WORDS and structure.went_past(best.last_line)
        return "does not act: the job went on after it" if went_past else ""
    # Without a stated failure only what a re-run may mend, at the very end, is enough to act on.
    if structure.end - best.line > _UNSTATED_END_LINES or not (is_transient or best.kind in _ENDS_ITSELF):
        return "does not act: nothing says that the job failed"
    return ""


def _looks_overcome(best: Candidate, structure: Structure, step: str) -> bool:
    """Tell whether work went on, or passed, after an error in a log that states no failure: a successful job looks just so."""
    # A test run's own summary stands beside what it says of failed suites and of coverage.
    room = SAME_BLOCK_LINES if best.kind is Kind.TEST_FAILURE or step == _TEST_STEP else 0
    if structure.soft_pass > best.last_line + room or structure.went_on > best.last_line:
        return True
    # Tests and compilers print much after their failure, and what runs after it may fetch what it needs.
    if group_of(best.kind) is Group.INFRA and (structure.fetched > best.last_line or structure.went_past(best.last_line)):
        return True
    if best.kind is Kind.LINT_OR_POLICY and _was_let_pass(best, structure, room):
        return True
    return structure.end - best.line > _UNSTATED_NAME_LINES


def _was_let_pass(best: Candidate, structure: Structure, room: int) -> bool:
    """Tell whether a checker's findings did no harm: it prints the same when it was told to pass, but only then does work follow it."""
    return 0 < structure.tolerated < best.first_line or structure.work_after(best.last_line + room) > 0


def _went_on_and_failed(code: Candidate, best: Candidate) -> bool:
    """Tell whether tests ran on, or a compiler got further, after what is said to be the cause: then it may only have been printed."""
    # A printed verdict must not silence what comes after it, so its penalty is allowed for.
    if group_of(code.kind) is not Group.CODE or code.alone < _CONTRADICTION * AFTER_EXIT:
        return False
    return code.last_line > best.line + (0 if code.kind is Kind.TEST_FAILURE else SAME_BLOCK_LINES)


def _name_learned(learned: LearnedGuess, guesses: Mapping[Kind, float], features: Mapping[int, float]) -> Classification:
    """Name what only a promoted model knows; it never acts, so that no label and no text can make it act."""
    ranked = _ranked(guesses, without=learned.kind)
    group = group_of(learned.kind)
    return Classification(learned.kind, group, learned.confidence, False, False, "", 0, (learned.reason,), ranked, False, features)


def _ranked(guesses: Mapping[Kind, float], without: Kind | None = None) -> tuple[tuple[Kind, float], ...]:
    ranked = sorted((pair for pair in guesses.items() if pair[0] is not without), key=lambda pair: (-pair[1], pair[0]))
    return tuple((kind, round(share, 4)) for kind, share in ranked[:_MAX_ALTERNATIVES])


def _abstain(evidence: Evidence, guesses: Mapping[Kind, float], features: Mapping[int, float]) -> Classification:
    reasons = ("no pattern speaks strongly enough; the alternatives are the classifier's guesses",)
    said = (*reasons, *(evidence.candidates[0].reasons if evidence.candidates else ()))
    return Classification(Kind.UNKNOWN, Group.UNKNOWN, 0.0, False, False, "", 0, said, _ranked(guesses), True, features)
