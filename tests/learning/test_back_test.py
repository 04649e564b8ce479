"""A pattern is tried on stored logs before it may act: what it would hit on green runs and take from others is told."""

from __future__ import annotations

import pytest

from learning.backtest import BackTest, Budget, back_test
from learning.classification import Recognizer
from learning.patterns.model import Pattern
from learning.stored_logs import StoredLog
from schemas.policy import Policy
from schemas.vocabulary import Kind, Result

STRICT = Budget(Policy().trial_green_share, Policy().trial_stolen)
GREEN = "Collecting left-pad\nSuccessfully installed left-pad-1.0\n12 passed in 0.4s\n"
REFUSED = "ERROR: No matching distribution found for left-pad==9.9.9\n##[error]Process completed with exit code 1.\n"
ODD = "frobnicator: the flux is out of phase\n##[error]Process completed with exit code 1.\n"


def stored(name: str, kind: Kind, text: str) -> StoredLog:
    result = Result.SUCCESS if kind is Kind.SUCCESS else Result.FAILURE
    return StoredLog(name, "tool", "family", "none", "fault", kind, result, "plain", text)


LOGS = (
    stored("green", Kind.SUCCESS, GREEN),
    stored("missing", Kind.DEPENDENCY_RESOLUTION, REFUSED),
    stored("odd", Kind.ENVIRONMENT_CONFIG, ODD),
)


def pattern(expression: str, kind: Kind = Kind.ENVIRONMENT_CONFIG) -> Pattern:
    return Pattern(
        id="mine",
        kind=kind,
        title="A pattern of our own",
        expressions=(expression,),
        weight=0.95,
        examples=("frobnicator: the flux is out of phase", "frobnicator: the flux is out of order"),
        counter_examples=("frobnicate", "flux"),
        source="written here",
        since="0.2",
    )


def tried(recognizer: Recognizer, expression: str, kind: Kind = Kind.ENVIRONMENT_CONFIG, budget: Budget | None = None) -> BackTest:
    return back_test(pattern(expression, kind), LOGS, recognizer, budget or STRICT)


def test_a_good_pattern_gains_what_nothing_explained_and_is_not_refused(recognizer: Recognizer) -> None:
    found = tried(recognizer, r"frobnicator: the flux is out of \w+")
    assert (found.right, found.green, found.wrong, found.stolen, found.refused) == (1, (), (), (), ())
    assert found.gained == ("odd",)
    assert (found.logs, found.successes) == (3, 1)


def test_a_pattern_that_matches_everything_is_refused_and_the_stolen_logs_are_listed(recognizer: Recognizer) -> None:
    found = tried(recognizer, r"[a-z]+", Kind.DISK_FULL)
    assert found.green == ("green",)
    assert found.wrong == ("missing", "odd")
    assert any("successful logs" in why for why in found.refused)


def test_a_pattern_that_takes_a_log_from_a_right_verdict_is_refused(recognizer: Recognizer) -> None:
    log = stored("two", Kind.DEPENDENCY_RESOLUTION, "ERROR: No matching distribution found for left-pad==9.9.9\nand now the end\n")
    found = back_test(pattern("and now the end", Kind.DISK_FULL), (LOGS[0], log), recognizer, STRICT)
    assert [(one.log, one.was, one.becomes) for one in found.stolen] == [("two", Kind.DEPENDENCY_RESOLUTION, Kind.DISK_FULL)]
    assert found.refused == ("it takes 1 logs from a right verdict, the budget is 0",)


@pytest.mark.parametrize(("share", "is_refused"), [(0.0, True), (1.0, False)])
def test_the_budget_for_green_hits_decides(recognizer: Recognizer, share: float, is_refused: bool) -> None:
    found = tried(recognizer, r"Successfully installed", budget=Budget(share, 0))
    assert bool(found.refused) is is_refused


def test_without_successful_logs_nothing_may_act(recognizer: Recognizer) -> None:
    found = back_test(pattern(r"frobnicator: .+"), LOGS[1:], recognizer, STRICT)
    assert found.refused == ("there are no successful logs to try it on",)


def test_two_reports_have_one_digest_only_when_they_are_equal(recognizer: Recognizer) -> None:
    first, again = tried(recognizer, r"frobnicator: .+"), tried(recognizer, r"frobnicator: .+")
    other = tried(recognizer, r"frobnicator: the .+")
    assert first.digest() == again.digest() != other.digest()
