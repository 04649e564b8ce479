"""Row 33: the condition clears before the act; nothing is done and no credit is taken."""

from __future__ import annotations

from dataclasses import replace

from schemas.oversight import Feedback
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from streams.choice_book import UNTOUCHED, ChoiceBook
from tests.support.story import AUTOMATIC, begin, told_of, untouched


def test_a_service_that_comes_back_while_people_are_asked_is_recorded_as_self_healed() -> None:
    flow = begin(replace(Policy(strategies=AUTOMATIC), medium_from=1, high_from=2))

    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)
    flow.world.processes.alive |= {"api"}
    flow.pass_time(20)

    told = told_of(flow, "service:api")
    assert told.admissions[0].state == "queued"
    assert told.final.status is OutcomeStatus.SELF_HEALED
    assert untouched(flow)


def test_a_held_out_service_that_comes_back_was_left_alone_and_is_counted_as_healed_by_itself() -> None:
    """Given a hold-out of everything, then nothing is done, and what clears counts as healed without help."""
    flow = begin(replace(Policy(strategies=AUTOMATIC), holdout_share=1.0))

    flow.world.processes.alive -= {"api"}
    flow.pass_time(10)
    flow.world.processes.alive |= {"api"}
    flow.pass_time(20)

    told = told_of(flow, "service:api")
    assert (told.final.status, told.commands) == (OutcomeStatus.OBSERVED, [])
    assert told.final.reason.startswith("holdout:")
    assert untouched(flow)
    [decide] = [owner.logic for owner in flow.owners if owner.stage.name == "decide"]
    worth = ChoiceBook(decide.snapshot(), flow.configuration).worth("service_down|service", UNTOUCHED, flow.now)
    assert (round(worth.cases, 3), worth.rate) == (1.0, 1.0)


def test_a_healed_service_is_a_lesson_with_the_chance_of_its_choice() -> None:
    flow = begin()

    flow.world.processes.alive -= {"api"}
    flow.pass_time(30)

    assert told_of(flow, "service:api").final.status is OutcomeStatus.HEALED
    [lesson] = flow.of(Feedback, "learning.feedback")
    assert (lesson.strategy, lesson.propensity, lesson.reward, lesson.verified) == ("service_restart", 1.0, 1.0, True)
