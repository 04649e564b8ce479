"""The model learns, its snapshot is exact data, and a challenger takes over by a person's word only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from learning.challenger import Contest, Promotion, PromotionProposal, promote, propose_promotion
from learning.classifier import KINDS, Classifier, Snapshot, SnapshotError
from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.matcher import Matcher
from learning.training import model_text, train_model
from schemas.vocabulary import Kind

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


def test_the_shares_are_those_of_the_library_before_and_after_more_is_learned() -> None:
    """Given a trained model, then looking weights up by feature gives what the library's own prediction gives."""
    classifier = _trained()
    for _ in range(2):
        expected = classifier._model.predict_proba_one(dict(_DISK))  # type: ignore[no-untyped-call]
        assert {kind.value: share for kind, share in classifier.predict(_DISK).items()} == pytest.approx(expected)
        classifier.learn(_DISK, Kind.OUT_OF_MEMORY)


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


def test_training_is_reproducible_and_the_shipped_model_is_its_result() -> None:
    """Given the shipped patterns and seed, then training gives the shipped file to the letter."""
    folder = Path(__file__).parents[2] / "learning" / "catalogue"
    catalogue = load_catalogue(read_folder(folder))
    assert isinstance(catalogue, Catalogue)
    assert model_text(train_model(Matcher(catalogue), 7).snapshot()) == (folder / "model.json").read_text(encoding="utf-8")


def _contest_won_by_challenger() -> tuple[Contest, PromotionProposal]:
    contest = Contest(Classifier(), Classifier())
    for _ in range(60):
        contest.learn(_DISK, Kind.DISK_FULL)
        contest.learn(_DNS, Kind.DNS_RESOLUTION)
    proposal = propose_promotion(contest)
    assert proposal is not None
    return contest, proposal


def test_a_better_challenger_is_proposed_and_takes_over_by_a_person() -> None:
    """Given a challenger that learns and a champion that knows nothing, then it is proposed, and promoted when someone accepts."""
    contest, proposal = _contest_won_by_challenger()
    assert proposal.margin > 0.5
    after = promote(contest, proposal, Promotion(proposal.snapshot["checksum"], "approver", _AT, accepted=True))
    assert after.champion.snapshot() == proposal.snapshot
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
    """Given equals, or a short contest, then nothing is proposed."""
    contest = Contest(Classifier(), Classifier())
    contest.learn(_DISK, Kind.DISK_FULL)
    assert propose_promotion(contest) is None
    equal = Contest(_trained(), _trained())
    for _ in range(100):
        equal.learn(_DISK, Kind.DISK_FULL)
    assert propose_promotion(equal) is None
    worse = Contest(_trained(), Classifier())
    worse.learn(_DISK, Kind.DISK_FULL)
    assert propose_promotion(worse, min_examples=1) is None
