"""A held-out incident is left alone with all that fires in its scope, watched, counted once, and healed when it outlasts the watch."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from schemas.configuration import Configuration
from schemas.decisions import Decision, Verdict
from schemas.ids import Record, id_of
from schemas.incidents import Detection, Incident, IncidentUpdate, UpdateCause
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from streams.choice_book import UNTOUCHED, ChoiceBook
from streams.classify import Classify, ClassifyEvent, ClassifyRules
from streams.decide import Decide, DecideEvent, DecideRules
from streams.incident_book import IncidentBook
from tests.support.failures import PLACE, at, classify_hits, configuration, failed_job, outcome, passed_job, probe, records

RULES = configuration(policy=Policy(holdout_share=1.0))


class Pair:
    """classify and decide; what decide only looks at ends as admit writes it."""

    def __init__(self, rules: Configuration = RULES) -> None:
        self.classify = Classify.from_state({}, ClassifyRules(rules, classify_hits))
        self.decide = Decide.from_state({}, DecideRules(rules))
        self.incidents: list[Incident] = []
        self.updates: list[IncidentUpdate] = []
        self.decisions: list[Decision] = []

    def see(self, detection: Detection, seconds: float) -> None:
        self._pass_on(records(self.classify.on_event(detection, PLACE, at(seconds)), Incident, IncidentUpdate), seconds)

    def wait(self, seconds: float) -> None:
        self.decide.on_tick(at(seconds))
        self._pass_on(records(self.classify.on_tick(at(seconds)), Incident, IncidentUpdate), seconds)

    def restart(self) -> None:
        self.classify = Classify.from_state(dict(self.classify.snapshot()), ClassifyRules(RULES, classify_hits))
        self.decide = Decide.from_state(dict(self.decide.snapshot()), DecideRules(RULES))

    def rate(self, group: str) -> tuple[float, float]:
        worth = ChoiceBook(self.decide.snapshot(), RULES).worth(group, UNTOUCHED, at(0))
        return round(worth.cases, 6), worth.rate

    def _pass_on(self, found: list[Record], seconds: float) -> None:
        for record in found:
            self.updates += [record] if isinstance(record, IncidentUpdate) else []
            self.incidents += [record] if isinstance(record, Incident) else []
            for row in records(self.decide.on_event(cast("DecideEvent", record), PLACE, at(seconds)), Decision):
                decision = cast("Decision", row)
                self.decisions.append(decision)
                if decision.verdict is Verdict.OBSERVE:
                    plain = outcome(self.incidents[-1], OutcomeStatus.OBSERVED, seconds)
                    end = replace(plain, command_id=None, final=True, reason=decision.reason)
                    self.classify.on_event(cast("ClassifyEvent", end), PLACE, at(seconds))
                    self.decide.on_event(end, PLACE, at(seconds))


@pytest.mark.parametrize("restarts", [False, True])
def test_what_clears_while_it_is_left_alone_healed_by_itself(restarts: bool) -> None:
    pair = Pair()
    pair.see(probe("service:store", 10), 10)
    pair.see(probe("service:store", 12, name="http"), 12)
    if restarts:
        pair.restart()
    pair.see(probe("service:store", 60, "pass"), 60)
    assert pair.rate("service_down|service") == (0.0, 0.0)
    pair.see(probe("service:store", 62, "pass", "http"), 62)
    assert [decision.verdict for decision in pair.decisions] == [Verdict.OBSERVE]
    assert [update.cause for update in pair.updates] == [UpdateCause.EVIDENCE, UpdateCause.EVIDENCE, UpdateCause.RESOLVED]
    assert pair.rate("service_down|service") == (1.0, 1.0)
    pair.see(probe("service:store", 90), 90)
    assert len(pair.incidents) == 2, "what fails anew is an incident of its own"


@pytest.mark.parametrize("restarts", [False, True])
def test_what_outlasts_the_watch_is_counted_and_is_an_incident_again(restarts: bool) -> None:
    pair = Pair()
    pair.see(probe("service:store", 10), 10)
    if restarts:
        pair.restart()
    pair.wait(3_000)
    assert (len(pair.incidents), pair.rate("service_down|service")) == (1, (0.0, 0.0))
    pair.wait(3_700)
    pair.wait(3_701)
    assert pair.rate("service_down|service") == (1.0, 0.0)
    [first, second] = pair.incidents
    assert (second.target, second.opened_at) == (first.target, at(3_700))
    assert "it was held out and did not heal by itself" in second.reasons
    pair.see(probe("service:store", 3_800, "pass"), 3_800)
    assert (pair.updates[-1].incident_id, pair.updates[-1].cause) == (id_of(second), UpdateCause.RESOLVED)


def test_what_else_fails_in_the_scope_is_left_alone_too_and_no_longer_than_the_hold_out() -> None:
    """Given a second service of the scope that fails after the held-out one, when that clears, then the second is an incident."""
    pair = Pair()
    pair.see(probe("service:store", 10), 10)
    pair.see(probe("service:frozen", 20), 20)
    assert [one.target for one in pair.incidents] == ["service:store"]
    pair.restart()
    pair.see(probe("service:store", 60, "pass"), 60)
    assert pair.updates[-1].cause is UpdateCause.RESOLVED
    pair.wait(60 + 120)
    assert [one.target for one in pair.incidents] == ["service:store", "service:frozen"]


def test_what_else_fails_when_the_watch_ends_belongs_to_the_incident_that_follows() -> None:
    pair = Pair()
    pair.see(probe("service:store", 10), 10)
    pair.see(probe("service:frozen", 20), 20)
    pair.wait(3_700)
    [_, second] = pair.incidents
    row = IncidentBook(pair.classify.snapshot()).rows.get(id_of(second))
    assert row is not None
    assert (second.target, [one.target for one in row.held]) == ("service:store", ["service:frozen"])


def test_a_job_that_somebody_runs_again_to_green_needed_no_command_of_ours() -> None:
    pair = Pair()
    pair.see(failed_job(), 1)
    pair.see(passed_job(2, 300), 300)
    assert [update.cause for update in pair.updates] == [UpdateCause.RESOLVED]
    assert pair.rate("network_connectivity|job") == (1.0, 1.0)
    pair.see(passed_job(3, 400), 400)
    assert len(pair.updates) == 1


def test_without_a_hold_out_nothing_of_a_closed_incident_is_told() -> None:
    pair = Pair(configuration())
    pair.see(probe("service:store", 10), 10)
    end = replace(outcome(pair.incidents[0], OutcomeStatus.OBSERVED, 11), final=True, reason="rollout: observe")
    pair.classify.on_event(end, PLACE, at(11))
    pair.see(probe("service:store", 60, "pass"), 60)
    assert pair.updates == []
