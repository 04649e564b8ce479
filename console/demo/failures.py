"""The planned failures as a table: how each is provoked, how it must end, and what is checked beside its outcome.

Each raises SurpriseError when something else happens; ``play.py`` runs them, those without ``after`` at once. Those of a disk, a cache
and a lock file are in ``host_failures.py``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime

from console.demo.github_server import SOURCE, JobSpec, records_of
from console.demo.github_server import Attempt as CiAttempt
from console.demo.host_failures import break_a_cache_entry, fill_a_disk, outgrow_a_lock_file
from console.demo.package_index import WHEEL, open_index, write_index
from console.demo.planned import Ended, PlannedFailure, outcome_of, require
from console.demo.sandbox import APPROVER, DRIFTED, HELD, JOB_ENVIRON, OPERATOR, PINNED, PROJECT
from console.demo.stage import Stage
from infra.adapters.launch import start_ticks
from infra.broker.server import free_ports
from schemas.ids import id_of
from schemas.recoveries import JournalKind

POISON = 200
SWITCH_S = 2.0


def kill_a_service(stage: Stage) -> Ended:
    """Kill the middle one of three; those above it fail too, and the cause is found."""
    since = stage.quiet("service:api")
    stage.sandbox.kill("api")
    final = outcome_of(stage.ended("service:api", since), "healed")
    require("another service was restarted", holds=stage.sandbox.starts_by_healing("web") + stage.sandbox.starts_by_healing("db") == 0)
    return Ended("healed", "api restarted, web above it came back by itself", final.time_to_recover_s)


def drift_a_file(stage: Stage) -> Ended:
    """Change a file by hand that git pins."""
    path, target = stage.sandbox.config_file("proxy"), stage.sandbox.config_target("proxy")
    since = stage.quiet(target)
    path.write_text(DRIFTED, encoding="utf-8")
    final = outcome_of(stage.ended(target, since), "healed")
    require("the file is not the commit's", holds=path.read_text(encoding="utf-8") == PINNED)
    return Ended("healed", "file restored from its commit, service reloaded", final.time_to_recover_s)


def install_from_closed_port(stage: Stage) -> Ended:
    """Let a real pip meet a closed port; the index opens, the job runs again and passes."""
    folder, port = stage.sandbox.folder / "index", free_ports(1)[0]
    write_index(folder)
    wanted = f"demo-pkg @ http://127.0.0.1:{port}/simple/demo-pkg/{WHEEL}"
    options = ("--isolated", "--disable-pip-version-check", "--no-cache-dir", "--retries", "1", "--target", "site")
    argv = (sys.executable, "-m", "pip", "install", *options, "--index-url", f"http://127.0.0.1:{port}/simple", wanted)
    spec = JobSpec(PROJECT, "101", "install", argv, str(stage.sandbox.folder), JOB_ENVIRON)
    stage.github.push(spec)
    stage.wait_for("the failure of pip", lambda: stage.github.attempts("101")[0].conclusion or None)
    index = open_index(folder, port)
    try:
        final = outcome_of(stage.ended(f"job:{SOURCE}/{PROJECT}/101/install"), "healed")
    finally:
        index.shutdown()
        index.server_close()
    require("the package is not installed", holds=(stage.sandbox.folder / "site" / "demo_pkg.py").is_file())
    require("it was not run exactly twice", holds=[row.conclusion for row in stage.github.attempts("101")] == ["failure", "success"])
    return Ended("healed", f"pip failed on {final.kind}, attempt 2 installed the package", final.time_to_recover_s)


def believe_a_liar(stage: Stage) -> Ended:
    """Heal a service that says 200 and keeps its own idea of its file."""
    path, target = stage.sandbox.config_file("oracle"), stage.sandbox.config_target("oracle")
    since = stage.quiet(target)
    path.write_text(DRIFTED, encoding="utf-8")
    final = outcome_of(stage.ended(target, since), "rolled_back")
    require("the state is not what it was", holds=path.read_text(encoding="utf-8") == DRIFTED)
    failed = ", ".join(row.factor for row in final.verification if not row.passed)
    return Ended("rolled_back", f"said 200, but {failed} failed; file as before, byte for byte", final.rollback_s)


def break_a_test(stage: Stage) -> Ended:
    """Fail a real test: nobody may make that green."""
    folder = stage.sandbox.folder / "project"
    folder.mkdir()
    (folder / "test_sum.py").write_text("def test_sum():\n    assert 1 + 1 == 3\n", encoding="utf-8")
    argv = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_sum.py")
    stage.github.push(JobSpec(PROJECT, "102", "unit-tests", argv, str(folder), JOB_ENVIRON))
    final = outcome_of(stage.ended(f"job:{SOURCE}/{PROJECT}/102/unit-tests"), "refused")
    require("the job was run again", holds=len(stage.github.attempts("102")) == 1)
    return Ended("refused", final.reason)


def ask_a_person(stage: Stage) -> Ended:
    """Kill what three services rest on: too risky without a person."""
    since = stage.quiet("service:vault")
    stage.sandbox.kill("vault")
    pending = stage.pending_on("service:vault")
    require("it was started before anybody said yes", holds=stage.sandbox.starts_by_healing("vault") == 0)
    stage.commands.run("approval", "approve", pending.decision_id, "--as", APPROVER)
    final = outcome_of(stage.ended("service:vault", since), "healed")
    return Ended("healed", f"risk {pending.decision.risk.score:.0f}, approved by {APPROVER} on the command line", final.time_to_recover_s)


def fail_in_an_unknown_way(stage: Stage) -> Ended:
    """Fail as nothing known fails: it goes to a person with its evidence."""
    words = "print('the moon is in the wrong house'); raise SystemExit(42)"
    stage.github.push(JobSpec(PROJECT, "103", "moonshot", (sys.executable, "-c", words), str(stage.sandbox.folder), JOB_ENVIRON))
    view = stage.ended(f"job:{SOURCE}/{PROJECT}/103/moonshot")
    outcome_of(view, "escalated")
    case = stage.sandbox.home.cases / id_of(view.incident) / "case.md"
    stage.wait_for("the case file", lambda: True if case.is_file() else None)
    require("the case names no evidence", holds="ci.events[" in case.read_text(encoding="utf-8"))
    return Ended("escalated", f"case file {case.relative_to(stage.sandbox.folder)}")


def kill_the_executor(stage: Stage) -> Ended:
    """Kill the executor in the middle of a recovery of three services; another finishes it."""
    names = ("ore", "iron", "tools")
    held, since = stage.sandbox.cwd("iron") / HELD, stage.quiet("service:tools")
    # The middle one does not come up before the executor is gone: however late the start is seen here, nothing has ended before.
    held.touch()
    stage.sandbox.kill(*reversed(names))
    intent = stage.intent("group:mill", "start:iron")
    executor = int(intent.owner.rpartition("/")[2])
    os.kill(executor, signal.SIGKILL)
    killed = time.monotonic()
    stage.wait_for("the end of the executor", lambda: start_ticks(executor) is None or None)
    held.unlink()
    final = outcome_of(stage.ended("service:tools", since), "healed")
    require("another recovery ended it", holds=final.command_id == intent.command_id)
    starts = [stage.sandbox.starts_by_healing(name) for name in names]
    require(f"starts by healing: {starts}", holds=starts == [1, 1, 1])
    # Two at least: the one that is started anew may get its share of the work back.
    owners = {row.owner for row in stage.heard.journal if row.command_id == final.command_id and row.owner}
    require(f"owners: {sorted(owners)}", holds=bool(owners - {intent.owner}))
    return Ended("healed", "executor killed -9 between steps, another finished; each service started once", time.monotonic() - killed)


def send_poison(stage: Stage) -> Ended:
    """Send what is no record; all of it is put aside, and good records behind it flow on."""
    began = time.monotonic()
    stage.emit_raw("ci.logs", [b"\xc3\x01poison" + bytes([number]) * 40 for number in range(POISON)])
    place = (SOURCE, PROJECT, "900", "behind-the-poison")
    spec = JobSpec(PROJECT, "900", place[3], (), "", ())
    from_run = records_of(spec, CiAttempt(1, 1, datetime.now(UTC), "success", "all good\n"), datetime.now(UTC))
    stage.emit(from_run)
    target = f"job:{SOURCE}/{PROJECT}/900/{place[3]}"
    stage.wait_for("a good run behind the poison", lambda: next((d for d in stage.heard.detections if d.target == target), None))
    passed_s = time.monotonic() - began
    stage.wait_for(f"{POISON} dead letters", lambda: True if _dead(stage) >= POISON else None)
    require("more was put aside than poison", holds=_dead(stage) == POISON)
    return Ended("dead_lettered", f"{POISON} put aside in {time.monotonic() - began:.1f} s; the good run behind them was read", passed_s)


def pull_the_switch(stage: Stage) -> Ended:
    """Stop a running recovery, and let it go on by another person's word."""
    # The lowest does not come up before the switch was pulled: however slow the machine is, the recovery cannot end before.
    held, since = stage.sandbox.cwd("seed") / HELD, stage.quiet("service:bread")
    held.touch()
    stage.sandbox.kill("bread", "flour", "corn", "seed")
    command = stage.intent("group:farm", "start:seed").command_id
    stage.commands.run("killswitch", "engage", "--scope", "group:farm", "--reason", "demo", "--as", OPERATOR)
    engaged = stage.wait_for("the kill switch", lambda: stage.heard.model.controls.get("killswitch/group:farm")).at
    require("it had ended before the switch", holds=stage.heard.ended_on("service:bread", since) is None)

    def late() -> object | None:
        rows = (row for row in stage.heard.journal if row.command_id == command and row.kind is JournalKind.INTENT)
        return next((row for row in rows if (row.at - engaged).total_seconds() > SWITCH_S), None)

    require("a step began more than 2 s after the switch", holds=stage.stays_away(late, SWITCH_S + 1.5))
    last = max((row.at for row in stage.heard.journal if row.command_id == command), default=engaged)
    held.unlink()
    stage.commands.run("killswitch", "release", "--scope", "group:farm", "--as", APPROVER)
    outcome_of(stage.ended("service:bread", since), "healed")
    stopped_s = max(0.0, (last - engaged).total_seconds())
    return Ended("healed", f"stopped, released by {APPROVER}, went on to the end", stopped_s)


def _dead(stage: Stage) -> int:
    return len({(row.origin.partition, row.origin.offset) for row in stage.heard.dead if row.origin.topic == "ci.logs"})


FAILURES: tuple[PlannedFailure, ...] = (
    PlannedFailure("service", "one of three services is killed", "healed", kill_a_service),
    PlannedFailure("drift", "a configuration file is changed by hand", "healed", drift_a_file),
    PlannedFailure("install", "pip install meets a closed port in a CI job", "healed", install_from_closed_port),
    PlannedFailure("liar", "a target says 200 and does something else", "rolled_back", believe_a_liar),
    PlannedFailure("test", "a test really fails", "refused", break_a_test),
    PlannedFailure("approval", "a risky restart waits for a second person", "healed", ask_a_person),
    PlannedFailure("unknown", "a job fails as nothing known fails", "escalated", fail_in_an_unknown_way),
    # Not in the middle of what takes many steps of others: they would only take longer.
    PlannedFailure(
        "executor", "the executor is killed -9 in mid-recovery", "healed", kill_the_executor, ("switch", "disk", "cache", "lock")
    ),
    PlannedFailure("poison", "200 poison records", "dead_lettered", send_poison),
    PlannedFailure("disk", "a disk is full to its last byte", "healed", fill_a_disk),
    PlannedFailure("cache", "an entry of a cache is cut in half", "healed", break_a_cache_entry),
    PlannedFailure("lock", "a lock file is out of step with its manifest", "healed", outgrow_a_lock_file),
    PlannedFailure("switch", "the kill switch stops a running recovery", "healed", pull_the_switch),
)
