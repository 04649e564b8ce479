"""Poisoned feedback: 5, 10 and 20 % of all labels wrong, from one source; nothing else acts, and no promotion makes a split worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from learning.classification import Recognizer
from learning.classifier import Classifier
from learning.guard import Guard, GuardCase, score_guard, worse_splits
from learning.guard_cases import cases_of_examples, guard_case
from schemas.ids import id_of
from schemas.incidents import Feature, Incident, RunRef
from schemas.outputs import Output
from schemas.oversight import AuditEntry, Feedback, ModelChange, ModelRecord
from schemas.signing import sign
from schemas.vocabulary import Group, Kind, Result, group_of
from streams.contest_entries import body_of, classifier_of
from streams.learn import Learn, LearnRules
from tests.support.chance import seeded
from tests.support.failures import KEYS, PLACE, T0, configuration, incident, records

# What a tool prints that no pattern knows, by kind; numbers make every log another.
STRANGE = {
    Kind.NETWORK_CONNECTIVITY: "zorbfetch: error: beam {} lost on the way to the hub",
    Kind.DISK_FULL: "zorbpack: error: vault {} holds no more grains",
    Kind.TEST_FAILURE: "zorbcheck: error: part {} differs from its drawing",
    Kind.COMPILE_ERROR: "zorbweave: error: thread {} crosses itself in loom.zb",
}
LABELS = 220


def case(recognizer: Recognizer, kind: Kind, number: int) -> GuardCase:
    text = f"begin zorb job\n{STRANGE[kind].format(number)}\nzorb stops\n##[error]Process completed with exit code 1."
    return guard_case(f"{kind}-{number}", text, kind, Result.FAILURE, recognizer, (f"family:{kind}",))


def puzzle(of: GuardCase, project: str, number: int) -> Incident:
    features = tuple(Feature(index, weight) for index, weight in of.features.items())
    run = RunRef("github", project, str(number), 1, "build")
    unknown = replace(incident(), kind=Kind.UNKNOWN, group=group_of(Kind.UNKNOWN), abstained=True, confidence=0.0, hits=())
    return replace(unknown, origin_key=("github", project, str(number), "build", "1"), run=run, features=features)


def actions(outputs: Sequence[Output]) -> list[str]:
    return [cast("AuditEntry", row).action for row in records(outputs, AuditEntry)]


def promoted(learn: Learn, outputs: Sequence[Output], second: float) -> str:
    """Let a person who is not its author promote what is proposed; return the body of what acts then, or nothing."""
    models = [cast("ModelRecord", row) for row in records(outputs, ModelRecord)]
    proposed = next((row for row in models if row.change is ModelChange.PROPOSED), None)
    if proposed is None:
        return ""
    by = "ada" if proposed.by == "anton" else "anton"
    at = T0 + timedelta(seconds=second)
    word = sign(replace(proposed, change=ModelChange.PROMOTED, by=by, body="", at=at, signature=""), KEYS[by])
    assert actions(learn.on_event(word, PLACE, at)) == ["model.promoted"]
    return next(row.body for row in models if row.change is ModelChange.SNAPSHOT)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return replace(load_recognizer(shipped_patterns()), classifier=Classifier())


@pytest.fixture(scope="module")
def guarding(recognizer: Recognizer) -> list[GuardCase]:
    strange = [case(recognizer, kind, number) for kind in STRANGE for number in range(900, 905)]
    return [*cases_of_examples(recognizer)[::4], *strange]


@pytest.mark.parametrize("poison", [0.0, 0.05, 0.1, 0.2])
def test_wrong_labels_of_one_source_change_nothing_that_acts_and_no_split_for_the_worse(
    recognizer: Recognizer, guarding: list[GuardCase], poison: float
) -> None:
    """Given labels of which a share is wrong, all by one person on one project, then every promotion leaves acts and splits as good."""
    draw, acting, promotions, refused = seeded(int(100 * poison)), Classifier(), 0, 0
    guard = Guard(lambda: recognizer, lambda _: guarding)
    learn = Learn.from_state({}, LearnRules(configuration(), body_of(acting.snapshot()), source_cap=100, guard=guard.worse))
    before = score_guard(guarding, recognizer, acting)
    for number in range(LABELS):
        kind, is_bad = draw.choice(list(STRANGE)), draw.random() < poison
        project = "acme/loud" if is_bad else f"acme/{draw.randrange(12)}"
        failed = puzzle(case(recognizer, kind, number), project, number)
        learn.on_event(failed, PLACE, T0)
        # A change's own fault is called infrastructure, infrastructure is called the wrong one: the worst that a label can do.
        said = draw.choice([other for other in STRANGE if other is not kind and group_of(other) is Group.INFRA]) if is_bad else kind
        by = "olga" if is_bad else draw.choice(["ada", "anton"])
        word = sign(Feedback(id_of(failed), "person", by, T0 + timedelta(hours=number), said), KEYS[by])
        outputs = learn.on_event(word, PLACE, T0)
        refused += actions(outputs).count("lesson.refused")
        body = promoted(learn, outputs, 3600.0 * number + 1)
        if body:
            model = classifier_of(body)
            assert worse_splits(score_guard(guarding, recognizer, acting), score_guard(guarding, recognizer, model)) == ()
            acting, promotions = model, promotions + 1
    after = score_guard(guarding, recognizer, acting)
    assert before.acted
    assert after.acted == before.acted
    # The honest labels still taught something: a refusal of everything would be no defence.
    assert promotions >= 1
    assert after.splits["all"].wrong < before.splits["all"].wrong
    assert refused > 0 or poison < 0.2
