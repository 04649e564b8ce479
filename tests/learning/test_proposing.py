"""Drafts of patterns: the kind comes from neighbours or from nobody, the back-test speaks, and the most telling line is taken."""

from __future__ import annotations

import json

import pytest

from learning.backtest import Budget
from learning.classification import Recognizer
from learning.neighbours import NEAR, Neighbourhood
from learning.patterns.loader import Catalogue, load_catalogue
from learning.proposing import STAND_IN, Proposer
from learning.recordings import recorded_logs
from learning.stored_logs import StoredLog
from learning.templates import Seen, Template, TemplateMiner
from schemas.vocabulary import Group, Kind, Result, group_of, is_healable

NOTHING = Budget(0.0, 0)
NAMES = ("alpha", "beta", "gamma")
GREEN = StoredLog("green", "t", "f", "none", "none", Kind.SUCCESS, Result.SUCCESS, "plain", "all of the flux gates are closed now\n")


def templates_of(*lines: str) -> list[Template]:
    """Return the templates of a failure that prints the lines in three repositories; ``{}`` is a name that differs."""
    miner = TemplateMiner({})
    for number, name in enumerate(NAMES):
        miner.add([line.format(name) for line in lines], Seen(f"ci/o{number}/r", str(number), f"i{number}", number))
    return miner.values()


@pytest.fixture(scope="module")
def proposer(recognizer: Recognizer) -> Proposer:
    return Proposer(lambda: recognizer, recorded_logs, NOTHING)


def test_a_family_that_nothing_is_near_gets_a_draft_without_a_kind_that_never_heals(proposer: Proposer) -> None:
    draft = proposer.draft(templates_of("frobnicator: gate {} is out of phase with the flux"), ())
    assert draft is not None
    assert draft.refused == ()
    assert draft.suggestion.kind is None
    assert draft.pattern.kind is STAND_IN
    assert group_of(STAND_IN) is Group.CODE
    assert not is_healable(STAND_IN)
    assert draft.report.logs >= 300
    assert draft.report.green == ()
    assert draft.pattern.examples == tuple(f"frobnicator: gate {name} is out of phase with the flux" for name in NAMES)
    assert draft.pattern.source == "mined from 3 runs of 3 repositories"
    assert isinstance(load_catalogue({"own.json": json.dumps({"family": "own", "patterns": [json.loads(draft.text())]})}), Catalogue)


def test_a_family_that_reads_like_known_ones_gets_their_kind_with_the_neighbours(proposer: Proposer) -> None:
    draft = proposer.draft(templates_of("frobnicator: low disk space on flux device {}, not writing gates"), ())
    assert draft is not None
    assert draft.suggestion.kind is Kind.DISK_FULL
    assert draft.pattern.kind is Kind.DISK_FULL
    assert {one.kind for one in draft.suggestion.neighbours} == {Kind.DISK_FULL}
    assert all(NEAR <= one.similarity <= 1 for one in draft.suggestion.neighbours)
    assert 0 < draft.suggestion.confidence <= 1


def test_the_line_that_speaks_of_an_error_is_taken_and_what_is_known_is_not_drafted_again(proposer: Proposer) -> None:
    ripe = templates_of("now reticulating splines of many a kind in {} as always", "frobnicator failed to align {} today")
    first = proposer.draft(ripe, ())
    assert first is not None
    assert first.pattern.id.startswith("proposed-frobnicator-failed-to-")
    second = proposer.draft(ripe, {first.pattern.id})
    assert second is not None
    assert "splines" in second.pattern.title
    assert proposer.draft(ripe, {first.pattern.id, second.pattern.id}) is None


def test_a_draft_that_hits_a_successful_log_is_refused_with_the_reason(recognizer: Recognizer) -> None:
    draft = Proposer(lambda: recognizer, lambda: (GREEN,), NOTHING).draft(templates_of("all of the flux gates are closed now"), ())
    assert draft is not None
    assert draft.report.green == ("green",)
    assert draft.refused == ("it hits 1 of 1 successful logs, the budget is 0.0%",)


def test_a_draft_that_hits_a_failure_of_another_kind_is_refused(recognizer: Recognizer) -> None:
    text = "frobnicator: the gates of flux are shut\n##[error]Process completed with exit code 1.\n"
    other = StoredLog("other", "t", "f", "none", "x", Kind.DISK_FULL, Result.FAILURE, "plain", text)
    draft = Proposer(lambda: recognizer, lambda: (GREEN, other), NOTHING).draft(templates_of("frobnicator: the gates of flux are shut"), ())
    assert draft is not None
    assert draft.refused == ("it hits 1 stored failures of another kind",)


@pytest.mark.unmeasured
def test_of_the_shipped_patterns_each_judged_by_the_others_seven_suggestions_in_ten_are_right(catalogue: Catalogue) -> None:
    around = Neighbourhood(catalogue.patterns)
    sample = catalogue.patterns[::8]
    said = [(pattern.kind, around.suggest(pattern.examples[:1], without=pattern.id).kind) for pattern in sample]
    told = [(kind, guess) for kind, guess in said if guess is not None]
    assert len(told) > len(sample) / 4
    assert sum(kind is guess for kind, guess in told) >= 0.65 * len(told)


def test_nothing_near_or_neighbours_that_disagree_suggest_nothing(catalogue: Catalogue) -> None:
    assert Neighbourhood(()).suggest(["anything at all"]).kind is None
    assert Neighbourhood(catalogue.patterns).suggest([""]).kind is None
    found = Neighbourhood(catalogue.patterns).suggest(["zyx wvu tsr qpo"])
    assert (found.kind, found.confidence, found.neighbours) == (None, 0.0, ())
    one = catalogue.patterns[0]
    twin = one.model_copy(update={"id": "twin", "kind": next(kind for kind in Kind if kind is not one.kind)})
    torn = Neighbourhood((one, twin)).suggest(one.examples[:1])
    assert torn.kind is None
    assert len(torn.neighbours) == 2
