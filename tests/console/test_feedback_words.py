"""A person's answer to "was this right?": what may be typed, that the stage which learns takes it as signed, and how it is listed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from console.feedback_words import MAX_NOTE_CHARS, feedback_of, feedback_rows, right_to_teach, said_of
from console.words import Speaker, require_right
from learning.classifier import Classifier
from schemas.avro_codec import Codec
from schemas.errors import DeniedError, UsageError
from schemas.ids import id_of
from schemas.oversight import AuditEntry, Feedback
from schemas.people import Right
from schemas.vocabulary import Kind
from streams.learn import Learn, LearnRules
from tests.support.failures import KEYS, PLACE, at, configuration, incident, records

PEOPLE = configuration().people
DNS = incident(kind=Kind.DNS_RESOLUTION)


def spoken(by: str = "olga", *, is_right: bool = False, kind: str = "disk_full", note: str = "the disk was full") -> Feedback:
    return feedback_of(id_of(DNS), said_of(is_right=is_right, kind=kind, note=note, judged=DNS.kind), Speaker(by, KEYS[by]), at(5))


@pytest.mark.parametrize(
    ("is_right", "kind", "note", "why"),
    [
        (None, "", "", "neither right nor wrong"),
        (False, "bad_luck", "", "no such kind of failure"),
        (False, "unknown", "", "no such kind of failure"),
        (True, "disk_full", "", "right and another kind cannot both be"),
        (False, "dns_resolution", "", "wrong and the same kind cannot both be"),
        (True, "", "x" * (MAX_NOTE_CHARS + 1), "longer than 1000"),
    ],
)
def test_an_answer_that_says_two_things_or_none_is_refused(*, is_right: bool | None, kind: str, note: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        said_of(is_right=is_right, kind=kind, note=note, judged=Kind.DNS_RESOLUTION)


@pytest.mark.parametrize(("by", "is_right", "kind"), [("olga", False, "disk_full"), ("anton", True, ""), ("ada", True, "dns_resolution")])
def test_the_word_of_a_person_who_may_teaches_the_stage_that_learns(by: str, *, is_right: bool, kind: str) -> None:
    learn = Learn.from_state({}, LearnRules(configuration(), json.dumps(Classifier().snapshot())))
    learn.on_event(DNS, PLACE, at(0))
    codec = Codec([Feedback])
    crossed = codec.decode(codec.encode(spoken(by, is_right=is_right, kind=kind)))
    assert isinstance(crossed, Feedback)
    told = [row.action for row in records(learn.on_event(crossed, PLACE, at(5)), AuditEntry) if isinstance(row, AuditEntry)]
    assert told == ["lesson.learned"]


def test_operators_approvers_and_admins_may_teach_and_viewers_may_not() -> None:
    assert [right_to_teach(PEOPLE, by) for by in ("olga", "anton", "ada")] == [Right.OVERRIDE, Right.APPROVE, Right.APPROVE]
    for by in ("olga", "anton", "ada"):
        require_right(PEOPLE, Speaker(by, KEYS[by]), right_to_teach(PEOPLE, by))
    with pytest.raises(DeniedError, match="no rule gives the right"):
        require_right(PEOPLE, Speaker("vera", KEYS["vera"]), right_to_teach(PEOPLE, "vera"))


def test_words_of_people_are_listed_the_newest_first_and_a_forged_one_is_shown_as_such() -> None:
    later = replace(spoken("anton", is_right=True, kind=""), at=at(9))
    rows = feedback_rows([spoken(), later, Feedback(id_of(DNS), "outcome", "healstream", at(7), reward=1.0)], PEOPLE)
    assert [(row["by"], row["said"], row["kind"], row["signed"], row["note"]) for row in rows] == [
        ("anton", "right", "", "no", "the disk was full"),
        ("olga", "wrong", "disk_full", "yes", "the disk was full"),
    ]


def test_a_wrong_action_is_a_word_on_the_strategy_beside_a_right_kind() -> None:
    said = said_of(is_right=True, kind="", note="", judged=DNS.kind, wrong_action="rerun_job")
    word = feedback_of(id_of(DNS), said, Speaker("olga", KEYS["olga"]), at(5))
    assert (word.correct, word.strategy, word.reward) == (True, "rerun_job", -1.0)
    assert [row["said"] for row in feedback_rows([word], PEOPLE)] == ["wrong action: rerun_job"]
    with pytest.raises(UsageError, match="every action is wrong"):
        said_of(is_right=False, kind="", note="", judged=DNS.kind, wrong_action="rerun_job")
