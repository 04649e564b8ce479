"""The same checks for the fakes and for the real adapters: what a recipe may rely on, whoever fits the port."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dulwich import porcelain
from typing_extensions import override

from infra.adapters.checks import Checks
from infra.adapters.ci_server import CiServers
from infra.adapters.git_files import GitFiles
from infra.adapters.processes import Processes
from infra.adapters.step_records import StepRecords
from infra.adapters.units import Units
from recoverers.ports import CiPort, ConfigFilePort, HealthPort, ProcessPort
from schemas.attempts import CORDONED, Asked, RunnerState, StepStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import CiServer, ConfigSpec, Services, ServiceSpec
from tests.support.executor_world import wait_for
from tests.support.fakes import FakeCi, FakeFiles, FakeHealth, FakeProcesses
from tests.support.user_manager import UserManager

NAP = ("/bin/sleep", "10000")
TARGET = "job:github/acme/api/77/build"


@pytest.fixture(params=["fake", "real", "systemd"])
def processes(request: pytest.FixtureRequest, tmp_path: Path) -> ProcessPort:
    if request.param == "systemd":
        found: UserManager = request.getfixturevalue("manager")
        found.write("nap.service", f"[Service]\nExecStart={' '.join(NAP)}\nExecReload=/bin/true\n")
        return Units(StepRecords(tmp_path / "records"), found.client)
    return FakeProcesses() if request.param == "fake" else Processes()


@pytest.fixture
def service(tmp_path: Path) -> ServiceSpec:
    return ServiceSpec("nap", "g", NAP, str(tmp_path), str(tmp_path / "pid"), unit="nap.service")


def test_a_service_starts_once_for_a_key_and_stops_by_that_key_only(processes: ProcessPort, service: ServiceSpec) -> None:
    assert not processes.is_alive(service)
    assert processes.start(service, "k1").status is StepStatus.OK
    assert processes.start(service, "k1").status is StepStatus.OK
    assert processes.is_alive(service)
    assert processes.has_started(service, "k1")
    assert not processes.has_started(service, "k2")
    assert processes.stop_started(service, "k2").status is StepStatus.OK
    assert processes.is_alive(service)
    assert wait_for(lambda: processes.stop_started(service, "k1").status is StepStatus.OK, 10)
    assert not processes.is_alive(service)


def test_a_service_that_is_gone_cannot_be_reloaded_and_a_missing_program_does_not_start(service: ServiceSpec, tmp_path: Path) -> None:
    assert Processes().reload(service).status is StepStatus.FAILED
    wrong = ServiceSpec("wrong", "g", (str(tmp_path / "nothing"),), str(tmp_path), str(tmp_path / "pid"))
    assert Processes().start(wrong, "k").status is StepStatus.FAILED


@dataclass
class ConfigCase:
    port: ConfigFilePort
    spec: ConfigSpec
    drift: Callable[[bytes], None]
    live: Callable[[], bytes]


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.fixture(params=["fake", "real"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> ConfigCase:
    if request.param == "fake":
        files = FakeFiles({"c": b"pinned\n"}, {"c": b"pinned\n"})
        spec = ConfigSpec("c", "s", "/live", "/repo", "app.conf", "a" * 40)
        return ConfigCase(files, spec, lambda new: files.live.update(c=new), lambda: files.live["c"])
    repository = tmp_path / "repo"
    porcelain.init(str(repository))
    (repository / "app.conf").write_bytes(b"pinned\n")
    porcelain.add(str(repository), [str(repository / "app.conf")])
    commit = porcelain.commit(str(repository), b"one", author=b"a <a@b.example>", committer=b"a <a@b.example>")
    live = tmp_path / "live.conf"
    live.write_bytes(b"pinned\n")
    live.chmod(0o640)
    spec = ConfigSpec("c", "s", str(live), str(repository), "app.conf", commit.decode())
    return ConfigCase(GitFiles(tmp_path / "kept"), spec, lambda new: _write(live, new), live.read_bytes)


def test_a_drifted_file_is_restored_and_put_back_byte_for_byte(config: ConfigCase) -> None:
    config.drift(b"drift\r\n\x00")
    drifted = config.port.live_hash(config.spec)
    assert config.port.restore(config.spec, drifted, "k").status is StepStatus.OK
    assert config.port.restore(config.spec, drifted, "k").status is StepStatus.OK
    assert config.live() == b"pinned\n"
    assert config.port.live_hash(config.spec) == config.port.pinned_hash(config.spec, 100) == sha256(b"pinned\n").hexdigest()
    assert config.port.put_back(config.spec, drifted, "k").status is StepStatus.OK
    assert config.live() == b"drift\r\n\x00"


def test_a_file_that_changed_again_is_left_alone_and_a_large_one_has_no_pin(config: ConfigCase) -> None:
    config.drift(b"first")
    seen = config.port.live_hash(config.spec)
    config.drift(b"second")
    assert config.port.restore(config.spec, seen, "k").status is StepStatus.FAILED
    assert config.live() == b"second"
    assert config.port.pinned_hash(config.spec, 3) == ""


def _times(seconds: int) -> dict[str, str]:
    return {"started_at": "2026-03-01T12:00:00Z", "completed_at": f"2026-03-01T12:{seconds // 60:02}:{seconds % 60:02}Z"}


def _fixed_pages() -> dict[str, object]:
    """Return what the server always says: of a commit on which nothing has ended, and of a workflow's passing runs, the newest first."""
    base, took = "/repos/acme/api/actions", (62, 61, 57)
    left_out = {"name": "build", "conclusion": "skipped", **_times(0)}
    jobs = [
        [{"name": "lint", "conclusion": "success", **_times(5)}, {"name": "build", "conclusion": "success", **_times(row)}] for row in took
    ]
    pages: dict[str, object] = {
        f"{base}/runs/{60 - number}/jobs?per_page=100": {"jobs": rows} for number, rows in enumerate([*jobs, [left_out]])
    }
    pages[f"/repos/acme/api/commits/{'d' * 40}/check-runs?check_name=build"] = {
        "check_runs": [{"id": 1, "name": "build", "conclusion": None}]
    }
    runs = [{"id": 60 - number} for number in range(4)]
    for most in (2, 9):
        pages[f"{base}/workflows/5/runs?status=success&per_page={most}"] = {"workflow_runs": runs[:most]}
    return pages


class GitHub(BaseHTTPRequestHandler):
    attempts: list[str]
    labels: list[str]
    pages: dict[str, object]

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        base = "/repos/acme/api/actions"
        attempts = self.attempts
        if self.headers["Authorization"] != "Bearer token-1":
            self._send(401, b"")
        elif self.path in self.pages:
            self._send(200, json.dumps(self.pages[self.path]).encode())
        elif self.path == f"{base}/runs/77":
            self._send(200, json.dumps({"run_attempt": len(attempts), "workflow_id": 5}).encode())
        elif self.path.startswith(f"{base}/runs/77/attempts/"):
            number = int(self.path.split("/")[-2])
            known = number <= len(attempts)
            row = {"id": 100 + number, "name": "build", "head_sha": "c" * 40, "runner_name": f"build-{number}", **_times(60)}
            rows = [{**row, "conclusion": attempts[number - 1]}] if known else []
            self._send(200, json.dumps({"jobs": rows}).encode())
        elif self.path.startswith(f"{base}/runners?"):
            listed = [{"name": "self-hosted", "type": "read-only"}, *({"name": name, "type": "custom"} for name in self.labels)]
            self._send(200, json.dumps({"runners": [{"id": 1, "name": "build-1", "status": "online", "labels": listed}]}).encode())
        elif self.path == f"/repos/acme/api/commits/{'c' * 40}/check-runs?check_name=build":
            rows = [{"id": 100 + number, "name": "build", "conclusion": word} for number, word in enumerate(attempts)]
            self._send(
                200, json.dumps({"check_runs": [*reversed(rows), {"id": 900, "name": "build (old)", "conclusion": "success"}]}).encode()
            )
        elif self.path == f"{base}/jobs/102/logs":
            self._send(200, b"all good")
        else:
            self._send(302 if self.path.endswith("moved") else 404, b"")

    def do_POST(self) -> None:
        if not self.path.endswith("/jobs/101/rerun"):
            self._send(404, b"")
            return
        self.attempts.append("success")
        self._send(201, b"")

    def do_PUT(self) -> None:
        if self.path != "/repos/acme/api/actions/runners/1/labels":
            self._send(404, b"")
            return
        self.labels[:] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["labels"]
        self._send(200, b"{}")

    @override
    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def pages() -> dict[str, object]:
    return _fixed_pages()


@pytest.fixture
def server(tmp_path: Path, pages: dict[str, object]) -> Iterator[CiServer]:
    handler = type("Fresh", (GitHub,), {"attempts": ["failure"], "labels": ["large", "docker"], "pages": pages})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    token = tmp_path / "token"
    token.write_text("token-1\n", encoding="utf-8")
    yield CiServer("github", f"http://127.0.0.1:{http.server_address[1]}", str(token), ("acme/api",))
    http.shutdown()
    http.server_close()


@pytest.fixture(params=["fake", "real"])
def ci(request: pytest.FixtureRequest, server: CiServer) -> CiPort:
    return (
        FakeCi(checks={"c" * 40: "failure"}, history=(57.0, 61.0, 62.0)) if request.param == "fake" else CiServers(Services(ci=(server,)))
    )


def test_a_rerun_raises_the_attempt_and_its_job_and_log_can_be_read(ci: CiPort) -> None:
    assert ci.latest_attempt(TARGET) == 1
    job = ci.job(TARGET, 1)
    assert job is not None
    assert (job.job_id, job.conclusion) == (101, "failure")
    assert ci.rerun(TARGET, 101).status is StepStatus.OK
    assert ci.latest_attempt(TARGET) == 2
    again = ci.job(TARGET, 2)
    assert again is not None
    assert (again.conclusion, again.commit) == ("success", job.commit) == ("success", "c" * 40)
    assert ci.log(TARGET, again.job_id) == b"all good"


def test_how_a_job_ended_on_a_commit_is_told_and_what_has_not_ended_is_not(ci: CiPort) -> None:
    assert ci.conclusion_on(TARGET, "c" * 40) == "failure"
    assert ci.conclusion_on(TARGET, "d" * 40) == ""
    assert ci.conclusion_on("service:web", "c" * 40) is None


def test_how_long_a_job_took_is_told_for_its_attempts_and_for_the_passing_runs_before_the_oldest_first(ci: CiPort) -> None:
    job = ci.job(TARGET, 1)
    assert job is not None
    assert job.took_s == 60.0
    assert ci.durations(TARGET, 9) == (57.0, 61.0, 62.0)
    assert ci.durations(TARGET, 2) == (61.0, 62.0)
    assert ci.durations("service:web", 9) is None


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("/runs/59/jobs?per_page=100", {"jobs": "none"}),
        ("/workflows/5/runs?status=success&per_page=9", {"message": "no"}),
        ("/workflows/5/runs?status=success&per_page=9", {"workflow_runs": [{"id": "../../evil"}]}),
    ],
)
def test_a_history_with_a_hole_in_it_is_none(server: CiServer, pages: dict[str, object], page: str, said: object) -> None:
    pages[f"/repos/acme/api/actions{page}"] = said
    assert CiServers(Services(ci=(server,))).durations(TARGET, 9) is None


def test_a_job_without_times_and_one_whose_times_cannot_be_read_take_part_in_no_history(server: CiServer, pages: dict[str, object]) -> None:
    for run, times in ((60, {"started_at": "2026-03-01T12:00:00Z", "completed_at": None}), (59, {"started_at": "noon"})):
        pages[f"/repos/acme/api/actions/runs/{run}/jobs?per_page=100"] = {"jobs": [{"name": "build", "conclusion": "success", **times}]}
    assert CiServers(Services(ci=(server,))).durations(TARGET, 9) == (57.0,)


def test_a_jobs_runner_is_named_and_leaves_the_pool_and_comes_back_by_its_labels(ci: CiPort) -> None:
    job = ci.job(TARGET, 1)
    assert job is not None
    assert job.runner == "build-1"
    assert ci.runner(TARGET, "build-1") == RunnerState(True, 1, True, ("docker", "large"))
    for labels in ((CORDONED,), (CORDONED,), ("docker", "large")):
        assert ci.set_labels(TARGET, 1, labels).status is StepStatus.OK
        assert ci.runner(TARGET, "build-1") == RunnerState(True, 1, True, labels)
    assert ci.runner(TARGET, "gone") == RunnerState(exists=False)
    assert ci.set_labels(TARGET, 9, labels).status is StepStatus.FAILED


def test_what_is_not_there_is_said_and_not_raised(ci: CiPort) -> None:
    assert ci.latest_attempt("service:web") is None
    assert ci.job(TARGET, 9) is None
    assert ci.log(TARGET, 1) is None
    assert ci.rerun(TARGET, 1).status is StepStatus.FAILED
    assert ci.runner("service:web", "build-1") is None


def test_a_project_that_is_not_configured_and_a_dead_server_give_no_answer(server: CiServer) -> None:
    stranger = CiServers(Services(ci=(server,)))
    assert stranger.latest_attempt("job:github/evil/api/77/build") is None
    assert stranger.rerun("job:github/evil/api/77/build", 101).status is StepStatus.FAILED
    dead = CiServers(Services(ci=(CiServer("github", "http://127.0.0.1:9", server.token_file, ("acme/api",)),)))
    assert dead.latest_attempt(TARGET) is None
    assert dead.rerun(TARGET, 101).status is StepStatus.FAILED
    assert dead.runner(TARGET, "build-1") is None
    assert dead.conclusion_on(TARGET, "c" * 40) is None


@dataclass
class HealthCase:
    port: HealthPort
    well: tuple[ProbeSpec, ...]
    ill: tuple[ProbeSpec, ...]


@pytest.fixture(params=["fake", "real"])
def health(request: pytest.FixtureRequest, server: CiServer) -> HealthCase:
    if request.param == "fake":
        fake = FakeHealth(FakeProcesses(alive={"up"}), silent={"mute"}, clusters={"bus": ("up", "down"), "lost": ("down", "gone")})
        looks = (ProbeKind.HTTP, ProbeKind.TCP)
        answering = (*(ProbeSpec("look", kind, "up") for kind in looks), ProbeSpec("sync", ProbeKind.IN_SYNC, "bus"))
        gone = (*(ProbeSpec("look", kind, "down") for kind in looks), ProbeSpec("sync", ProbeKind.IN_SYNC, "lost"))
        return HealthCase(fake, answering, (*gone, ProbeSpec("mute", ProbeKind.TCP, "up")))
    page = f"{server.api_url}/nowhere"
    # Without a login this server answers 401 to everybody, as registries do.
    well = (ProbeSpec("p", ProbeKind.TCP, server.api_url.removeprefix("http://")), ProbeSpec("h", ProbeKind.HTTP, page, statuses=(401,)))
    ill = (
        ProbeSpec("h", ProbeKind.HTTP, page),
        ProbeSpec("h", ProbeKind.HTTP, page, statuses=(200, 404)),
        ProbeSpec("h", ProbeKind.HTTP, "http://127.0.0.1:9/", timeout_s=0.5, statuses=(401,)),
        ProbeSpec("p", ProbeKind.TCP, "127.0.0.1:9", timeout_s=0.5),
        ProbeSpec("s", ProbeKind.IN_SYNC, "127.0.0.1:9", timeout_s=0.2),
    )
    return HealthCase(Checks(), well, ill)


def test_a_probe_says_whether_what_it_looks_at_is_well_as_often_as_it_is_asked(health: HealthCase) -> None:
    for _ in range(2):
        assert [health.port.passes(probe) for probe in health.well] == [True] * len(health.well)
        assert [health.port.passes(probe) for probe in health.ill] == [False] * len(health.ill)
        assert [health.port.ask(probe) for probe in health.well] == [Asked(passes=True)] * len(health.well)
        assert [health.port.ask(probe) for probe in health.ill] == [Asked(passes=False)] * len(health.ill)


def test_probes_over_the_network_answer_yes_or_no(server: CiServer) -> None:
    address = server.api_url.removeprefix("http://")
    checks = Checks()
    assert checks.passes(ProbeSpec("t", ProbeKind.TCP, address))
    assert not checks.passes(ProbeSpec("t", ProbeKind.TCP, "127.0.0.1:9", timeout_s=0.5))
    assert not checks.passes(ProbeSpec("t", ProbeKind.TCP, "nonsense"))
    assert not checks.passes(ProbeSpec("h", ProbeKind.HTTP, f"{server.api_url}/moved"))
    assert not checks.passes(ProbeSpec("h", ProbeKind.HTTP, "http://127.0.0.1:9/", timeout_s=0.5))
    assert not checks.passes(ProbeSpec("p", ProbeKind.PROCESS, "pid"))
