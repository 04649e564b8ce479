"""On a real broker: the chain is exported and verified without it, kept elsewhere and found when forged; a rollback is seen by a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.audit_checkpoints import read_place
from console.audit_retention import settings_of
from console.audit_watch import CheckpointWatch
from console.cli.main import run
from console.home import home_of
from console.init import init
from console.topic_reader import Follower
from infra.kafka import read_to_end
from schemas.decisions import Decision
from schemas.events import JobFinished, Origin, Provenance, Trust
from schemas.ids import Record
from schemas.oversight import AuditEntry, AuditRecord
from schemas.signing import private_bytes
from schemas.topics import BY_NAME
from schemas.vocabulary import Result
from streams.notary import hash_of
from tests.support.whole_system import WholeSystem

ENTRIES = 230
TRUSTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(system: WholeSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return what runs the command line beside the system, with the system's own keys."""
    places = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state-home")}
    for name, place in {**places, "HEALSTREAM_BROKERS": system.address}.items():
        monkeypatch.setenv(name, place)
    home = home_of(places)
    init(home, "ada")
    for name, key in system.keys.items():
        (home.keys / f"{name}.key").write_bytes(private_bytes(key))

    def say(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run(words)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return say


@dataclass
class Decisions:
    """Follows what the worker decides, by the number of the run."""

    system: WholeSystem
    found: dict[str, Decision] = field(default_factory=dict)
    sent: int = 0

    def __post_init__(self) -> None:
        self.follower = Follower(self.system.address, ("heal.decisions",), self.take)
        self.follower.start()

    def take(self, record: Record) -> None:
        """Keep a decision by its run."""
        if isinstance(record, Decision):
            self.found[record.scope.rpartition("/")[2]] = record

    def next(self) -> Decision:
        """Send a failed run and return its decision."""
        self.sent += 1
        name, now = str(self.sent), datetime.now(UTC)
        run_of = ("github", "acme/api", name, 1)
        finished = JobFinished(*run_of, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, now, log_chunks=0, provenance=TRUSTED)
        self.system.send(finished)
        decision = self.follower.wait_for(lambda: self.found.get(name), 30.0)
        assert decision is not None, self.system.log("streams.app")
        return decision

    def by(self, wanted: float) -> Decision:
        """Send runs until one is decided by the wanted setting."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            decision = self.next()
            if valid_s(decision) == wanted:
                return decision
        raise AssertionError(self.system.log("streams.app"))


def valid_s(decision: Decision) -> float:
    """Return the setting that the test changes, as a decision shows it."""
    return (decision.expires_at - decision.decided_at).total_seconds()


def chain(system: WholeSystem, count: int) -> list[AuditRecord]:
    """Return the chain once it has so many records."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = [record for record in read_to_end(system.address, "heal.audit") if isinstance(record, AuditRecord)]
        if len(found) >= count:
            return found
    raise AssertionError(system.log("streams.gatekeeper"))


def publish_twice_and_take_back(decisions: Decisions, command: Command, policy: Path) -> list[Decision]:
    """Return a decision under each of three published sets, the last of which is the first again."""
    policy.write_text("decision_valid_s: 1111.0\n", encoding="utf-8")
    assert command("config", "publish")[0] == 0
    first = decisions.by(1111.0)
    policy.write_text("decision_valid_s: 2222.0\n", encoding="utf-8")
    assert command("config", "diff")[:2] == (8, "~ policy: decision_valid_s 1111.0 -> 2222.0\n")
    assert command("config", "publish")[0] == 0
    second = decisions.by(2222.0)
    assert command("config", "rollback")[:2] == (0, "~ policy: decision_valid_s 2222.0 -> 1111.0\n")
    third = decisions.by(1111.0)
    assert policy.read_text(encoding="utf-8") == "decision_valid_s: 1111.0\n"
    # A mistake publishes nothing.
    policy.write_text("decision_valid_s: long\n", encoding="utf-8")
    assert command("config", "publish")[0] == 2
    assert valid_s(decisions.next()) == 1111.0
    return [first, second, third]


def watch_publishes(system: WholeSystem, place: str) -> None:
    """Let the supervisor's watch follow the chain until it has published what there is."""
    watch = CheckpointWatch(place, {})
    follower = Follower(system.address, ("heal.audit",), watch.take)
    watch.start()
    follower.start()
    try:
        assert follower.wait_for(lambda: read_place(place, {}, 0) or None, 30.0)
    finally:
        follower.close()
        watch.close()


def verify_on_the_broker(system: WholeSystem, command: Command, kept: str, export: Path) -> None:
    """Check the chain in every way, export it, and see that what a stranger adds is found."""
    assert command("audit", "verify", "--complete", "--settle", "0")[:2] == (0, "")
    watch_publishes(system, kept)
    code, _, err = command("audit", "publish", "--to", kept)
    assert code == 0
    assert err.startswith("0 of ")
    assert command("audit", "verify", "--checkpoints", kept)[:2] == (0, "")
    assert command("audit", "export", str(export))[0] == 0
    assert command("replay")[:2] == (0, "nothing\n")
    assert settings_of(system.address, BY_NAME["heal.audit"])["retention.ms"] == str(365 * 24 * 3600 * 1000)
    last = chain(system, 1)[-1]
    forged = AuditRecord(AuditEntry("eve", "noted", "x", datetime.now(UTC)), last.sequence + 1, last.entry_offset + 1, last.hash, "")
    system.send(replace(forged, hash=hash_of(forged)))
    code, out, _ = command("audit", "verify")
    assert code == 8
    assert "somebody else added it" in out


@pytest.mark.timeout(300)
def test_a_rollback_is_seen_by_a_running_worker_and_the_audit_of_it_all_verifies_offline(
    system: WholeSystem, command: Command, tmp_path: Path
) -> None:
    # given a worker that goes by what is published, and the notary
    system.run("streams.gatekeeper")
    system.wait_ready("streams.gatekeeper")
    policy = tmp_path / "config" / "healstream" / "default" / "policy" / "waits.yaml"

    # when two sets are published and the second is taken back, then the worker's decisions say so
    decisions = Decisions(system)
    try:
        first, second, third = publish_twice_and_take_back(decisions, command, policy)
    finally:
        decisions.follower.close()
    assert first.catalogue == third.catalogue != second.catalogue

    # and all of it is in the audit, which verifies here
    for row in range(ENTRIES):
        system.send(AuditEntry("test", "noted", str(row), datetime.now(UTC)))
    records = chain(system, ENTRIES + 10)
    assert [row.entry.action for row in records if row.entry.action.startswith("configuration.")] == [
        *("configuration.published", "configuration.published"),
        *("configuration.rolled_back", "configuration.published"),
    ]
    kept, export = f"git:{tmp_path}/kept.git", tmp_path / "audit.jsonl"
    verify_on_the_broker(system, command, kept, export)

    # and, with the broker gone, in a file
    system.broker.stop()
    assert command("audit", "verify", "--file", str(export), "--checkpoints", kept)[:2] == (0, "")
    export.write_bytes(export.read_bytes().replace(b'"actor":"ada"', b'"actor":"eve"'))
    code, out, _ = command("audit", "verify", "--file", str(export))
    assert code == 8
    assert "its content is not what was hashed" in out
