"""The demo's parts are real: a pip that fails and passes, a job that is re-run, services that need each other, logs that are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.configuration import load_configuration
from console.demo.github_server import GithubServer, JobSpec
from console.demo.interrupts import to_its_end
from console.demo.package_index import WHEEL, open_index, write_index
from console.demo.sandbox import PROJECT, build
from console.demo.small_disk import DATA, SPOOL, SmallDisk, hashes_below, small_disk
from console.demo.stage import Heard
from console.system_paths import shipped_patterns
from infra.adapters.ci_server import CiServers
from infra.adapters.disk_usage import usage_of
from infra.adapters.launch import pid_in
from infra.broker.server import free_ports
from schemas.attempts import StepStatus
from schemas.configuration import Keys
from schemas.events import JobFinished, LogChunk
from schemas.ids import Record, id_of
from schemas.incidents import Detection, DetectionStatus, Incident
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import CiServer, Services
from schemas.vocabulary import Group, Kind, Result
from tests.support.front_door import ROOT

AT = datetime(2026, 1, 2, tzinfo=UTC)
WEB = "service:web"


def waited(look: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not look() and time.monotonic() < end:
        os.sched_yield()
    return look()


def test_a_real_pip_fails_on_a_closed_port_and_its_rerun_passes_once_the_index_is_open(tmp_path: Path) -> None:
    records: list[Record] = []

    def take(some: Sequence[Record]) -> None:
        records.extend(some)

    (port,) = free_ports(1)
    write_index(tmp_path / "index")
    server = GithubServer(0, take)
    server.start()
    ci = CiServers(Services(ci=(CiServer("github", f"http://127.0.0.1:{server.port}", "", (PROJECT,)),)))
    target = f"job:github/{PROJECT}/7/install"
    words = ("-m", "pip", "install", "--isolated", "--no-cache-dir", "--retries", "0", "--target", "site")
    spec = JobSpec(PROJECT, "7", "install", (sys.executable, *words, f"http://127.0.0.1:{port}/simple/demo-pkg/{WHEEL}"), str(tmp_path), ())

    server.push(spec)
    assert waited(lambda: len(records) == 2)
    failed = ci.job(target, 1)
    assert failed is not None
    index = open_index(tmp_path / "index", port)
    asked = ci.rerun(target, failed.job_id)
    assert waited(lambda: len(records) == 4)
    index.shutdown()
    passed = ci.job(target, 2)
    server.stop()

    assert (failed.conclusion, asked.status) == ("failure", StepStatus.OK)
    assert passed is not None
    assert passed.conclusion == "success"
    assert (tmp_path / "site" / "demo_pkg.py").is_file()
    assert [row.result for row in records if isinstance(row, JobFinished)] == [Result.FAILURE, Result.SUCCESS]
    assert "Connection refused" in next(row.text for row in records if isinstance(row, LogChunk))


def test_the_sandboxs_configuration_is_valid_and_its_services_really_run_and_end(tmp_path: Path) -> None:
    sandbox = build(tmp_path, 1, SmallDisk(tmp_path / "disk"))

    found = load_configuration(sandbox.home.config, shipped_patterns(), Keys())
    sandbox.start_services()
    alive = [pid_in(sandbox.pid_file(spec.name)) for spec in found.services.services]
    sandbox.kill(*sandbox.ports)

    assert all(alive)
    assert found.services.scope_of(sandbox.config_target("proxy")) == "group:edge"
    assert waited(lambda: not any(_lives(pid) for pid in alive))


def test_a_ctrl_c_in_a_short_thing_is_taken_once_that_is_done_and_later_ones_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    done: list[str] = []

    def interrupted() -> None:
        with to_its_end():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of it")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["the rest of it"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_job_of_a_server_that_stops_ends_with_all_that_it_started_and_tells_nothing(tmp_path: Path) -> None:
    records: list[Record] = []
    script = (
        "import subprocess, sys, pathlib; p = subprocess.Popen(['sleep', '600']); pathlib.Path('child').write_text(str(p.pid)); p.wait()"
    )
    server = GithubServer(0, records.extend)
    server.start()
    server.push(JobSpec(PROJECT, "8", "long", (sys.executable, "-c", script), str(tmp_path), (("PATH", os.defpath),)))
    assert waited(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text() != "")
    child = int((tmp_path / "child").read_text())

    server.stop()

    assert waited(lambda: not _lives(child))
    assert records == []


def test_what_got_well_before_anything_was_broken_is_not_how_the_failure_ended() -> None:
    # given a target that a busy machine had taken for dead, and that was well when somebody looked
    heard = Heard()
    slow, broken = AT, AT + timedelta(seconds=20)
    for record in (incident_at(slow), firing(DetectionStatus.FIRING), firing(DetectionStatus.RESOLVED)):
        heard.take(record)
    assert not heard.is_quiet(WEB)
    heard.take(ended(incident_at(slow), OutcomeStatus.SELF_HEALED))
    assert heard.is_quiet(WEB)
    assert heard.ended_on(WEB, broken) is None
    # when it is really broken and healed
    mended = incident_at(broken + timedelta(seconds=1))
    heard.take(mended)
    assert not heard.is_quiet(WEB)
    heard.take(ended(mended, OutcomeStatus.HEALED))
    # then that is its end
    found = heard.ended_on(WEB, broken)
    assert found is not None
    assert found.incident == mended


def test_a_failure_that_joins_what_was_under_way_ends_with_that() -> None:
    heard = Heard()
    heard.take(incident_at(AT))
    heard.take(ended(incident_at(AT), OutcomeStatus.HEALED))

    found = heard.ended_on(WEB, AT + timedelta(seconds=1))
    assert found is not None
    assert found.incident == incident_at(AT)


def incident_at(at: datetime) -> Incident:
    key = ("group:shop", at.isoformat())
    return Incident(key, Kind.SERVICE_DOWN, Group.RUNTIME, 0.95, "f", WEB, "group:shop", "critical", True, at, at, reasons=("slow",))


def firing(status: DetectionStatus) -> Detection:
    return Detection(status, WEB, "group:shop", "health", True, AT, AT, "critical", (), signals=(("probe", "web-http"),))


def ended(incident: Incident, status: OutcomeStatus) -> RecoveryOutcome:
    at, name = incident.opened_at, id_of(incident)
    return RecoveryOutcome(
        incident_id=name, decision_id=name, attempt=1, final=True, target=WEB, kind=incident.kind, status=status, reason="",
        opened_at=at, detected_at=at, finished_at=at,
    )  # fmt: skip


@pytest.mark.parametrize("may_mount", [True, False], ids=["as the machine allows", "where nothing may be mounted"])
def test_the_disk_to_fill_says_what_it_is_is_really_filled_and_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_mount: bool
) -> None:
    if not may_mount:
        monkeypatch.setenv("PATH", str(tmp_path))
    with small_disk(tmp_path / "disk", keep=False) as disk:
        disk.furnish()
        before, well = hashes_below(disk.place / DATA), usage_of(disk.spec).percent_without()
        young = disk.fill()

        assert disk.is_mounted == disk.place.is_mount()
        assert may_mount or not disk.is_mounted
        assert disk.words.startswith("a tmpfs of 8 MiB" if disk.is_mounted else "a folder bounded to 8 MiB")
        assert well < disk.spec.well_percent < disk.spec.full_percent < usage_of(disk.spec).percent_without()
        assert hashes_below(disk.place / DATA) == before
        assert list(before) == ["book"]
        assert hashes_below(disk.place)[SPOOL] == young
    assert not disk.place.is_mount()


def test_a_killed_demo_leaves_no_file_system_behind(tmp_path: Path) -> None:
    command = f"from pathlib import Path\nfrom console.demo.small_disk import small_disk\nhere = Path({str(tmp_path)!r})\n"
    command += "with small_disk(here / 'disk', keep=False) as disk:\n    print(disk.is_mounted, flush=True)\n    input()\n"
    process = subprocess.Popen([sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    is_mounted = process.stdout.readline() == "True\n"
    assert (tmp_path / "disk").is_mount() == is_mounted

    process.kill()
    process.communicate()

    assert waited(lambda: not (tmp_path / "disk").is_mount())


def _lives(pid: int | None) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_help_needs_no_broker_library_and_a_missing_broker_exits_5_with_the_next_command(tmp_path: Path) -> None:
    environ = {"PATH": os.defpath, "HOME": str(tmp_path)}
    asked = "import sys\nfrom console.cli.main import app_for\napp_for(['--help'])\n"
    asked += "print({'confluent_kafka','pandas','river'} & set(sys.modules))"

    light = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    missing = subprocess.run(
        [sys.executable, "-m", "console.cli.main", "incident", "list"], env=environ, capture_output=True, text=True, check=False
    )

    assert light.stdout.strip() == "set()"
    assert missing.returncode == 5
    assert "healstream up" in missing.stderr
