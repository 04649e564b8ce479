"""The shipped guard: recordings on which no model is trained, evenly chosen, and examples of what nobody recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.compiled_patterns import CompiledPatterns
from learning.classification import Recognizer, is_left_to_model
from learning.classifier import Classifier
from learning.guard import GuardSet, score_guard
from learning.guard_cases import MAX_EXAMPLES, MAX_RECORDINGS, cases_of_examples, cases_of_recordings, is_guarding
from learning.learned_guess import Naming
from learning.recordings import recorded_logs
from schemas.configuration import Configuration
from schemas.vocabulary import Group, Kind, group_of
from streams.bounds import shipped
from streams.rules import rules_from

FOLDER = Path(__file__).parents[2] / "learning"
SURE = Naming(((0.0, 0.9), (1.0, 0.95)), 0.05, 0.05)


@pytest.fixture(scope="module")
def recordings() -> dict[str, bytes]:
    return {name: (FOLDER / "corpus" / name).read_bytes() for name in ("git.jsonl.xz", "native_code.jsonl.xz", "python_code.jsonl.xz")}


def test_about_half_of_the_recordings_guard_and_a_recipe_is_on_one_side() -> None:
    logs = recorded_logs()
    assert 0.4 * len(logs) < sum(is_guarding(log) for log in logs) < 0.6 * len(logs)
    sides: dict[str, set[bool]] = {}
    for log in logs:
        sides.setdefault(log.recipe, set()).add(is_guarding(log))
    assert all(len(found) == 1 for found in sides.values())


def test_the_cases_are_the_guarding_recordings_with_all_groups_among_them(recognizer: Recognizer, recordings: dict[str, bytes]) -> None:
    guarding = {log.id for log in recorded_logs() if is_guarding(log)}
    cases = cases_of_recordings(recognizer, recordings)
    assert 30 < len(cases) <= 2 * MAX_RECORDINGS
    assert {case.id.removesuffix("#unexplained") for case in cases} <= guarding
    splits = score_guard(cases, recognizer, recognizer.classifier).splits
    assert {Group.INFRA.value, Group.CODE.value, Group.NONE.value, "family:git", "kind:compile_error"} < set(splits)


def test_examples_of_many_patterns_guard_too(recognizer: Recognizer) -> None:
    found = cases_of_examples(recognizer)
    assert 100 < len(found) <= MAX_EXAMPLES
    scores = score_guard(found, recognizer, recognizer.classifier)
    assert scores.splits["all"].wrong < 0.1 * len(found)


def test_what_is_counted_once_is_what_no_model_changes(recognizer: Recognizer) -> None:
    """Given a model that names everything at all, then the set that counts settled cases once says the same as counting all anew."""
    cases = cases_of_examples(recognizer)
    bold = Classifier()
    for case in cases:
        bold.learn(case.features, Kind.TEST_FAILURE, 2.0)
    bold.naming = SURE
    assert any(case.evidence.candidates and is_left_to_model(case.evidence, recognizer) for case in cases), "no hint among the examples"
    assert GuardSet(cases, recognizer).score(bold) == score_guard(cases, recognizer, bold)


def test_a_failed_recording_guards_a_second_time_as_if_no_pattern_knew_it(recognizer: Recognizer, recordings: dict[str, bytes]) -> None:
    cases = {case.id: case for case in cases_of_recordings(recognizer, recordings)}
    hidden = [case for case in cases.values() if case.id.endswith("#unexplained")]
    assert all(is_left_to_model(case.evidence, recognizer) and not case.evidence.candidates for case in hidden)
    assert len(hidden) == sum(group_of(case.kind) is not Group.NONE for case in cases.values()) / 2
    assert score_guard(hidden, recognizer, recognizer.classifier).splits["all"].harm == 0


@pytest.mark.unmeasured
def test_the_shipped_rules_hold_back_a_model_that_calls_recorded_code_failures_infrastructure() -> None:
    """Given a model that was taught to call what fails by a change the network, then the shipped rules' guard names what it breaks."""
    ships = shipped()
    rules = rules_from(Configuration(), ships, CompiledPatterns.in_cache({}))
    assert rules.learn.guard is not None
    champion = rules.recognizer().classifier
    same, bent = (Classifier.from_snapshot(champion.snapshot()) for _ in range(2))
    for case in cases_of_recordings(rules.recognizer(), ships.recordings):
        if case.kind is Kind.COMPILE_ERROR:
            bent.learn(case.features, Kind.NETWORK_CONNECTIVITY, 2.0)
    bent.naming = SURE
    assert rules.learn.guard(champion, same) == ()
    assert "unexplained:code" in rules.learn.guard(champion, bent)
