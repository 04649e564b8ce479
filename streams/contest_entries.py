"""A contest as named entries of state and back: a lesson writes what it changed, a promotion the bodies; used by ``contest_state.py``.

Bodies stand by themselves, one entry each, so that none passes the cap of a record; the challenger is kept as its difference from the
champion. What is read back is exactly what was there: learning rounds as it goes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

from learning.challenger import MEMORY, Contest, Lesson, Prequential
from learning.classifier import Classifier, Snapshot
from learning.learned_guess import Naming, Scored
from schemas.vocabulary import Group, Kind

CHAMPION, CHALLENGER, COUNTS = "model/champion", "model/challenger", "model/counts"
_MEMORY = "model/memory/"


def body_of(snapshot: Snapshot) -> str:
    """Return a snapshot as the text that is hashed, published and read back."""
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":"))


def classifier_of(body: str) -> Classifier:
    """Return the model of a body; raises SnapshotError when it is not exactly what ``body_of`` wrote."""
    return Classifier.from_snapshot(cast("Snapshot", json.loads(body)))


def counts_entry(contest: Contest) -> dict[str, str]:
    """Return what is counted and scored: small, written with every lesson."""
    plain = {
        "counts": asdict(contest.counts),
        "taught": contest.taught,
        "groups": {group.value: n for group, n in sorted(contest.groups.items())},
        "scored": [[row.guess.value, row.share, row.label.value] for row in contest.scored],
    }
    return {COUNTS: json.dumps(plain, separators=(",", ":"))}


def challenger_entry(contest: Contest) -> dict[str, str]:
    """Return the challenger: the weights of the features that it has learned since it was the champion, the longest untouched first."""
    model = contest.challenger
    plain = {
        "learned": model.learned,
        "naming": [[list(knot) for knot in model.naming.knots], model.naming.code, model.naming.infra] if model.naming else None,
        "weights": [[index, *model.weights_at(index)] for index in contest.touched],
    }
    return {CHALLENGER: json.dumps(plain, separators=(",", ":"))}


def lesson_entry(contest: Contest, slot: int) -> dict[str, str]:
    """Return one lesson of the memory."""
    lesson = contest.memory[slot]
    said = lesson.said.value if lesson.said else None
    plain = [lesson.kind.value, said, lesson.weight, [[index, weight] for index, weight in lesson.features.items()]]
    return {f"{_MEMORY}{slot}": json.dumps(plain, separators=(",", ":"))}


def lesson_entries(contest: Contest) -> dict[str, str | None]:
    """Return the whole memory; slots that are empty are removed."""
    entries: dict[str, str | None] = {f"{_MEMORY}{slot}": None for slot in range(len(contest.memory), MEMORY)}
    for slot in range(len(contest.memory)):
        entries.update(lesson_entry(contest, slot))
    return entries


def load_contest(entries: Mapping[str, str], shipped: str) -> Contest:
    """Return the contest that the entries hold; without any, one in which the shipped model challenges itself."""
    champion = classifier_of(entries.get(CHAMPION, shipped))
    contest = Contest(champion, champion.copy())
    slots = sorted(int(name.removeprefix(_MEMORY)) for name in entries if name.startswith(_MEMORY))
    contest.memory = [_lesson(entries[f"{_MEMORY}{slot}"]) for slot in slots]
    if COUNTS in entries:
        plain = json.loads(entries[COUNTS])
        contest.counts = Prequential(**plain["counts"])
        contest.taught = plain["taught"]
        contest.groups = {Group(name): n for name, n in plain["groups"].items()}
        contest.scored = [Scored(Kind(guess), share, Kind(label)) for guess, share, label in plain["scored"]]
    if CHALLENGER in entries:
        _load_challenger(contest, json.loads(entries[CHALLENGER]))
    return contest


def _load_challenger(contest: Contest, plain: Mapping[str, object]) -> None:
    model = contest.challenger
    model.learned = cast("int", plain["learned"])
    naming = cast("tuple[list[list[float]], float, float] | None", plain["naming"])
    model.naming = Naming(tuple((share, right) for share, right in naming[0]), naming[1], naming[2]) if naming else None
    for index, *weights in cast("list[list[float]]", plain["weights"]):
        model.put_weights(int(index), weights)
        contest.touched[int(index)] = None


def _lesson(text: str) -> Lesson:
    kind, said, weight, features = json.loads(text)
    return Lesson({int(index): value for index, value in features}, Kind(kind), Kind(said) if said else None, weight)
