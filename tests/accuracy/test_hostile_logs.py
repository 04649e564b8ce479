"""Every infra pattern's own words, planted in jobs that succeed and jobs whose code fails: nothing acts, less than 1 % is called infra."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from console.recognition import load_recognizer
from learning.classification import Recognizer, classify_log
from schemas.vocabulary import Group, Result
from tests.accuracy.hostile import DISGUISES, FAILING, PASSING, infra_patterns, plant

CATALOGUE = Path(__file__).parents[2] / "learning" / "catalogue"
WORK = "Building module\n" * 30


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    """Return the shipped recognition."""
    return load_recognizer(CATALOGUE)


@pytest.mark.parametrize(("hosts", "result"), [(FAILING, Result.FAILURE), (PASSING, None)], ids=["code fails", "job succeeds"])
@pytest.mark.parametrize("disguise", DISGUISES)
def test_planted_words_neither_act_nor_pass_for_an_infra_failure(
    disguise: str, hosts: Mapping[str, str], result: Result | None, recognizer: Recognizer
) -> None:
    """Given each infra pattern's words in a disguise, then nothing acts and less than one in a hundred is called infra."""
    planted = list(plant(disguise, hosts, result, recognizer))
    assert len(planted) == len(infra_patterns(recognizer))
    assert [(one.pattern, one.host, one.said.pattern, one.said.reasons) for one in planted if one.said.acts] == []
    called = [(one.pattern, one.host, one.said.kind) for one in planted if one.is_called_infra]
    assert len(called) < 0.01 * len(planted), called


def test_nothing_is_seen_on_a_success_that_prints_every_words(recognizer: Recognizer) -> None:
    """Given a job that its CI calls a success, then nothing that it prints is a failure."""
    for pattern in recognizer.matcher.catalogue.patterns:
        said = classify_log(f"{WORK}{pattern.examples[0]}\n{WORK}", Result.SUCCESS, recognizer)
        assert (said.group, said.acts) == (Group.NONE, False), pattern.id
