"""The guard: a model that makes one split worse is named with that split, one that only knows more is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.recognition import load_recognizer
from learning.classification import Recognizer
from learning.classifier import Classifier
from learning.guard import Guard, GuardCase, GuardSet, SplitCounts, score_guard, worse_splits
from learning.guard_cases import cases_of_examples, guard_case
from learning.learned_guess import Naming
from schemas.vocabulary import Kind, Result

FOLDER = Path(__file__).parents[2] / "learning" / "catalogue"
STRANGE = "fetching parts with zorbtool\nzorb: error: beam 7 lost\nmake: stopped"
FAILING = "running zorbtest\nzorb: error: 3 of 9 parts are wrong\nmake: stopped"
TIMEOUT = "Collecting requests\nERROR: Could not install packages due to an OSError: HTTPSConnectionPool: Read timed out.\n"
SURE = Naming(((0.0, 0.9), (1.0, 0.95)), 0.05, 0.05)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return load_recognizer(FOLDER)


@pytest.fixture(scope="module")
def cases(recognizer: Recognizer) -> list[GuardCase]:
    rows = [
        ("zorb", STRANGE, Kind.NETWORK_CONNECTIVITY, Result.FAILURE),
        ("zorbtest", FAILING, Kind.TEST_FAILURE, Result.FAILURE),
        ("pip", TIMEOUT, Kind.NETWORK_CONNECTIVITY, Result.FAILURE),
        ("passed", STRANGE, Kind.SUCCESS, Result.SUCCESS),
    ]
    return [guard_case(name, text, kind, result, recognizer, (f"family:{name}",)) for name, text, kind, result in rows]


def taught(cases: list[GuardCase], kinds: dict[str, Kind]) -> Classifier:
    classifier = Classifier()
    for _ in range(40):
        for case in cases:
            if case.id in kinds:
                classifier.learn(case.features, kinds[case.id])
    classifier.naming = SURE
    return classifier


def test_a_model_that_knows_more_makes_nothing_worse(recognizer: Recognizer, cases: list[GuardCase]) -> None:
    right = taught(cases, {case.id: case.kind for case in cases})
    before, after = (score_guard(cases, recognizer, model) for model in (recognizer.classifier, right))
    assert (before.splits["all"].wrong, after.splits["all"].wrong) == (2, 0)
    assert worse_splits(before, after) == ()
    assert before.acted == after.acted


def test_a_model_that_calls_a_failing_test_infrastructure_is_named_with_its_splits(recognizer: Recognizer, cases: list[GuardCase]) -> None:
    bent = taught(cases, {"zorb": Kind.NETWORK_CONNECTIVITY, "zorbtest": Kind.NETWORK_CONNECTIVITY})
    before, after = (score_guard(cases, recognizer, model) for model in (recognizer.classifier, bent))
    assert worse_splits(before, after) == ("all", "code", "family:zorbtest")
    assert after.splits["none"] == before.splits["none"] == SplitCounts(n=1)


@pytest.mark.parametrize(
    "worse", [SplitCounts(9, 4, 1, 3, 0), SplitCounts(9, 3, 2, 3, 0), SplitCounts(9, 3, 1, 2, 0), SplitCounts(9, 3, 1, 3, 1)]
)
def test_each_count_alone_can_make_a_split_worse(worse: SplitCounts) -> None:
    before = SplitCounts(9, 3, 1, 3, 0)
    assert worse.is_worse_than(before)
    assert not before.is_worse_than(worse)
    assert not before.is_worse_than(before)


def test_the_guard_reads_its_cases_once_and_judges_every_challenger(recognizer: Recognizer, cases: list[GuardCase]) -> None:
    read: list[int] = []

    def stored(_: Recognizer) -> list[GuardCase]:
        read.append(len(cases))
        return cases

    guard = Guard(lambda: recognizer, stored)
    bent = taught(cases, {"zorb": Kind.NETWORK_CONNECTIVITY, "zorbtest": Kind.NETWORK_CONNECTIVITY})
    assert guard.worse(recognizer.classifier, bent) == ("all", "code", "family:zorbtest")
    assert guard.worse(recognizer.classifier, recognizer.classifier) == ()
    assert guard.worse(bent, recognizer.classifier) == ("all", "family:zorb", "infra")
    assert read == [4]


def test_a_guard_set_counts_what_patterns_name_once_and_scores_as_if_all_were_asked(recognizer: Recognizer, cases: list[GuardCase]) -> None:
    found = [*cases_of_examples(recognizer)[::3], *cases]
    bent = taught(cases, {"zorb": Kind.NETWORK_CONNECTIVITY, "zorbtest": Kind.NETWORK_CONNECTIVITY})
    guards = GuardSet(found, recognizer)
    for model in (recognizer.classifier, bent, Classifier()):
        assert guards.score(model) == score_guard(found, recognizer, model)


def test_what_acts_is_the_same_under_any_model(recognizer: Recognizer, cases: list[GuardCase]) -> None:
    """Given models taught the opposite of what is true, then exactly the same cases are acted on: labels cannot make anything act."""
    found = [*cases_of_examples(recognizer)[::3], *cases]
    bent = Classifier()
    for case in found:
        for _ in range(5):
            bent.learn(case.features, Kind.TEST_FAILURE if case.kind is not Kind.TEST_FAILURE else Kind.NETWORK_CONNECTIVITY)
    bent.naming = SURE
    acted = [score_guard(found, recognizer, model).acted for model in (recognizer.classifier, bent, Classifier())]
    assert acted[0]
    assert acted[0] == acted[1] == acted[2]
