"""On a locked broker every process works under its own name, and each name may do exactly what its row says - tried, not looked up.

First one failure goes all the way through under the principals; then the processes end, and every principal tries every operation on
every topic, group and transactional id.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message

from console.cli.main import run
from infra.kafka import consumer_settings, read_to_end
from infra.logins import Login, address_with, write_login
from infra.rights_admin import apply_rights, create_rights, login_files, make_known, rights_in_force
from schemas.avro_codec import Codec
from schemas.events import JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.oversight import AuditRecord
from schemas.policy import Policy
from schemas.principals import LOOKERS, PRINCIPALS, Principal, Resource, Right, faults_of
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import public_text
from schemas.topics import TOPICS
from schemas.vocabulary import Kind, Result
from streams.notary import find_breaks
from tests.support.attempts import begin_as, commit_in, fetch_from, produce_to, why_refused
from tests.support.whole_system import AUTOMATIC, WholeSystem

# Six processes and a broker start first.
pytestmark = pytest.mark.timeout(600)
NAMES = tuple(topic.name for topic in TOPICS)
GROUPS = tuple(group for one in PRINCIPALS for group in one.groups)
TRANSACTIONS = tuple(prefix for one in PRINCIPALS for prefix in one.transactions)
each_principal = pytest.mark.parametrize("principal", PRINCIPALS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def system(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    running = WholeSystem(tmp_path_factory.mktemp("locked"), jars, is_locked=True, is_measured=True)
    try:
        running.start(Policy(strategies=AUTOMATIC))
        yield running
    finally:
        running.close()


@dataclass(frozen=True)
class Said:
    """What one command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(
    system: WholeSystem, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[[str, str], Said]:
    """Return what runs a command of people under a principal's name, which it has from a file."""
    monkeypatch.setenv("HEALSTREAM_BROKERS", f"127.0.0.1:{system.port}")
    for place in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(place, str(tmp_path))

    def call(principal: str, words: str) -> Said:
        monkeypatch.setenv("HEALSTREAM_LOGIN_FILE", str(system.folder / "logins" / f"{principal}.login"))
        try:
            run(words.split())
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        return Said(code, *capsys.readouterr())

    return call


def test_a_killed_service_is_recovered_by_processes_that_each_have_their_own_name(system: WholeSystem) -> None:
    system.kill_service("db")
    end = time.monotonic() + 120
    healed: list[RecoveryOutcome] = []
    # On a busy machine a slow look may have opened an incident before, which ended by itself.
    while not healed and time.monotonic() < end:
        healed = [one for one in system.wait_outcomes("service:db", 120) if one.status is OutcomeStatus.HEALED]
    assert [one.strategy for one in healed] == ["service_restart"], system.final_outcomes()
    chain = [record for record in read_to_end(system.address, "heal.audit") if isinstance(record, AuditRecord)]
    assert {"incident.opened", "decision.heal", "command.admitted", "recovery.healed"} <= {record.entry.action for record in chain}
    assert find_breaks(chain, public_text(system.keys["notary"]), 100) == []


def test_a_failed_job_is_told_by_the_ci_producer_and_judged(system: WholeSystem) -> None:
    now, place = datetime.now(UTC), ("github", "acme/shop", "501", 1)
    trusted = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
    text = "tests/test_cart.py .F.\nE       assert 3 == 4\nFAILED tests/test_cart.py::test_total - assert 3 == 4\n"
    system.send(LogChunk(*place, "build", 0, text, True, now, provenance=trusted))
    ended = JobFinished(*place, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, now, log_chunks=1, provenance=trusted)
    system.send(ended)
    [outcome] = system.wait_outcomes("job:github/acme/shop/501/build", 90)
    assert (outcome.status, outcome.kind) == (OutcomeStatus.REFUSED, Kind.TEST_FAILURE), outcome


def test_a_program_that_may_only_read_outcomes_keeps_its_place_in_them(system: WholeSystem) -> None:
    group = "healstream-outcome-reader-board"
    consumer = Consumer(consumer_settings(system.address_of("outcome-reader"), group))
    consumer.subscribe(["recovery.outcomes"])
    try:
        message = _next(consumer.poll)
        assert isinstance(Codec([RecoveryOutcome]).decode(message.value()), RecoveryOutcome)
        consumer.commit(message=message, asynchronous=False)
    finally:
        consumer.close()


def _next(poll: Callable[[float], Message | None]) -> Message:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        message = poll(1.0)
        if message is not None and message.error() is None:
            return message
    raise AssertionError("nothing came")


def test_no_process_was_refused_anything_while_it_worked(system: WholeSystem) -> None:
    said = "\n".join(system.log(name) for name in system.names)
    assert "uthorization" not in said, said


def test_the_table_is_checked_and_applied_by_the_administrator_only(cli: Callable[[str, str], Said], system: WholeSystem) -> None:
    assert cli("admin", "topics acls check") == Said(0, "", "the broker's rules are those of the table\n")
    assert cli("admin", "topics acls apply --dry-run") == Said(0, "", "nothing was changed: a dry run\n")
    applied = cli("admin", f"topics acls apply --logins {system.folder}/logins")
    assert (applied.code, applied.err.splitlines()[-1]) == (0, "what the table says is in force, and nothing else")
    for words in ("topics acls check", "topics acls apply --dry-run", f"topics acls apply --logins {system.folder}/logins"):
        denied = cli("operator", words)
        assert (denied.code, "HEALSTREAM_LOGIN_FILE" in denied.err) == (4, True), denied


def test_a_person_sees_incidents_under_the_operators_name(cli: Callable[[str, str], Said]) -> None:
    listed = cli("operator", "incident list --output json")
    assert listed.code == 0, listed
    assert {row["target"] for row in json.loads(listed.out)["items"]} >= {"service:db"}


def test_a_stranger_and_a_wrong_password_come_to_nothing(system: WholeSystem, tmp_path: Path) -> None:
    wrong = Login("healstream-gatekeeper", "guessed")
    write_login(tmp_path / "wrong.login", wrong)
    assert why_refused(address_with(system.address, tmp_path / "wrong.login")) == "_AUTHENTICATION"
    assert why_refused(f"127.0.0.1:{system.port}") in {"_ALL_BROKERS_DOWN", "_TRANSPORT"}


def test_who_got_a_right_beside_the_table_is_named_and_loses_it_when_the_table_is_applied(system: WholeSystem) -> None:
    """Given rules of ours and a stranger's that no row gives, then check names both, and apply takes ours and leaves the stranger's."""
    ours = Right("healstream-prober", Resource.TOPIC, "recovery.commands", "WRITE")
    strangers = replace(ours, principal="somebody")
    create_rights(system.broker.address, {ours, strangers})
    assert faults_of(rights_in_force(system.broker.address)) == [f"not in the table: {ours}", f"a stranger's: {strangers}"]
    assert apply_rights(system.broker.address) == (frozenset(), frozenset({ours}))
    assert faults_of(rights_in_force(system.broker.address)) == [f"a stranger's: {strangers}"]


def test_a_login_that_was_thrown_away_is_made_anew_and_the_old_password_is_worth_nothing(system: WholeSystem, tmp_path: Path) -> None:
    path = login_files(system.folder / "logins")["outcome-reader"]
    old = tmp_path / "old.login"
    path.rename(old)
    assert make_known(system.broker.address, system.folder / "logins") == ("outcome-reader",)
    assert produce_to(system.address_of("outcome-reader"), ["recovery.outcomes"]) == {"recovery.outcomes": "TOPIC_AUTHORIZATION_FAILED"}
    assert why_refused(address_with(system.address, old)) == "_AUTHENTICATION"


@pytest.fixture(scope="module")
def quiet(system: WholeSystem) -> WholeSystem:
    """Return the system without its processes, and with a record in every topic: what follows writes what no stage could read."""
    for name in system.names:
        system.end(name)
    assert set(produce_to(system.broker.address, NAMES).values()) == {""}
    return system


@each_principal
def test_a_principal_writes_where_its_row_says_and_is_refused_everywhere_else(quiet: WholeSystem, principal: Principal) -> None:
    said = produce_to(quiet.address_of(principal.name), NAMES)
    assert said == {name: "" if name in principal.writes else "TOPIC_AUTHORIZATION_FAILED" for name in NAMES}


@each_principal
def test_a_principal_reads_where_its_row_says_and_is_refused_everywhere_else(quiet: WholeSystem, principal: Principal) -> None:
    group = (*principal.groups, f"{LOOKERS}matrix")[0]
    said = fetch_from(quiet.address_of(principal.name), NAMES, group)
    assert said == {name: "" if name in principal.all_reads else "TOPIC_AUTHORIZATION_FAILED" for name in NAMES}


@each_principal
def test_a_principal_keeps_offsets_in_its_own_groups_only(quiet: WholeSystem, principal: Principal) -> None:
    groups = (*GROUPS, f"{LOOKERS}matrix", "anything")
    said = commit_in(quiet.address_of(principal.name), groups, "recovery.outcomes")
    assert said == {group: "" if group in principal.groups else "GROUP_AUTHORIZATION_FAILED" for group in groups}


@each_principal
def test_a_principal_owns_its_own_transactional_ids_only(quiet: WholeSystem, principal: Principal) -> None:
    said = {prefix: begin_as(quiet.address_of(principal.name), f"{prefix}0") for prefix in (*TRANSACTIONS, "anything")}
    wanted = {prefix: "" if prefix in principal.transactions else "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" for prefix in said}
    assert said == wanted
