"""The model's own guess: named only above a threshold that labels have earned, calibrated, and never a reason to act."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.recognition import load_recognizer
from learning.classification import Classification, Recognizer, classify_log
from learning.classifier import KINDS, Classifier, NamingPlain, SnapshotError
from learning.features import make_features
from learning.learned_guess import MIN_SCORED, NEVER, Naming, Scored, careful_namings, fit_naming, guess_kind
from learning.structure import structure_of
from schemas.vocabulary import Group, Kind, Result, group_of

FOLDER = Path(__file__).parents[2] / "learning" / "catalogue"
STRANGE = "fetching parts with zorbtool\nzorb: error: part 7 could not be beamed over\nzorb: error: beam lost\nmake: stopped"
RIGHT = Scored(Kind.DNS_RESOLUTION, 0.9, Kind.DNS_RESOLUTION)
ALWAYS = Naming(((0.0, 0.95), (1.0, 0.95)), 0.1, 0.1)

scored_rows = st.lists(
    st.builds(Scored, st.sampled_from(KINDS), st.floats(0.05, 1.0), st.sampled_from(KINDS)), min_size=MIN_SCORED, max_size=150
)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return load_recognizer(FOLDER)


def taught(recognizer: Recognizer, naming: Naming | None) -> Recognizer:
    """Return the recognizer with a model that was taught the strange log's kind."""
    lines = STRANGE.split("\n")
    reading = recognizer.matcher.read(STRANGE.encode())
    structure = structure_of(reading.marks, len(lines), lines, 1)
    features = make_features(reading.hits, structure.block, Result.FAILURE, structure.end)
    classifier = Classifier()
    for _ in range(30):
        classifier.learn(features, Kind.NETWORK_CONNECTIVITY)
    classifier.naming = naming
    return replace(recognizer, classifier=classifier)


def said(recognizer: Recognizer, text: str = STRANGE, result: Result | None = Result.FAILURE) -> Classification:
    return classify_log(text, result, recognizer)


def test_without_a_naming_the_model_says_nothing(recognizer: Recognizer) -> None:
    assert recognizer.classifier.naming is None
    assert said(recognizer).abstained
    assert said(taught(recognizer, None)).abstained


def test_a_promoted_model_names_what_no_pattern_explains_and_does_not_act(recognizer: Recognizer) -> None:
    found = said(taught(recognizer, ALWAYS))
    assert (found.kind, found.confidence, found.abstained) == (Kind.NETWORK_CONNECTIVITY, 0.95, False)
    assert (found.acts, found.heals, found.pattern) == (False, False, "")
    assert "the promoted model names network_connectivity" in found.reasons[0]
    assert Kind.NETWORK_CONNECTIVITY not in dict(found.alternatives)


def test_what_the_model_has_hardly_seen_is_not_named(recognizer: Recognizer) -> None:
    """Given a failure of words that were never taught, then the bias alone names nothing."""
    model = taught(recognizer, Naming(((0.0, 0.5), (1.0, 0.95)), 0.5, 0.5))
    assert not said(model).abstained
    assert said(model, "quux begins\nflurb went blank under wexle 9\nquux stops").abstained


def test_a_job_that_passed_or_states_no_failure_is_not_named(recognizer: Recognizer) -> None:
    model = taught(recognizer, ALWAYS)
    assert said(model, result=Result.SUCCESS).kind is Kind.SUCCESS
    assert said(model, result=None).abstained


def test_below_the_threshold_nothing_is_named() -> None:
    naming = Naming(((0.2, 0.4), (0.8, 0.9)), 0.2, 0.5)
    assert guess_kind(naming, {Kind.DISK_FULL: 0.4, Kind.TIMEOUT: 0.1}, 1.0) is None
    assert guess_kind(naming, {}, 1.0) is None
    assert guess_kind(naming, {Kind.DISK_FULL: 0.9}, 0.5) is None
    assert guess_kind(naming, {Kind.DISK_FULL: 0.9}, 0.85) is None
    assert guess_kind(naming, {Kind.TEST_FAILURE: 0.9}, 0.85) is not None
    found = guess_kind(naming, {Kind.DISK_FULL: 0.5}, 1.0)
    assert found is not None
    assert found.confidence == pytest.approx(0.65)


def test_too_few_labels_or_mostly_wrong_ones_give_no_naming() -> None:
    assert fit_naming([RIGHT] * (MIN_SCORED - 1)) is None
    wrong = replace(RIGHT, label=Kind.TIMEOUT)
    assert fit_naming([RIGHT, wrong, wrong] * 40) is None
    assert fit_naming([RIGHT] * MIN_SCORED) is not None


def test_the_threshold_stops_where_changes_at_fault_would_be_called_infrastructure() -> None:
    """Given sure guesses that are right and less sure ones that hide code failures, then only the sure ones are named."""
    harmful = Scored(Kind.DNS_RESOLUTION, 0.5, Kind.TEST_FAILURE)
    naming = fit_naming([RIGHT] * 60 + [harmful] * 30)
    assert naming is not None
    assert naming.infra == pytest.approx(0.9)
    assert naming.code == NEVER


def test_the_confidence_is_the_share_that_was_right() -> None:
    rows = [Scored(Kind.TIMEOUT, 0.3, Kind.TIMEOUT if n % 2 else Kind.DISK_FULL) for n in range(200)]
    naming = fit_naming([*rows, *[RIGHT] * 200])
    assert naming is not None
    assert naming.confidence(0.3) == pytest.approx(0.5, abs=0.05)
    assert naming.confidence(0.9) == pytest.approx(0.98, abs=0.03)


@given(scored_rows)
def test_whatever_was_scored_the_knots_rise_and_stay_shares(rows: list[Scored]) -> None:
    naming = fit_naming(rows)
    if naming is None:
        return
    assert list(naming.knots) == sorted(naming.knots)
    assert [right for _, right in naming.knots] == sorted(right for _, right in naming.knots)
    assert all(0.0 < naming.confidence(share / 20) < 1.0 for share in range(21))
    named = [row for row in rows if row.share >= naming.threshold(row.guess) and group_of(row.guess) is Group.INFRA]
    assert sum(row.is_harm for row in named) <= 0.02 * len(named)


def test_more_careful_namings_name_less_and_less_but_never_nothing() -> None:
    first = Naming(((0.0, 0.5), (1.0, 0.9)), 0.3, 0.1)
    found = [naming for naming in careful_namings(first) if naming]
    limits = [(naming.code, naming.infra) for naming in found]
    assert found[0] is first
    assert len(set(limits)) == len(limits)
    assert all(code >= first.code and infra >= first.infra for code, infra in limits)
    # Infrastructure is given up in small steps and before code; either may be given up, but not both.
    assert limits[1] == (0.3, 0.12)
    assert {(0.3, NEVER), (NEVER, 0.1)} < set(limits)
    assert (NEVER, NEVER) not in limits
    assert list(careful_namings(None)) == [None]


def test_a_naming_travels_in_the_snapshot_under_its_checksum() -> None:
    classifier = Classifier()
    bare = classifier.snapshot()
    assert "naming" not in bare
    classifier.naming = ALWAYS
    snapshot = classifier.snapshot()
    again = Classifier.from_snapshot(json.loads(json.dumps(snapshot)))
    assert again.naming == ALWAYS
    forged = {**snapshot, "naming": NamingPlain(knots=[[0.0, 1.0]], code=0.0, infra=0.0)}
    with pytest.raises(SnapshotError, match="checksum"):
        Classifier.from_snapshot(forged)  # type: ignore[arg-type]


@pytest.mark.parametrize("knots", [[], [[0.9, 0.1], [0.1, 0.9]], [[0.5, 7.0]]])
def test_a_naming_that_is_none_is_refused(knots: list[list[float]]) -> None:
    from learning.classifier import _checksum  # noqa: PLC0415 - forging needs the sum itself

    snapshot = Classifier().snapshot()
    snapshot["naming"] = NamingPlain(knots=knots, code=0.5, infra=0.5)
    snapshot["checksum"] = _checksum(snapshot["learned"], snapshot["weights"], snapshot["naming"])
    with pytest.raises(SnapshotError, match="rising shares"):
        Classifier.from_snapshot(snapshot)
