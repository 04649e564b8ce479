"""The target's own factors while it is verified: two sources or none, without a break for the whole stabilisation."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from recoverers.execute import drive
from recoverers.journal import RunState, fold
from recoverers.perform import accept
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from tests.support.fakes import FakeHands
from tests.support.runs import Sandbox, command, outcomes

ORDER = command("service_restart", "service:web")


def healed(script: list[bool]) -> RecoveryOutcome:
    sandbox = Sandbox.for_recipe("service_restart")
    sandbox.script = {"web-http": script}
    return sandbox.run(ORDER, FakeHands())


def test_a_factor_that_falls_within_the_stabilisation_begins_it_anew() -> None:
    # given a page that is well when the start is validated and at first, and falls once
    steady, flapping = healed([]), healed([True, True, True, True, False])
    assert steady.status is flapping.status is OutcomeStatus.HEALED
    assert steady.recovered_at
    assert flapping.recovered_at
    assert flapping.verified_at
    # then it counts as recovered from after its fall, and has been well for as long as any other
    assert flapping.recovered_at - steady.recovered_at > timedelta(seconds=0.5)
    assert flapping.verified_at - flapping.recovered_at >= timedelta(seconds=1)


def test_a_target_that_is_never_well_for_long_enough_is_not_healed() -> None:
    outcome = healed([True, True, True, False] * 200)
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "verification failed")


def test_one_source_is_not_enough_however_many_factors_pass_and_however_quiet_it_is() -> None:
    sandbox, hands = Sandbox.for_recipe("service_restart"), FakeHands()
    terms = sandbox.terms(ORDER)
    alone = replace(terms, card=replace(terms.card, factors=("process_alive",)))
    drive(fold(RunState(ORDER), accept(RunState(ORDER), alone, hands)), alone, hands)
    [outcome] = outcomes(hands)
    assert (outcome.status, [row.passed for row in outcome.verification]) == (OutcomeStatus.ROLLED_BACK, [True])
