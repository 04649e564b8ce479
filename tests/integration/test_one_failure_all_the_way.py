"""One failure through every stop: a killed service is seen, judged, admitted, restarted, verified, audited."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from console.cli.main import run
from console.demo.github_server import GithubServer
from console.home import home_of
from console.init import init, person_lines
from infra.kafka import read_to_end
from infra.state_log import read_entries
from schemas.decisions import Admission, HealingCommand
from schemas.events import JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.incidents import Incident
from schemas.oversight import AuditRecord, Control, DeadLetter, Feedback, KillSwitch, SwitchMode
from schemas.people import Role
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import private_bytes, public_text, sign
from schemas.vocabulary import Kind, Result
from streams.notary import find_breaks
from tests.support.github_api import Mood
from tests.support.github_flow import A_FORKS, FLAKY, ROOTS, STRANGE, GithubFlow, at_github, patterns, until
from tests.support.whole_system import AUTOMATIC, PROCESSES, WholeSystem


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GithubFlow]:
    with at_github(tmp_path_factory.mktemp("github")) as found:
        yield found


@pytest.fixture(scope="module")
def system(jars: tuple[Path, ...], github: GithubFlow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    running = WholeSystem(tmp_path_factory.mktemp("whole"), jars)
    running.ci, running.patterns = (github.ci,), patterns("pip.json", "python_test.json")
    try:
        # However slow this machine is, no incident goes on without the log that is being fetched for it.
        running.start(Policy(strategies=AUTOMATIC, incomplete_wait_s=900.0))
        yield running
    finally:
        running.close()


def test_a_killed_service_is_recovered_and_every_stop_has_its_record(system: WholeSystem) -> None:
    system.kill_service("db")
    [outcome] = system.wait_outcomes("service:db", 60)
    assert outcome.status is OutcomeStatus.HEALED, outcome
    assert (outcome.target, outcome.kind, outcome.strategy) == ("service:db", Kind.SERVICE_DOWN, "service_restart")
    assert len({factor.source for factor in outcome.verification if factor.passed}) >= 2
    # How long it takes on a quiet machine is a figure of ``python -m tests.bench whole``.
    assert outcome.time_to_recover_s is not None
    assert 0 < outcome.time_to_recover_s < 60
    [incident] = [
        one for one in read_to_end(system.address, "heal.incidents") if isinstance(one, Incident) and one.target == outcome.target
    ]
    [command] = [one for one in read_to_end(system.address, "recovery.commands") if isinstance(one, HealingCommand)]
    assert incident.traceparent == command.traceparent == outcome.traceparent != ""
    chain = [record for record in read_to_end(system.address, "heal.audit") if isinstance(record, AuditRecord)]
    assert {"incident.opened", "decision.heal", "command.admitted", "recovery.healed"} <= {record.entry.action for record in chain}
    assert find_breaks(chain, public_text(system.keys["notary"]), 100) == []


def test_the_recovery_is_a_lesson_with_the_chance_by_which_its_strategy_was_chosen(system: WholeSystem) -> None:
    found: list[Feedback] = []
    kept: list[str] = []
    ends = time.monotonic() + 60
    while not (found and kept) and time.monotonic() < ends:
        found = [one for one in read_to_end(system.address, "learning.feedback") if isinstance(one, Feedback)]
        kept = [text for name, text in read_entries(system.address, "heal.state.decide", 0, 30).items() if name.startswith("arm/")]
    assert [(one.strategy, one.propensity, one.reward, one.verified) for one in found] == [("service_restart", 1.0, 1.0, True)]
    [tally] = json.loads(kept[0])[1]["tallies"]
    assert (tally["cases"], tally["good"]) == (1.0, tally["weight"])


PYTEST_LOG = """collected 3 items

tests/test_cart.py .F.                                                   [100%]

=================================== FAILURES ===================================
__________________________________ test_total __________________________________

    def test_total():
>       assert total([1, 2]) == 4
E       assert 3 == 4

tests/test_cart.py:7: AssertionError
=========================== short test summary info ============================
FAILED tests/test_cart.py::test_total - assert 3 == 4
========================= 1 failed, 2 passed in 0.04s ==========================
Error: Process completed with exit code 1.
"""
STRANGE_LOG = "stage nine begins\nflux regulator says 0x17 and stops\n"


def run_job(system: WholeSystem, run_id: str, text: str) -> str:
    now = datetime.now(UTC)
    trusted = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
    system.send(LogChunk("github", "acme/shop", run_id, 1, "build", 0, text, True, now, provenance=trusted))
    finished = JobFinished(
        source="github",
        project="acme/shop",
        run_id=run_id,
        attempt=1,
        workflow="ci",
        job="build",
        commit="c" * 40,
        branch="main",
        trigger="push",
        result=Result.FAILURE,
        finished_at=now,
        log_chunks=1,
        provenance=trusted,
    )
    system.send(finished)
    return f"job:github/acme/shop/{run_id}/build"


def test_a_really_failing_test_is_refused_and_nothing_is_ordered(system: WholeSystem) -> None:
    target = run_job(system, "501", PYTEST_LOG)
    [outcome] = system.wait_outcomes(target, 60)
    assert (outcome.status, outcome.kind) == (OutcomeStatus.REFUSED, Kind.TEST_FAILURE), outcome
    assert outcome.command_id is None


def test_an_unknown_failure_is_escalated_with_its_evidence(system: WholeSystem) -> None:
    target = run_job(system, "502", STRANGE_LOG)
    [outcome] = system.wait_outcomes(target, 60)
    assert (outcome.status, outcome.kind) == (OutcomeStatus.ESCALATED, Kind.UNKNOWN), outcome
    assert outcome.recommendations


def test_poison_is_dead_lettered_and_nothing_slows_down(system: WholeSystem) -> None:
    for number in range(200):
        system.producer.produce("ci.logs", bytes([number]) * 50, b"github/acme/shop/poison", number % 4)
    assert system.producer.flush(10) == 0
    [outcome] = system.wait_outcomes(run_job(system, "503", PYTEST_LOG), 20)
    assert outcome.status is OutcomeStatus.REFUSED
    end = time.monotonic() + 30
    dead: set[tuple[int, int]] = set()
    while len(dead) < 200 and time.monotonic() < end:
        letters = [one for one in read_to_end(system.address, "heal.deadletter") if isinstance(one, DeadLetter)]
        dead = {(one.origin.partition, one.origin.offset) for one in letters if one.origin.topic == "ci.logs"}
    assert len(dead) == 200


@dataclass(frozen=True)
class Told:
    """What GitHub was told, beside the system that tells it."""

    system: WholeSystem
    jobs: GithubServer

    def checks_of(self, outcome: RecoveryOutcome) -> list[dict[str, object]]:
        return [row for _, row in self.jobs.checks.rows if row["external_id"] == outcome.incident_id]

    def ended_check_of(self, outcome: RecoveryOutcome) -> dict[str, object] | None:
        return next((row for row in self.checks_of(outcome) if row["status"] == "completed"), None)

    def issues_of(self, outcome: RecoveryOutcome) -> list[str]:
        return [row.body for row in self.jobs.pulls.rows if outcome.incident_id in row.body]

    def logs(self) -> str:
        return "\n".join(self.system.log(name) for name in (*ROOTS, *PROCESSES))


@pytest.fixture(scope="module")
def told(system: WholeSystem, github: GithubFlow) -> Iterator[Told]:
    with github.begin(system):
        yield Told(system, github.jobs)


def test_a_job_that_github_tells_of_is_healed_and_told_there_and_a_forks_is_left_alone(
    system: WholeSystem, github: GithubFlow, told: Told
) -> None:
    # Given a server that fails at first, and jobs of which a webhook tells without a log: flaky, known to nobody, of a fork
    github.api.moods += [Mood("/logs", 502), Mood("/check-runs", 502)]
    targets = [github.push("601", FLAKY), github.push("602", STRANGE), github.push("603", FLAKY, A_FORKS)]
    # When the logs were fetched and each incident has its end
    healed, strange, fork = (system.wait_outcomes(target, 120)[0] for target in targets)
    # Then the flaky one was run again and verified on its new attempt, and the other two were not touched
    assert (healed.status, healed.strategy) == (OutcomeStatus.HEALED, "rerun_job"), (healed, told.logs())
    assert {row.source for row in healed.verification if row.passed} >= {"rest_conclusion", "rest_log"}
    assert (strange.status, strange.kind) == (OutcomeStatus.ESCALATED, Kind.UNKNOWN)
    assert fork.status is OutcomeStatus.REFUSED, fork
    assert [len(github.jobs.attempts(run)) for run in ("601", "602", "603")] == [2, 1, 1]
    # And the commit has a check of each, which says what was seen, done and checked, and the one for people has an issue
    checks = [until(partial(told.ended_check_of, row), 90, told.logs) for row in (healed, strange, fork)]
    assert [row["conclusion"] for row in checks] == ["success", "neutral", "neutral"]
    assert "rest_conclusion" in str(checks[0]["output"])
    until(partial(told.issues_of, strange), 90, told.logs)
    assert [(len(told.checks_of(row)), len(told.issues_of(row))) for row in (healed, strange, fork)] == [(1, 0), (1, 1), (1, 0)]


def test_a_fetcher_and_a_reporter_that_are_killed_in_their_work_lose_and_double_nothing(
    system: WholeSystem, github: GithubFlow, told: Told
) -> None:
    # Given a log that is not answered, and a check that is made though nobody hears of it
    github.api.moods += [Mood("/logs", 0), Mood("/repos/acme/shop/check-runs", 0, is_done=True)]
    target = github.push("604", STRANGE)
    # When each is killed while it waits, and started again
    until(lambda: len(github.api.moods) == 1, 60, told.logs)
    system.kill_and_run("console.fetch_logs")
    [outcome] = system.wait_outcomes(target, 120)
    until(partial(told.checks_of, outcome), 60, told.logs)
    assert github.api.moods == []
    system.kill_and_run("console.report_runs")
    # Then the log was judged once, and GitHub was told once
    until(partial(told.issues_of, outcome), 90, told.logs)
    assert (outcome.status, outcome.kind) == (OutcomeStatus.ESCALATED, Kind.UNKNOWN)
    assert [len(told.checks_of(outcome)), len(told.issues_of(outcome))] == [1, 1]
    chunks = [one for one in read_to_end(system.address, "ci.logs") if isinstance(one, LogChunk) and one.run_id == "604"]
    assert ["flux regulator" in one.text for one in chunks] == [True]


def switch(system: WholeSystem, by: str, mode: SwitchMode) -> None:
    word = Control("killswitch/fleet", by, datetime.now(UTC), killswitch=KillSwitch(mode, "drill"))
    system.send(sign(word, system.person_keys[by]))


def test_under_the_kill_switch_nothing_is_healed_until_another_person_releases_it(system: WholeSystem) -> None:
    switch(system, "ada", SwitchMode.HALT)
    system.kill_service("web")
    end = time.monotonic() + 20
    holds: list[str] = []
    while not holds and time.monotonic() < end:
        admissions = [one for one in read_to_end(system.address, "heal.admissions") if isinstance(one, Admission)]
        holds = [one.reason for one in admissions if one.target == "service:web"]
    assert holds == ["freeze: kill switch halt by ada"]
    switch(system, "bob", SwitchMode.OFF)
    [outcome] = system.wait_outcomes("service:web", 30)
    assert outcome.status is OutcomeStatus.HEALED


def rollout(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = 0
    try:
        run(["rollout", *words])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    told = capsys.readouterr()
    return code, told.out + told.err


def wait_level(capsys: pytest.CaptureFixture[str], strategy: str, people: str) -> dict[str, object]:
    end = time.monotonic() + 20
    row: dict[str, object] = {}
    while row.get("people") != people and time.monotonic() < end:
        _, told = rollout(capsys, "get", strategy)
        [row] = json.loads(told)["items"]
    return row


def test_a_strategy_is_lowered_by_one_persons_word_and_raised_by_another(
    system: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "xdg", "HEALSTREAM_BROKERS": ""}.items():
        monkeypatch.setenv(name, str(tmp_path / value) if value else system.address)
    home = home_of(os.environ, "")
    home.people.mkdir(parents=True)
    for name in ("ada", "bob"):
        (home.people / f"{name}.key").write_bytes(private_bytes(system.person_keys[name]))
        (home.people / f"{name}.key").chmod(0o600)
    init(home, "ada")
    with (home.config / "people.yaml").open("a", encoding="utf-8") as people:
        people.write(person_lines("bob", (Role.APPROVER,), public_text(system.person_keys["bob"])))

    assert rollout(capsys, "set", "rerun_job", "shadow", "--as", "ada")[0] == 0
    assert wait_level(capsys, "rerun_job", "shadow")["by"] == "ada"
    code, told = rollout(capsys, "set", "rerun_job", "automatic", "--as", "ada")
    assert (code, "takes another person" in told) == (4, True)
    assert rollout(capsys, "set", "rerun_job", "automatic", "--as", "bob")[0] == 0
    row = wait_level(capsys, "rerun_job", "automatic")
    assert [entry["action"] for entry in cast("list[dict[str, str]]", row["story"])] == ["rollout.set", "rollout.set"]
    code, told = rollout(capsys, "list", "-o", "json")
    assert code == 0
    assert {"rerun_job", "service_restart"} <= {item["strategy"] for item in json.loads(told)["items"]}


def test_the_report_tells_what_was_healed_and_what_was_left_to_people(
    system: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HEALSTREAM_BROKERS": system.address}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        run(["report", "--since", "1h", "--folder", str(tmp_path / "report"), "-o", "json"])
    assert ended.value.code == 0
    rows = {row["figure"]: row for row in json.loads(capsys.readouterr().out)["items"]}
    healed = sum(outcome.status is OutcomeStatus.HEALED for outcome in system.final_outcomes())
    assert rows["recoveries that held"]["of"] == healed > 0
    assert rows["mean time to recovery"]["of"] == healed
    assert "<svg" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "service_restart" in (tmp_path / "report" / "by_strategy.csv").read_text(encoding="utf-8")
