"""A decision is rebuilt bit for bit from its record, an altered record is not, and a candidate policy shows what it would change."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.audit_stream import load, save
from console.cli.main import run
from console.config_candidate import candidate_in
from console.home import Home, home_of
from console.init import init
from console.redecide import altered_fields, judged, rebuilt, replay
from schemas.avro_codec import Codec
from schemas.configuration import Configuration
from schemas.decisions import Admission, Decision, GateVerdict, Oversight, RiskFactor, Tier, Verdict
from schemas.errors import ConfigurationError
from schemas.events import Origin, Provenance, Trust
from schemas.ids import Record, id_of
from schemas.incidents import Incident, IncidentUpdate, UpdateCause
from schemas.outputs import Emit
from schemas.oversight import RolloutLevel
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind, Result
from streams.decide import Decide, DecideEvent, DecideRules
from tests.support.failures import PLACE, admitted, at, configuration, incident, outcome, override

JOB = incident()
STORE = incident("service:store", Kind.SERVICE_DOWN)
CODEC = Codec([Decision])
EVENTS: list[DecideEvent] = [
    JOB,
    STORE,
    IncidentUpdate(id_of(JOB), UpdateCause.EVIDENCE, "x2", at(2), 2, JOB.kind, 0.97, Result.FAILURE),
    admitted(id_of(JOB), 1, "c9"),
    admitted(id_of(STORE), 2),
    override("old", "ada", verdict="observe"),
    outcome(JOB, OutcomeStatus.ROLLED_BACK, 3),
    outcome(STORE, OutcomeStatus.ROLLED_BACK, 4),
    replace(JOB, origin_key=("n1",), reopens="old", opened_by="olga"),
    replace(JOB, origin_key=("b",), provenance=Provenance(Origin.UNSIGNED, Trust.FORK), complete=False, confidence=0.4123),
    incident("service:web", Kind.SERVICE_DOWN, 0.7777),
    incident("config:web.yaml", Kind.CONFIG_DRIFT),
    incident("service:nobody", Kind.SERVICE_DOWN),
    incident(kind=Kind.TEST_FAILURE),
]
POLICIES = (
    Policy(),
    Policy(loop_limit=1, minimum_confidence=0.9),
    Policy(medium_from=1.0, high_from=2.0, critical_from=3.0, oversight=Oversight.SINGLE_OPERATOR),
    Policy(high_from=10.0, critical_from=20.0),
)


def story(rules: Configuration, events: Sequence[DecideEvent] = EVENTS) -> list[Record]:
    """Return what is stored after these events, one every hundredth of a second."""
    stage, found = Decide.from_state({}, DecideRules(rules)), list[Record]()
    for number, given_event in enumerate(events):
        now = at(60 + number / 100)
        event = happening(given_event, now)
        found.append(event)
        for output in (*stage.on_event(event, PLACE, now), *stage.on_tick(now)):
            if isinstance(output, Emit) and isinstance(output.record, Decision):
                found.append(output.record)
    return found


def happening(event: DecideEvent, now: datetime) -> DecideEvent:
    """Return the event as it happens then; incidents and signed words keep their times."""
    match event:
        case Admission() | IncidentUpdate():
            return replace(event, at=now)
        case RecoveryOutcome():
            return replace(event, finished_at=now)
        case _:
            return event


def decisions(records: Sequence[Record]) -> list[Decision]:
    return [record for record in records if isinstance(record, Decision)]


@given(
    order=st.permutations(range(len(EVENTS))),
    level=st.sampled_from(RolloutLevel),
    policy=st.sampled_from(POLICIES),
    confidence=st.integers(0, 10_000),
)
@settings(max_examples=30, deadline=None)
def test_every_decision_is_rebuilt_bit_for_bit_from_what_its_record_holds(
    order: list[int], level: RolloutLevel, policy: Policy, confidence: int
) -> None:
    events = [EVENTS[index] for index in order]
    sure = [replace(one, confidence=confidence / 10_000) if isinstance(one, Incident) else one for one in events]
    for decision in decisions(story(configuration(level, policy), sure)):
        stored = CODEC.decode(CODEC.encode(decision))
        assert isinstance(stored, Decision)
        assert CODEC.encode(rebuilt(stored)) == CODEC.encode(decision)
        assert altered_fields(stored) == []


GOOD = next(row for row in decisions(story(configuration())) if row.target == "service:store")


@pytest.mark.parametrize(
    ("altered", "named"),
    [
        (replace(GOOD, verdict=Verdict.REFUSE), "verdict"),
        (replace(GOOD, reason="because"), "reason"),
        (replace(GOOD, tier=Tier.CRITICAL), "tier"),
        (replace(GOOD, approvals_required=2), "approvals_required"),
        (replace(GOOD, plan_hash="0" * 32), "plan_hash"),
        (replace(GOOD, parameters=(("service", "web"),)), "plan_hash"),
        (replace(GOOD, bounds=()), "plan_hash"),
        (replace(GOOD, dry_run=True), "dry_run"),
        (replace(GOOD, strategy=""), "gates"),
        (replace(GOOD, risk=replace(GOOD.risk, score=1.0)), "risk"),
        (replace(GOOD, risk=replace(GOOD.risk, factors=(*GOOD.risk.factors, RiskFactor("x", "", 80.0)))), "tier"),
        (replace(GOOD, gates=(GateVerdict("failure_kind", Verdict.REFUSE, "no"), *GOOD.gates[1:])), "gates"),
        (replace(GOOD, inputs=tuple(row for row in GOOD.inputs if row[0] != "level")), "the record does not hold level"),
        (replace(GOOD, inputs=tuple(row for row in GOOD.inputs if row[0] != "high_from")), "the record does not hold high_from"),
        (replace(GOOD, inputs=tuple((name, "perhaps" if name == "level" else text) for name, text in GOOD.inputs)), "perhaps"),
        (replace(GOOD, inputs=tuple((name, "false" if name == "healing_on" else text) for name, text in GOOD.inputs)), "verdict"),
    ],
)
def test_an_altered_record_is_not_what_its_own_facts_lead_to(altered: Decision, named: str) -> None:
    assert any(named in name for name in altered_fields(altered))


def test_under_the_rules_that_were_in_force_nothing_differs() -> None:
    for policy in POLICIES:
        rules = configuration(policy=policy)
        pairs = replay(story(rules), rules)
        assert [(pair.before.target, pair.changed) for pair in pairs if pair.changed] == []
        assert len(pairs) == len(decisions(story(rules)))


def test_a_stricter_candidate_shows_what_it_would_have_held_back() -> None:
    stored = story(configuration())

    pairs = replay(stored, configuration(RolloutLevel.OBSERVE))

    healed = [pair for pair in pairs if pair.before.verdict is Verdict.HEAL]
    assert healed
    for pair in healed:
        assert pair.after is not None
        assert pair.after.verdict is Verdict.OBSERVE
        assert pair.changed == ("verdict", "holds")
        assert "rollout" in judged(pair.after).holds


def test_only_decisions_of_the_span_are_compared_but_what_was_before_counts() -> None:
    stored = story(configuration())
    last = max(row.decided_at for row in decisions(stored))

    assert len(replay(stored, configuration(), last)) == 1
    assert replay(stored, configuration(), at(1000)) == []


def test_a_stream_goes_into_a_file_and_comes_back_and_a_changed_line_is_named(tmp_path: Path) -> None:
    stored, file = story(configuration()), tmp_path / "stream"

    assert save(stored, file) == len(stored)
    assert load(file) == stored

    lines = file.read_text(encoding="utf-8").splitlines()
    for spoiled, place in (
        ([lines[1]], ":1"),
        ([lines[0], lines[1].replace(id_of(JOB), "0" * 32)], ":2"),
        ([*lines[:3], "{}"], ":4"),
        ([*lines[:2], json.dumps({"record": "Incident", "id": "", "avro": "AAAA"})], ":3"),
        ([*lines[:2], json.dumps({"record": "Incident", "id": "", "avro": "?"})], ":3"),
    ):
        file.write_text("\n".join(spoiled), encoding="utf-8")
        with pytest.raises(Exception, match=f"stream{place}"):
            load(file)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for name, folder in places.items():
        monkeypatch.setenv(name, folder)
    found = home_of(places)
    init(found, "ada")
    return found


def empty_folder(tmp_path: Path) -> Path:
    """Return a folder without patterns: which patterns there are changes no decision, and checking them takes seconds."""
    folder = tmp_path / "no-patterns"
    folder.mkdir()
    return folder


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        run(words)
    out = capsys.readouterr()
    return cast("int", ended.value.code or 0), out.out, out.err


def test_the_command_compares_a_saved_stream_and_says_so_by_its_code(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = candidate_in(home.config, home.config, empty_folder(tmp_path))
    events = [one for one in EVENTS if isinstance(one, Incident) and not one.reopens]
    stored = story(rules, events)
    save(stored, tmp_path / "stream")
    strict = tmp_path / "strict"
    strict.mkdir()
    (strict / "policy.yaml").write_text("minimum_confidence: 0.999\n", encoding="utf-8")
    words = ["replay", "--file", str(tmp_path / "stream")]

    code, out, err = said(words, capsys)
    assert (code, out) == (0, "nothing\n")
    assert f"{len(decisions(stored))} of {len(decisions(stored))} decisions are rebuilt bit for bit" in err

    code, out, err = said([*words, "--policy", str(home.config)], capsys)
    assert (code, out) == (0, "nothing\n")

    code, out, err = said([*words, "--policy", str(strict), "-o", "json"], capsys)
    assert code == 8
    rows = json.loads(out)["items"]
    assert {row["target"] for row in rows} >= {"service:store"}
    assert all("confidence" in row["holds"] for row in rows)
    assert f"{len(rows)} of {len(decisions(stored))} decisions would be others" in err


def test_a_candidate_is_a_whole_folder_or_policy_files_and_its_mistakes_are_named(home: Home, tmp_path: Path) -> None:
    strict, patterns = tmp_path / "strict", empty_folder(tmp_path)
    strict.mkdir()
    with pytest.raises(ConfigurationError, match=r"neither healstream\.yaml nor a policy file"):
        candidate_in(strict, home.config, patterns)

    (strict / "policy.yaml").write_text("minimum_confidence: 0.95\n", encoding="utf-8")
    found = candidate_in(strict, home.config, patterns)
    assert (found.policy.minimum_confidence, found.policy.strategies) == (0.95, ())
    assert found.people == candidate_in(home.config, home.config, patterns).people

    (strict / "policy.yaml").write_text("minimum_confidence: high\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"policy/policy\.yaml:1:"):
        candidate_in(strict, home.config, patterns)


def test_a_record_that_was_altered_is_told_by_the_command(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert home.config.is_dir()
    save([replace(GOOD, verdict=Verdict.REFUSE)], tmp_path / "stream")

    code, out, _ = said(["replay", "--file", str(tmp_path / "stream")], capsys)

    assert code == 8
    assert "verdict" in out
