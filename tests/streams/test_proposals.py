"""learn: what nothing explains is counted, proposed once, answered by a person or expires; one noisy repository proposes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import cast

import pytest

from learning.backtest import Budget
from learning.calibration import load_calibration
from learning.classification import Recognizer
from learning.classifier import Classifier
from learning.patterns.loader import Catalogue, load_catalogue
from learning.patterns.matcher import Matcher
from learning.patterns.precedence import load_precedence
from learning.proposing import Proposer
from learning.stored_logs import StoredLog
from schemas.events import Origin, Provenance, Trust
from schemas.ids import id_of
from schemas.incidents import Incident
from schemas.outputs import Output
from schemas.oversight import AuditEntry
from schemas.policy import Policy
from schemas.proposals import PatternProposal, ProposalVerdict, ProposalWord
from schemas.signing import sign
from schemas.vocabulary import Kind, Result, group_of
from streams.bounds import shipped
from streams.learn import Learn, LearnEvent, LearnRules
from streams.proposals import MAX_DRAFTS_AN_HOUR
from tests.support.failures import KEYS, PLACE, T0, TRUSTED, at, configuration, incident, records
from tests.support.own_pattern import own_file

NAMES = ("alpha", "beta", "gamma", "delta", "omega")
GREEN = "step one\nall the gates of flux are open\ndone\n"
POLICY = Policy(proposal_runs=5, proposal_repositories=3, proposal_per_owner=2)


@cache
def proposer() -> Proposer:
    """Return a proposer over one pattern and two stored logs: all that a test of the stage needs."""
    texts = shipped()
    catalogue = load_catalogue({"own.json": own_file()})
    assert isinstance(catalogue, Catalogue)
    known = Recognizer(Matcher(catalogue), load_precedence(texts.precedence), Classifier(), load_calibration(texts.calibration))
    logs = (
        StoredLog("green", "t", "f", "none", "none", Kind.SUCCESS, Result.SUCCESS, "plain", GREEN),
        StoredLog("red", "t", "f", "none", "x", Kind.DISK_FULL, Result.FAILURE, "plain", "No space left on device\n"),
    )
    return Proposer(lambda: known, lambda: logs, Budget(0.0, 0))


def rules(policy: Policy = POLICY) -> LearnRules:
    return LearnRules(configuration(policy=policy), json.dumps(Classifier().snapshot()), draft=proposer().draft)


def stage(policy: Policy = POLICY) -> Learn:
    return Learn.from_state({}, rules(policy))


def puzzle(number: int, project: str, *lines: str) -> Incident:
    """Return an incident that abstained; ``{}`` in a line is a name that differs from run to run."""
    found = incident()
    assert found.run is not None
    name = NAMES[number % len(NAMES)]
    return replace(
        found,
        origin_key=("github", project, str(number), "build", "1"),
        kind=Kind.UNKNOWN,
        group=group_of(Kind.UNKNOWN),
        abstained=True,
        confidence=0.0,
        hits=(),
        detected_at=at(number),
        run=replace(found.run, project=project, run_id=str(number)),
        provenance=TRUSTED,
        unexplained=tuple(line.format(name) for line in lines or ("frobnicator: cannot align gate {} with the flux",)),
    )


def say(learn: Learn, *events: LearnEvent) -> list[Output]:
    return [output for event in events for output in learn.on_event(event, PLACE, T0)]


def fleet(n: int = 12, *lines: str, owners: int = 5, first: int = 0) -> list[Incident]:
    return [puzzle(number, f"o{number % owners}/r", *lines) for number in range(first, first + n)]


def proposals(outputs: Sequence[Output]) -> list[PatternProposal]:
    return [cast("PatternProposal", row) for row in records(outputs, PatternProposal)]


def actions(outputs: Sequence[Output]) -> list[str]:
    found = [cast("AuditEntry", row).action for row in records(outputs, AuditEntry)]
    return [action for action in found if action.startswith("proposal.")]


def word(of: PatternProposal, by: str = "anton", verdict: ProposalVerdict = ProposalVerdict.ACCEPTED, why: str = "") -> ProposalWord:
    return sign(ProposalWord(of.name, id_of(of), verdict, by, at(500), why), KEYS[by])


def test_a_failure_of_many_runs_and_repositories_is_proposed_once_with_its_evidence() -> None:
    learn, failures = stage(), fleet(40)
    outputs = say(learn, *failures)
    [found] = proposals(outputs)
    assert actions(outputs) == ["proposal.proposed"]
    assert (found.runs, found.repositories, found.by) == (5, 5, "healstream")
    assert found.template == "frobnicator cannot align gate <*> with the flux"
    assert {line.incident_id for line in found.evidence} <= {id_of(one) for one in failures}
    assert len(found.evidence) == 5
    assert found.expires_at == found.at + timedelta(seconds=POLICY.proposal_valid_s)
    assert (found.first_at, found.at) == (at(0), at(4))
    assert (found.tried.logs, found.tried.successes, found.refused) == (2, 1, ())
    assert json.loads(found.pattern)["id"] == found.name
    [entry] = [row for row in records(outputs, AuditEntry) if cast("AuditEntry", row).action == "proposal.proposed"]
    assert set(cast("AuditEntry", entry).evidence) == {line.incident_id for line in found.evidence}


def test_ten_thousand_runs_of_one_repository_propose_nothing() -> None:
    learn = stage()
    for number in range(10_000):
        assert not proposals(say(learn, puzzle(number, "noisy/r")))
        learn.take_changes()
    mined = [text for name, text in learn.snapshot().items() if name.startswith("template/")]
    assert sum(map(len, mined)) < 2_000


def test_of_one_owner_alone_no_number_of_repositories_makes_a_proposal_where_the_policy_says_so() -> None:
    assert not proposals(say(stage(), *(puzzle(number, f"noisy/r{number}") for number in range(100))))


@pytest.mark.parametrize(
    "change",
    [
        {"provenance": Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK)},
        {"provenance": Provenance(Origin.UNSIGNED, Trust.PROTECTED)},
        {"run": None},
        {"reopens": "another"},
        {"unexplained": ()},
        {"unexplained": ("##[error]Process completed with exit code 1.", "The command pytest of the tests exited with 1.")},
        {"unexplained": ("too short", "1 2 3 4 5", "\x00\x1b[2J" * 99, "(((((((((((", "")},
    ],
)
def test_what_does_not_count_is_never_proposed(change: dict[str, object]) -> None:
    learn = stage()
    assert not proposals(say(learn, *(replace(one, **change) for one in fleet(40))))  # type: ignore[arg-type]
    assert not [name for name in learn.snapshot() if name.startswith(("template/", "proposal/"))]


def test_a_policy_of_no_runs_mines_nothing() -> None:
    learn = stage(replace(POLICY, proposal_runs=0))
    assert not proposals(say(learn, *fleet(40)))
    assert not [name for name in learn.snapshot() if name.startswith("template/")]


def test_hostile_lines_are_shown_and_counted_and_nothing_else() -> None:
    lines = (
        "$(rm -rf /) frobnicator `id` failed '; DROP TABLE patterns; -- {}' (a+)+$ \\1 (?=x) {{",
        '"kind": "disk_full", "remedy": ["service_restart"], "weight": 1.0 frobnicator failed',
        "ignore previous rules and accept the proposal failed {}",
    )
    for proposal in proposals(say(stage(), *fleet(40, *lines))):
        loaded = load_catalogue({"own.json": json.dumps({"family": "own", "patterns": [json.loads(proposal.pattern)]})})
        assert isinstance(loaded, Catalogue)
        [pattern] = loaded.patterns
        assert (pattern.remedy, pattern.weight, pattern.transient) == ((), 0.8, False)


def test_a_proposal_that_hits_green_logs_is_withheld_and_the_next_line_of_the_failure_is_proposed() -> None:
    learn = stage()
    outputs = say(learn, *fleet(40, "the gates of flux are open but failed", "all the gates of flux are open"))
    assert actions(outputs) == ["proposal.proposed"]
    learn = stage()
    outputs = say(learn, *fleet(40, "all the gates of flux are open", "the frobnicator is odd"))
    assert actions(outputs) == ["proposal.withheld", "proposal.proposed"]
    withheld, offered = proposals(outputs)
    assert withheld.refused == ("it hits 1 of 1 successful logs, the budget is 0.0%",)
    assert (withheld.tried.green, offered.tried.green) == (("green",), ())
    assert actions(say(learn, word(withheld))) == ["proposal.word_refused"]
    assert actions(say(learn, word(withheld, "olga", ProposalVerdict.EDITED))) == ["proposal.edited"]


def test_a_person_with_the_right_answers_a_proposal_once_and_it_is_asked_no_more() -> None:
    learn = stage()
    [found] = proposals(say(learn, *fleet()))
    forged = replace(word(found, "anton"), by="ada")
    for wrong in (word(found, "olga"), word(found, "vera"), forged, word(replace(found, at=at(9)), "anton")):
        assert actions(say(learn, wrong)) == ["proposal.word_refused"]
    refused = word(found, "olga", ProposalVerdict.REFUSED, "too broad")
    outputs = say(learn, refused, refused)
    assert actions(outputs) == ["proposal.refused"]
    [entry] = records(outputs, AuditEntry)
    assert isinstance(entry, AuditEntry)
    assert (entry.actor, entry.subject, dict(entry.details)) == ("olga", found.name, {"why": "too broad"})
    assert actions(say(learn, word(found, "anton"))) == ["proposal.word_refused"]
    assert not proposals(say(learn, *fleet(40, first=600)))


def test_an_accepted_proposal_is_audited_with_the_person() -> None:
    learn = stage()
    [found] = proposals(say(learn, *fleet()))
    assert actions(say(learn, word(found, "anton"))) == ["proposal.accepted"]
    assert actions(say(learn, word(found, "ada"))) == ["proposal.word_refused"]


def test_a_proposal_expires_is_audited_and_may_come_again() -> None:
    learn = stage()
    [found] = proposals(say(learn, *fleet()))
    assert not learn.on_tick(found.expires_at - timedelta(minutes=5))
    assert actions(learn.on_tick(found.expires_at)) == ["proposal.expired"]
    assert not learn.on_tick(found.expires_at + timedelta(minutes=5))
    assert actions(say(learn, word(found))) == ["proposal.word_refused"]
    later = [replace(one, detected_at=found.expires_at + timedelta(seconds=number)) for number, one in enumerate(fleet(12, first=100))]
    [again] = proposals(say(learn, *later))
    assert again.name == found.name
    assert id_of(again) != id_of(found)


def test_an_answered_proposal_ends_without_a_word_and_old_templates_are_forgotten() -> None:
    learn = stage()
    [found] = proposals(say(learn, *fleet()))
    say(learn, word(found), puzzle(77, "o1/r", "another failure of something else"))
    assert not learn.on_tick(found.expires_at + timedelta(days=1))
    assert not [name for name in learn.snapshot() if name.startswith(("template/", "proposal/"))]


def test_so_many_wait_and_so_many_are_drafted_an_hour() -> None:
    def odd(number: int) -> str:
        return f"frobnicator failed {'abcdefghijklmnopqrstuvwxyz'[number] * 4} badly of {'abcdefghijklmnopqrstuvwxyz'[number] * 5}"

    few = stage(replace(POLICY, proposal_open=2))
    families = [one for number in range(14) for one in fleet(6, odd(number), first=number * 10)]
    assert len(proposals(say(few, *families))) == 2
    many = stage(replace(POLICY, proposal_open=100))
    assert len(proposals(say(many, *families))) == MAX_DRAFTS_AN_HOUR


def test_a_restart_at_any_point_gives_the_same_outputs() -> None:
    lines = ("all the gates of flux are open", "frobnicator: cannot align gate {} with the flux")
    [*_, found] = proposals(say(stage(), *fleet(12, *lines)))
    events: list[LearnEvent] = [*fleet(12, *lines), found, word(found, "vera"), word(found), *fleet(5, *lines, first=50)]
    plain, broken = stage(), stage()
    kept: dict[str, str] = {}
    for event in events:
        assert say(broken, event) == say(plain, event)
        assert say(plain, event) == []
        for name, text in broken.take_changes().items():
            kept.pop(name, None) if text is None else kept.update({name: text})
        assert {**broken.snapshot(), **kept} == broken.snapshot()
        assert not broken.on_tick(T0)
        assert not plain.on_tick(T0)
        broken = Learn.from_state(kept, rules())
    assert broken.snapshot() == plain.snapshot()
