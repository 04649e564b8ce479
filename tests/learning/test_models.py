"""The model learns, its snapshot is exact data, and a challenger takes over by a person's word only."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.linear_model import SoftmaxRegression
from river.optim import SGD

from learning.challenger import (
    ENOUGH_EVIDENCE,
    MAX_TOUCHED,
    MEMORY,
    Contest,
    Lesson,
    Prequential,
    Promotion,
    PromotionProposal,
    begin_contest,
    promote,
    propose_promotion,
)
from learning.classifier import KINDS, MAX_WEIGHTS, Classifier, Snapshot, SnapshotError
from learning.softmax import LEARNING_RATE
from learning.training import model_text, train_model
from schemas.topics import MAX_RECORD_BYTES
from schemas.vocabulary import Kind
from tests.support.chance import seeded
from tests.support.shipped_patterns import CATALOGUE, shipped_matcher

_DISK = {1: 0.7, 2: 0.7}
_DNS = {3: 0.7, 4: 0.7}
_AT = datetime(2026, 1, 2, tzinfo=UTC)


def _trained() -> Classifier:
    classifier = Classifier()
    for _ in range(20):
        classifier.learn(_DISK, Kind.DISK_FULL)
        classifier.learn(_DNS, Kind.DNS_RESOLUTION)
    return classifier


def test_a_model_learns_what_it_is_taught() -> None:
    """Given examples of two kinds, then each is the likeliest for its own features and all shares sum to one."""
    guesses = _trained().predict(_DISK)
    assert max(guesses, key=lambda kind: guesses[kind]) is Kind.DISK_FULL
    assert sum(guesses.values()) == pytest.approx(1.0)
    assert set(guesses) == set(KINDS)


def test_the_shares_are_those_of_the_librarys_own_regression() -> None:
    """Given the same examples in the same order, then the shares are those that river's softmax regression gives."""
    ours, theirs = Classifier(), SoftmaxRegression(SGD(LEARNING_RATE))
    for kind in KINDS:
        theirs.weights[kind.value].update({})
    draw = seeded(3)
    for _ in range(200):
        features = {draw.randrange(60): draw.uniform(0.05, 0.9) for _ in range(9)}
        expected = theirs.predict_proba_one(features)  # type: ignore[no-untyped-call]
        assert {kind.value: share for kind, share in ours.predict(features).items()} == pytest.approx(expected)
        kind = draw.choice(KINDS)
        ours.learn(features, kind)
        theirs.learn_one(features, kind.value)  # type: ignore[no-untyped-call]


def test_a_process_that_only_classifies_loads_no_library_for_learning() -> None:
    """Given the code that classifies, when it is loaded and used in a process of its own, then river and what it needs are not there."""
    asked = (
        "import sys\nfrom learning.classifier import Classifier\nimport console.recognition\nmade = Classifier()\nmade.predict({7: 1.0})\n"
    )
    asked += (
        "Classifier.from_snapshot(made.snapshot()).familiarity({7: 1.0})\nprint({'numpy', 'scipy', 'river', 'pandas'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_a_heavier_example_moves_the_model_further() -> None:
    """Given one example of weight 2 and one of weight 1, then the first raises its kind more; weight 0 and foreign kinds teach nothing."""
    light, heavy, none = Classifier(), Classifier(), Classifier()
    light.learn(_DISK, Kind.DISK_FULL, 1.0)
    heavy.learn(_DISK, Kind.DISK_FULL, 2.0)
    none.learn(_DISK, Kind.DISK_FULL, 0.0)
    none.learn(_DISK, Kind.SUCCESS)
    assert heavy.predict(_DISK)[Kind.DISK_FULL] > light.predict(_DISK)[Kind.DISK_FULL] > none.predict(_DISK)[Kind.DISK_FULL]
    assert none.learned == 0


def test_a_snapshot_through_json_predicts_the_same() -> None:
    """Given a snapshot as text, when read back, then it says the same."""
    classifier = _trained()
    again = Classifier.from_snapshot(json.loads(json.dumps(classifier.snapshot())))
    assert again.predict(_DISK)[Kind.DISK_FULL] == pytest.approx(classifier.predict(_DISK)[Kind.DISK_FULL], abs=1e-3)
    assert again.snapshot() == classifier.snapshot()


def test_a_copy_says_the_same_and_learns_by_itself() -> None:
    """Given a copy, when it learns, then the first still says what it said."""
    classifier = _trained()
    before, copy = classifier.snapshot(), classifier.copy()
    assert copy.snapshot() == before
    copy.learn(_DISK, Kind.DNS_RESOLUTION, 2.0)
    assert copy.snapshot() != before
    assert classifier.snapshot() == before


def _changed(**changes: object) -> Snapshot:
    return cast("Snapshot", {**_trained().snapshot(), **changes})


def test_a_changed_snapshot_is_refused() -> None:
    """Given another version, or weights that the checksum does not cover, then it is refused."""
    with pytest.raises(SnapshotError, match="version"):
        Classifier.from_snapshot(_changed(version=9))
    with pytest.raises(SnapshotError, match="checksum"):
        Classifier.from_snapshot(_changed(weights={"disk_full": {"1": 9.0}}))


@pytest.mark.parametrize("weights", [{"success": {"1": 1.0}}, {"disk_full": {"99999999": 1.0}}])
def test_a_snapshot_of_what_a_model_cannot_hold_is_refused(weights: dict[str, dict[str, float]]) -> None:
    """Given a rightly summed snapshot with a foreign kind or index, then it is refused."""
    from learning.classifier import _checksum  # noqa: PLC0415 - forging needs the sum itself

    with pytest.raises(SnapshotError):
        Classifier.from_snapshot(_changed(weights=weights, checksum=_checksum(40, weights)))


@pytest.mark.unmeasured
@pytest.mark.timeout(1200)  # Half a minute of processor time, which a busy machine may stretch twentyfold.
def test_training_is_reproducible_and_the_shipped_model_is_its_result() -> None:
    """Given the shipped patterns and seed, then training gives the shipped file to the letter."""
    assert model_text(train_model(shipped_matcher(), 7).snapshot()) == (CATALOGUE / "model.json").read_text(encoding="utf-8")


def _contest_won_by_challenger() -> tuple[Contest, PromotionProposal]:
    contest = begin_contest(Classifier().snapshot())
    for _ in range(60):
        contest.learn(Lesson(_DISK, Kind.DISK_FULL))
        contest.learn(Lesson(_DNS, Kind.DNS_RESOLUTION))
    proposal = propose_promotion(contest)
    assert proposal is not None
    return contest, proposal


def test_a_better_challenger_is_proposed_and_takes_over_by_a_person() -> None:
    """Given a challenger that learns and a champion that knows nothing, then it is proposed, and promoted when someone accepts."""
    contest, proposal = _contest_won_by_challenger()
    assert proposal.margin > 0.4
    after = promote(contest, proposal, Promotion(proposal.snapshot["checksum"], "approver", _AT, accepted=True))
    assert after.champion.snapshot() == proposal.snapshot
    assert after.champion.naming is not None
    kept = promote(contest, proposal, Promotion(proposal.snapshot["checksum"], "approver", _AT, accepted=False))
    assert kept.champion is contest.champion
    assert kept.counts.seen == 0


def test_a_promotion_of_something_else_or_by_nobody_is_refused() -> None:
    """Given another checksum or no name, then nothing is promoted."""
    contest, proposal = _contest_won_by_challenger()
    with pytest.raises(ValueError, match="another snapshot"):
        promote(contest, proposal, Promotion("other", "approver", _AT, accepted=True))
    with pytest.raises(ValueError, match="person"):
        promote(contest, proposal, Promotion(proposal.snapshot["checksum"], " ", _AT, accepted=True))


def test_too_few_examples_or_no_difference_propose_nothing() -> None:
    """Given a short contest, or failures that patterns explain anyway, then nothing is proposed."""
    contest = begin_contest(Classifier().snapshot())
    contest.learn(Lesson(_DISK, Kind.DISK_FULL))
    assert propose_promotion(contest, min_examples=1) is None
    equal = begin_contest(_trained().snapshot())
    for _ in range(100):
        equal.learn(Lesson(_DISK, Kind.DISK_FULL, said=Kind.DISK_FULL))
    assert (equal.counts.champion_right, equal.counts.challenger_right) == (100, 100)
    assert propose_promotion(equal) is None


def test_a_wrong_name_is_worse_than_silence() -> None:
    """Given one example that one names wrongly and the other leaves open, then the silent one has won it."""
    assert Prequential().add(0, -1) == Prequential(1, 0, 0, 1, 0)
    assert Prequential().add(0, 1) == Prequential(1, 0, 1, 0, 1)
    assert Prequential().add(-1, -1) == Prequential(1, 0, 0, 0, 0)


@given(st.lists(st.booleans(), max_size=200))
def test_evidence_is_one_in_the_mean_when_neither_is_better(start: list[bool]) -> None:
    """Given any path of equal chances, then the next step's evidence is in the mean what it was: so no amount of looking inflates it."""
    counts = Prequential()
    for won in start:
        counts = counts.add(0, 1) if won else counts.add(1, 0)
    after = (counts.add(0, 1).evidence() + counts.add(1, 0).evidence()) / 2
    assert after == pytest.approx(counts.evidence())


def test_equals_reach_the_evidence_rarely_however_often_one_looks() -> None:
    """Given 200 contests of equals over 200 disagreements, looked at after each one, then at most 5 % (and some noise) reach it."""
    draw, reached = seeded(11), 0
    for _ in range(200):
        counts = Prequential()
        for _ in range(200):
            counts = counts.add(0, 1) if draw.random() < 0.5 else counts.add(1, 0)
            if counts.evidence() >= ENOUGH_EVIDENCE:
                reached += 1
                break
    assert reached <= 0.05 * 200 + 2 * 3.1


def test_the_challenger_stays_bounded_and_forgets_what_it_has_not_seen_longest() -> None:
    """Given more features than may differ from the champion, then the longest untouched weigh what they weigh in the champion."""
    contest = begin_contest(Classifier().snapshot())
    for number in range(MAX_TOUCHED // 40 + 20):
        features = {number * 40 + place: 0.158 for place in range(40)}
        contest.learn(Lesson(features, Kind.DISK_FULL, said=Kind.DISK_FULL))
    assert len(contest.touched) <= MAX_TOUCHED
    assert len(contest.memory) <= MEMORY
    gone = next(index for index in range(MAX_TOUCHED) if index not in contest.touched)
    assert set(contest.challenger.weights_at(gone)) == {0.0}


def test_a_snapshot_of_too_many_weights_keeps_the_largest() -> None:
    """Given more weights than fit a record, then the smallest are left out of the snapshot and the record fits."""
    classifier = Classifier()
    for index in range(MAX_WEIGHTS // len(KINDS) + 100):
        classifier.put_weights(index, [0.03 + index * 1e-5] * len(KINDS))
    body = json.dumps(classifier.snapshot(), separators=(",", ":"))
    assert len(body) < MAX_RECORD_BYTES
    assert "0" not in classifier.snapshot()["weights"]["disk_full"]
