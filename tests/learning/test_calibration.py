"""A calibration fits what was right, rises with every factor, is exact data, and is fitted from corpora by a command."""

from __future__ import annotations

import json
import lzma
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.calibration import Calibration, CalibrationError, Example, Factor, calibration_text, fit, load_calibration
from learning.write_calibration import LEAST_ACT_THRESHOLD, act_threshold_of, main

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"
_FULL = dict.fromkeys(Factor, 1.0)
_RIVALLED = _FULL | {Factor.UNRIVALLED: 0.0}
_SHIPPED = load_calibration((CATALOGUE / "calibration.json").read_text(encoding="utf-8"))


def test_it_learns_how_often_such_verdicts_were_right() -> None:
    """Given clear verdicts right in 19 of 20 and rivalled ones in half, then the probabilities are near these shares."""
    rows = [Example(_FULL, number % 20 > 0) for number in range(200)] + [Example(_RIVALLED, number % 2 > 0) for number in range(200)]
    fitted = fit(rows, 0.9)
    assert fitted.confidence(_FULL) == pytest.approx(0.95, abs=0.03)
    assert fitted.confidence(_RIVALLED) == pytest.approx(0.5, abs=0.05)


@given(st.dictionaries(st.sampled_from(Factor), st.floats(0, 1), min_size=len(Factor)), st.sampled_from(Factor), st.floats(0, 1))
def test_more_evidence_is_never_less_sure(factors: dict[Factor, float], raised: Factor, by: float) -> None:
    """Given any factors, when one is raised, then the shipped map does not fall and stays within 0..1."""
    more = factors | {raised: min(factors[raised] + by, 1.0)}
    assert 0.0 < _SHIPPED.confidence(factors) <= _SHIPPED.confidence(more) < 1.0


def test_what_is_missing_is_said_in_words() -> None:
    """Given a verdict with a rival, then the reason names it; given a full one, then only the share."""
    calibration = Calibration(0.0, (1.0,) * len(Factor), 0.9)
    assert "another kind is likely too" in calibration.reason(_RIVALLED)
    assert calibration.reason(_FULL) == "of verdicts with such evidence 99% are right"


def test_it_is_the_same_after_a_round_trip() -> None:
    """Given a fitted map as text, when read back, then it is equal."""
    assert load_calibration(calibration_text(_SHIPPED)) == _SHIPPED


@pytest.mark.parametrize("change", [{"bias": 9.0}, {"version": 2}, {"checksum": "0"}, {"weights": {}}])
def test_a_changed_one_is_refused(change: dict[str, object]) -> None:
    """Given a text that was changed after it was made, then it is refused and says how to make it anew."""
    plain = json.loads(calibration_text(_SHIPPED)) | change
    with pytest.raises(CalibrationError, match="make calibration"):
        load_calibration(json.dumps(plain))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}"])
def test_what_is_no_calibration_is_refused(text: str) -> None:
    """Given other text, then it is refused."""
    with pytest.raises(CalibrationError):
        load_calibration(text)


def test_a_weight_below_zero_is_refused() -> None:
    """Given a rightly summed map that would fall with more evidence, then it is refused."""
    with pytest.raises(CalibrationError, match="below zero"):
        load_calibration(calibration_text(Calibration(0.0, (-1.0,) * len(Factor), 0.9)))


def test_the_acting_threshold_keeps_wrong_acts_below_one_in_a_hundred() -> None:
    """Given wrong verdicts among the less sure ones, then the threshold is above them; without any it is the least allowed."""
    assert act_threshold_of([(0.95, True)] * 100 + [(0.9, False)] * 5) == 0.95
    assert act_threshold_of([(0.5, True)] * 100) == LEAST_ACT_THRESHOLD
    assert act_threshold_of([(0.99, False)]) == 1.0
    assert act_threshold_of([(0.99, False)] * 9 + [(0.98, True)] * 90 + [(0.85, True)] * 10) == 0.98


def test_the_command_fits_from_plain_and_compressed_corpora(tmp_path: Path) -> None:
    """Given a small catalogue and two corpora, then the calibration is written and loads; without corpora nothing is."""
    for name in ("disk_memory_kernel.json", "precedence.json", "model.json"):
        shutil.copy(CATALOGUE / name, tmp_path / name)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    row = json.dumps({"text": "cp: error writing 'a': No space left on device\n", "label": "disk_full"})
    (corpus / "a.jsonl").write_text(row + "\n", encoding="utf-8")
    (corpus / "b.jsonl.xz").write_bytes(lzma.compress(row.encode()))
    assert main(tmp_path, []) == 1
    assert not (tmp_path / "calibration.json").exists()
    assert main(tmp_path, [corpus]) == 0
    assert load_calibration((tmp_path / "calibration.json").read_text(encoding="utf-8")).confidence(_FULL) > 0.5


def test_broken_patterns_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Given a broken pattern file, then nothing is fitted and the place is said."""
    (tmp_path / "bad.json").write_text("{")
    assert main(tmp_path, []) == 1
    assert "bad.json:1" in capsys.readouterr().err
