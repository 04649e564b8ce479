"""Failures that nothing explains become proposals in a running worker; the commands list, refuse and accept them, and the audit tells."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.cli.main import run
from console.home import home_of
from console.init import init
from infra.broker.install import cache_folder, install
from infra.kafka import read_to_end
from schemas.configuration import reviews_from
from schemas.events import JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.oversight import AuditEntry
from schemas.pattern_review import PatternState
from schemas.policy import Policy
from schemas.proposals import PatternProposal
from schemas.signing import private_bytes
from schemas.vocabulary import Result
from tests.support.whole_system import WholeSystem

WORKER = "streams.app"
TRUSTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
POLICY = Policy(proposal_runs=4, proposal_repositories=3)
NO_SPACE = "frobnicator: error: no space left on the flux device {name} today"
ODD = "reticulator: error: spline {name} is of an odd family"
NAMES = ("alpha", "beta", "gamma", "delta")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WholeSystem]:
    """Return a broker with one running worker, and a folder of this machine in which bob is known."""
    found = WholeSystem(tmp_path, install(cache_folder(os.environ)))
    try:
        found.start_broker(POLICY)
        for name, value in {"XDG_CONFIG_HOME": "config", "XDG_STATE_HOME": "xdg", "HEALSTREAM_BROKERS": found.address}.items():
            monkeypatch.setenv(name, value if name.endswith("BROKERS") else str(tmp_path / value))
        home = home_of(os.environ, "")
        home.people.mkdir(parents=True)
        (home.people / "bob.key").write_bytes(private_bytes(found.person_keys["bob"]))
        (home.people / "bob.key").chmod(0o600)
        init(home, "bob")
        found.run(WORKER)
        found.wait_ready(WORKER)
        yield found
    finally:
        found.close()


def fail(system: WholeSystem, number: int, line: str) -> None:
    """Let a run fail in one of four repositories."""
    now, place = datetime.now(UTC), ("github", f"acme/r{number % 4}", f"{number}", 1)
    text = f"step one\n{line.format(name=NAMES[number % 4])}\n##[error]Process completed with exit code 1.\n"
    system.send(LogChunk(*place, "build", 0, text, eof=True, at=now, provenance=TRUSTED))
    system.send(JobFinished(*place, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, now, log_chunks=1, provenance=TRUSTED))


def proposal_of(system: WholeSystem, word: str) -> PatternProposal:
    """Return the proposal whose template holds a word, once it is there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        rows = [row for row in read_to_end(system.address, "learning.models") if isinstance(row, PatternProposal)]
        found = [row for row in rows if word in row.template]
        if found:
            return found[0]
    raise AssertionError(system.log(WORKER))


def wait_audit(system: WholeSystem, action: str, subject: str) -> AuditEntry:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        rows = [row for row in read_to_end(system.address, "heal.audit.entries") if isinstance(row, AuditEntry)]
        found = [row for row in rows if (row.action, row.subject) == (action, subject)]
        if found:
            return found[0]
    raise AssertionError(system.log(WORKER))


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = 0
    try:
        run(["pattern", *words])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.timeout(300)
def test_one_is_refused_one_is_accepted_and_the_audit_has_both(system: WholeSystem, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(8):
        fail(system, number, NO_SPACE)
        fail(system, 100 + number, ODD)
    near, odd = proposal_of(system, "flux"), proposal_of(system, "spline")
    assert wait_audit(system, "proposal.proposed", near.name).actor == "learn"

    code, out, _ = called(capsys, "proposals", "-o", "json")
    assert (code, {row["name"] for row in json.loads(out)["items"]}) == (0, {near.name, odd.name})
    code, out, _ = called(capsys, "proposals", near.name)
    assert (code, json.loads(out)["items"][0]["kind"]) == (0, "disk_full")

    assert called(capsys, "refuse", odd.name, "--why", "not ours")[0] == 0
    entry = wait_audit(system, "proposal.refused", odd.name)
    assert (entry.actor, dict(entry.details)) == ("bob", {"why": "not ours"})

    code, _, said = called(capsys, "accept", near.name)
    assert code == 0, said
    assert wait_audit(system, "pattern.acting", near.name).actor == "bob"
    assert wait_audit(system, "proposal.accepted", near.name).actor == "bob"
    patterns = home_of(os.environ, "").config / "patterns"
    assert json.loads((patterns / "own.json").read_text(encoding="utf-8"))["patterns"][0]["id"] == near.name
    [word] = reviews_from((patterns / "reviews.json").read_text(encoding="utf-8"))
    assert (word.pattern, word.state, word.author, word.by) == (near.name, PatternState.ACTING, "healstream", "bob")
    code, out, _ = called(capsys, "proposals", "--all", "-o", "json")
    assert {row["name"]: row["state"] for row in json.loads(out)["items"]} == {near.name: "accepted", odd.name: "refused"}
