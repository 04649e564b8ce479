"""The front door as people use it: up, status, send, incidents, a second copy beside it, words of people, down, and up again."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from console.home import read_running
from console.keys import ensure_key
from infra.kafka import deliver, read_to_end
from schemas.avro_codec import Codec
from schemas.catalogue import CARDS
from schemas.decisions import HealingCommand
from schemas.oversight import AuditEntry, CatalogueEntry
from schemas.signing import public_text
from tests.bench import idle
from tests.support.front_door import Copy, processes_naming, until

PROCESSES = ["detect", "executor-1", "executor-2", "gatekeeper", "gateway", "middle", "prober"]
UNKNOWN_LOG = "stage nine begins\nflux regulator says 0x17 and stops\n"
NO_HOST_LOG = (
    "fatal: unable to access 'https://git.example.org/acme/shop.git/': Could not resolve host: git.example.org\n"
    "Error: Process completed with exit code 128.\n"
)
STARTED = {"source": "github", "project": "acme/shop", "run_id": "7", "attempt": 1, "workflow": "ci", "job": "build", "commit": "c0ffee"}


@pytest.fixture(scope="module")
def copy(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """Yield one running copy of this file's own, with a second person beside the one who started it."""
    assert jars
    running = Copy(tmp_path_factory.mktemp("front-door"))
    assert running.run("init").code == 0
    add_person(running, "bob")
    main = running.home.config / "healstream.yaml"
    main.write_text(main.read_text(encoding="utf-8").replace('checkpoints: ""', f"checkpoints: {running.folder}/kept"), encoding="utf-8")
    try:
        running.up("--locked")
        yield running
    finally:
        running.down()


def add_person(copy: Copy, name: str) -> None:
    """Add an operator with a key on this machine."""
    key = public_text(ensure_key(copy.home.people / f"{name}.key"))
    with (copy.home.config / "people.yaml").open("a", encoding="utf-8") as out:
        out.write(f"  - name: {name}\n    roles: [operator]\n    public_key: {key}\n")


@pytest.fixture
def nothing(tmp_path: Path) -> Copy:
    """Return a copy that was never started."""
    return Copy(tmp_path)


def fail_job(copy: Copy, run_id: str, log: str) -> dict[str, object]:
    """Send a failed job and return its incident once it has ended."""
    sent = copy.run("send", "logs", "-", "--run", f"github/acme/shop/{run_id}/build", "--result", "failure", told=log)
    assert sent.code == 0, sent.err
    target = f"job:github/acme/shop/{run_id}/build"
    until(lambda: any(row["target"] == target and row["state"] != "classified" for row in listed(copy)), f"the incident of {target}")
    until(lambda: incident_on(copy, target)["state"] not in {"classified", "decided", "queued"}, f"the end of {target}")
    return incident_on(copy, target)


def listed(copy: Copy) -> list[dict[str, object]]:
    return copy.run("incident", "list", "-o", "json").items()


def incident_on(copy: Copy, target: str) -> dict[str, object]:
    return next(row for row in listed(copy) if row["target"] == target)


def published(copy: Copy) -> Mapping[str, str]:
    """Return name -> version of what stands on the catalogue's topic."""
    found = read_to_end(str(read_running(copy.home)["brokers"]), "heal.catalogue")
    return {row.name: row.version for row in found if isinstance(row, CatalogueEntry)}


def test_the_supervisor_keeps_what_it_publishes_and_the_audits_checkpoints_elsewhere(copy: Copy) -> None:
    brokers = str(read_running(copy.home)["brokers"])
    now = datetime.now(UTC)
    deliver(brokers, [AuditEntry("test", "noted", str(number), now) for number in range(100)], Codec([AuditEntry]), 10.0)

    assert next(row["by"] for row in copy.run("config", "versions", "-o", "json").items()) == "publisher"
    until((copy.folder / "kept" / "part-00000" / "manifest.json").is_file, "a published checkpoint")
    said = copy.run("audit", "verify", "--complete")
    assert (said.code, said.out) == (0, ""), said.out
    assert re.search(r"^[1-9]\d* checkpoints are published in ", said.err, re.MULTILINE), said.err


def test_up_starts_every_process_and_status_shows_them_ready_with_their_ports(copy: Copy) -> None:
    rows = copy.run("status", "--output", "json").items()
    assert sorted(str(row["name"]) for row in rows) == PROCESSES
    assert all(row["ready"] and row["pid"] and row["port"] for row in rows)
    assert "it runs already" in copy.run("up").err


def test_a_failed_job_becomes_an_incident_that_is_only_observed(copy: Copy) -> None:
    incident = fail_job(copy, "501", NO_HOST_LOG)
    assert (incident["state"], incident["kind"]) == ("observed", "dns_resolution"), incident
    orders = [one for one in read_to_end(str(read_running(copy.home)["brokers"]), "recovery.commands") if isinstance(one, HealingCommand)]
    assert orders == []
    name = str(incident["id"])
    whole = json.loads(copy.run("incident", "get", name[:12]).out)
    assert name in json.dumps(whole)
    words = copy.run("incident", "explain", name).out
    assert "Could not resolve host" in words


def test_a_person_logs_in_at_the_page_of_a_running_copy_and_sees_the_incident(copy: Copy) -> None:
    incident = fail_job(copy, "page", NO_HOST_LOG)
    assert copy.run("site", "password", "bob", told="correct horse battery\ncorrect horse battery\n").code == 0
    address = str(read_running(copy.home)["gateway"])
    with httpx.Client(base_url=address, timeout=30.0) as browser:
        assert browser.post("/login", data={"name": "bob", "password": "correct horse battery"}).status_code == 303
        until(lambda: str(incident["target"]) in browser.get("/api/v1/incidents").text, "the incident on the page")
        assert "bob" in browser.get("/").text


def test_every_reading_command_answers_on_a_running_copy_with_0(copy: Copy) -> None:
    for words in (("topics", "create"), ("topics", "check"), ("config", "check"), ("config", "view"), ("doctor",), ("audit", "verify")):
        said = copy.run(*words)
        assert said.code == 0, (words, said)
    assert "oversight: two_person" in copy.run("config", "view").out
    checks = copy.run("doctor", "-o", "json").items()
    assert {"broker", "configuration", "clock", "disk"} <= {row["check"] for row in checks if row["ok"] == "ok"}
    until(lambda: "one unbroken chain" in copy.run("audit", "verify").err, "the chain")
    tail = copy.run("audit", "tail", "-o", "json", "--limit", "3").items()
    assert tail
    assert all(row["action"] for row in tail)
    strategies = {row["strategy"]: row["level"] for row in copy.run("strategy", "list", "-o", "json").items()}
    assert set(strategies.items()) == {(card.name, "observe") for card in CARDS}
    [card] = copy.run("strategy", "get", "rerun_job").items()
    assert card["exploration_share"] == 0.1
    assert copy.run("strategy", "get", "dance").code == 3
    for noun in ("target", "feedback", "deadletter"):
        listed = copy.run(noun, "list", "-o", "json")
        assert listed.code == 0, (noun, listed)
    switches = copy.run("killswitch", "status", "-o", "json")
    assert (switches.code, switches.items()) == (0, [])
    assert re.search(r"newest lease: -?0\.\d s old", switches.err), switches.err


def test_events_and_health_checks_are_taken_from_the_command_line(copy: Copy) -> None:
    row = {**STARTED, "branch": "main", "trigger": "push", "started_at": "2026-01-02T03:04:05+00:00"}
    assert copy.run("send", "events", "JobStarted", "-", told=json.dumps(row)).code == 0
    assert copy.run("send", "health", "service:web", "fail", "--detail", "no answer").code == 0
    wrong = copy.run("send", "events", "JobStarted", "-", told='{"source": "github"}\n')
    assert (wrong.code, "-:1" in wrong.err) == (2, True), wrong


def test_exit_codes_say_what_kind_of_no_it_was(copy: Copy, nothing: Copy) -> None:
    assert copy.run("incident", "get", "ffffffffffff").code == 3
    assert copy.run("incident", "get").code == 2
    assert copy.run("send", "logs", "/no/such/file", "--run", "github/acme/shop/1/build").code == 3
    assert copy.run("approval", "approve", "ffffffffffff", "--as", getpass.getuser()).code == 3
    assert copy.run("incident", "mark-healed", "ffffffffffff", "--as", getpass.getuser()).code == 3
    ensure_key(copy.home.people / "stranger.key")
    denied = copy.run("killswitch", "engage", "--reason", "drill", "--as", "stranger")
    assert (denied.code, "people.yaml does not know this key" in denied.err) == (4, True), denied
    (copy.home.people / "stranger.key").unlink()
    for words in (
        ("status",),
        ("incident", "list"),
        ("topics", "check"),
        ("audit", "verify"),
        ("killswitch", "status"),
        ("strategy", "list"),
    ):
        said = nothing.run(*words)
        assert (said.code, "healstream up" in said.err) == (5, True), (words, said)
    assert nothing.run("doctor").code == 8
    assert nothing.run("config", "check").code == 2
    assert nothing.run("down").code == 0


def test_init_makes_a_folder_that_is_right_and_overwrites_nothing(nothing: Copy) -> None:
    assert nothing.run("init", "--person", "ada").code == 0
    people = (nothing.home.config / "people.yaml").read_text(encoding="utf-8")
    assert "name: ada" in people
    assert nothing.run("config", "check").code == 0
    assert nothing.run("init", "--person", "bob").code == 0
    assert (nothing.home.config / "people.yaml").read_text(encoding="utf-8") == people
    assert nothing.run("init", "--person", "../ada").code == 2


def test_a_mistake_in_the_folder_is_placed_and_the_old_set_stays_until_it_is_mended(copy: Copy) -> None:
    # given what is published
    before = published(copy)
    services, patterns = copy.home.config / "services.yaml", copy.home.config / "patterns"
    good = services.read_text(encoding="utf-8")
    # when the services are broken, then a pattern file too
    services.write_text("services:\n  - name: web\n    group: [shop\n", encoding="utf-8")
    until(lambda: bool(re.search(r"services\.yaml:\d+:\d+: ", copy.run("status").err)), "the place in services.yaml")
    services.write_text(good, encoding="utf-8")
    # Whatever is wrong in the folder, what runs and which switches are on is shown by the set in force.
    for broken in (copy.home.config / "people.yaml", copy.home.config / "healstream.yaml"):
        whole = broken.read_text(encoding="utf-8")
        broken.write_text(f"{whole}oops: 1\n", encoding="utf-8")
        for words in (("status",), ("killswitch", "status")):
            assert (said := copy.run(*words)).code == 0, said
        broken.write_text(whole, encoding="utf-8")
    patterns.mkdir()
    (patterns / "own.json").write_text('{\n "version": 1,\n "patterns": [\n  {"id": "own", "oops": 1}\n ]\n}\n', encoding="utf-8")
    until(lambda: bool(re.search(r"patterns/own\.json:\d+:\d+: ", copy.run("status").err)), "the place in the pattern file")
    # then the old set stands, the check says the same with exit 8, and what was mended is published
    assert published(copy) == before
    check = copy.run("config", "check")
    assert (check.code, bool(re.match(r"patterns/own\.json:\d+:\d+: ", check.out))) == (8, True), check
    (patterns / "own.json").unlink()
    until(lambda: "has mistakes" not in copy.run("status").err, "the mended folder")
    add_person(copy, "eve")
    until(lambda: published(copy) != before, "the new people")
    assert {name for name, version in published(copy).items() if before.get(name) != version} == {"people"}


def test_the_idle_cost_is_known(copy: Copy) -> None:
    pids = copy.pids()
    idle.settle(pids)
    figure = idle.figure_of(idle.percent_of_a_core(pids, 5.0))
    sys.stdout.write(f"idle cost: {figure.value:.2f} % of a core ({figure.how})\n")
    # A loose bound: a busy loop costs a whole core; the figure itself is `make bench`'s.
    assert figure.value < 25, figure


def test_a_switch_said_while_kafka_does_not_answer_stops_here_and_is_published_later(copy: Copy) -> None:
    # given a broker that stands still
    supervisor = psutil.Process(copy.pids()["supervisor"])
    [broker] = [child for child in supervisor.children() if "java" in child.name()]
    broker.suspend()
    try:
        # when a person engages the switch
        said = copy.run("killswitch", "engage", "--reason", "drill", "--as", getpass.getuser())
        # then the stop file is there, the code says that Kafka was not reached, and nothing is lost
        assert (said.code, "stop file" in said.err) == (5, True), said
        assert copy.home.stop_file.exists()
        assert copy.home.pending_word("killswitch/fleet").exists()
    finally:
        broker.resume()
    until(lambda: not copy.home.pending_word("killswitch/fleet").exists(), "the publication")
    until(lambda: any(row["scope"] == "fleet" for row in switches(copy)), "the switch")
    # and the one who engaged it may not release it, another person may
    denied = copy.run("killswitch", "release", "--as", getpass.getuser())
    assert denied.code == 4, denied
    released = copy.run("killswitch", "release", "--as", "bob")
    assert released.code == 0, released
    assert switches(copy) == []
    assert not copy.home.stop_file.exists()


def test_hands_off_a_target_is_said_listed_and_lifted_and_no_breaker_is_open(copy: Copy) -> None:
    said = copy.run("freeze", "hands-off", "fleet", "--for", "1h", "--as", getpass.getuser())
    assert (said.code, "left alone until" in said.err) == (0, True), said
    [row] = copy.run("freeze", "list", "-o", "json").items()
    assert (row["what"], row["state"], row["by"]) == ("fleet", "in force", getpass.getuser())
    assert copy.run("freeze", "lift", str(row["id"]), "--as", getpass.getuser()).code == 0
    assert copy.run("circuit", "list", "-o", "json").items() == []


def switches(copy: Copy) -> list[dict[str, object]]:
    return copy.run("killswitch", "status", "-o", "json").items()


def test_a_broker_that_is_killed_is_started_again_on_its_data_and_the_workers_go_on(copy: Copy) -> None:
    supervisor = psutil.Process(copy.pids()["supervisor"])
    [broker] = [child for child in supervisor.children() if "java" in child.name()]
    address = read_running(copy.home)["brokers"]
    os.kill(broker.pid, signal.SIGKILL)
    broker.wait(10)
    until(lambda: any("java" in child.name() for child in supervisor.children()), "a new broker")
    until(lambda: copy.run("topics", "check").code == 0, "the broker's answer")
    assert read_running(copy.home)["brokers"] == address
    incident = fail_job(copy, "502", UNKNOWN_LOG)
    assert incident["kind"] == "unknown", incident


def test_two_copies_run_side_by_side_and_what_was_seen_is_still_there_after_down_and_up(copy: Copy) -> None:
    # given a second copy beside the first
    other = Copy(copy.folder, "other")
    try:
        other.up()
        ports = [{row["port"] for row in one.run("status", "-o", "json").items()} for one in (copy, other)]
        assert not ports[0] & ports[1]
        assert read_running(copy.home)["brokers"] != read_running(other.home)["brokers"]
        assert listed(other) == []
        before = listed(copy)
        assert before
    finally:
        # when both are stopped
        other.down()
    copy.down()
    # then no process is left, and the data is
    assert processes_naming(str(copy.folder)) == []
    assert copy.run("status").code == 5
    copy.up()
    assert [(row["id"], row["state"]) for row in listed(copy)] == [(row["id"], row["state"]) for row in before]
