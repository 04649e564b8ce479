"""``healstream send`` over HTTP, and the Action around it: what a job has to tell arrives as records, or it is said why it does not."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from ruamel.yaml import YAML
from typing_extensions import override

from console.cli.main import run
from console.gateway_client import PART_BYTES, GatewayClient, client_in
from infra.broker.server import free_ports
from schemas.errors import ConfigurationError, DeniedError, UnreachableError, UsageError
from schemas.events import JobFinished, LogChunk, Origin, Trust
from schemas.vocabulary import Result
from tests.support.gateway import TOKEN, Gateway
from tests.support.moody_server import MoodyServer

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "infra" / "deploy" / "action" / "action.yml"
JOB = "github/acme/shop/77/build"
LOG = "Collecting six\nERROR: no space left on device\n"
JUNIT = '<testsuite name="s" tests="1" failures="1"><testcase classname="c" name="n"><failure message="no"/></testcase></testsuite>'


@dataclass
class Running:
    gateway: Gateway
    url: str

    @property
    def jobs(self) -> list[JobFinished]:
        return [row for row in self.gateway.outlet.records if isinstance(row, JobFinished)]

    @property
    def chunks(self) -> list[LogChunk]:
        return [row for row in self.gateway.outlet.records if isinstance(row, LogChunk)]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    gateway = Gateway(now=datetime(2030, 1, 1, tzinfo=UTC))
    server = uvicorn.Server(uvicorn.Config(gateway.app, log_config=None))
    bound = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    monkeypatch.setenv("HEALSTREAM_INGEST_TOKEN", TOKEN)
    monkeypatch.setenv("HEALSTREAM_GATEWAY_URL", url)
    yield Running(gateway, url)
    server.should_exit = True
    thread.join(30)
    bound.close()


def file_of(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def said(*words: str) -> int:
    try:
        run(["send", *words])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def test_a_log_a_report_and_an_end_arrive_as_the_records_of_one_job(running: Running, tmp_path: Path) -> None:
    assert said("logs", file_of(tmp_path, "log", f"{LOG}password=hunter2hunter2\n"), "--run", JOB) == 0
    assert said("junit", file_of(tmp_path, "junit.xml", JUNIT), "--run", JOB, "--commit", "c" * 40) == 0
    more = ("--with", "trigger=push", "--with", "commit=abc", "--with", "log_chunks=1")
    assert said("event", "--run", JOB, "--attempt", "1", "--result", "failure", *more) == 0
    assert [(row.job, row.result, row.trigger, row.log_chunks) for row in running.jobs] == [
        ("build tests", Result.FAILURE, "", 1),
        ("build", Result.FAILURE, "push", 1),
    ]
    assert {row.provenance.origin for row in running.gateway.outlet.records if isinstance(row, JobFinished)} == {
        Origin.AUTHENTICATED_PRODUCER
    }
    own = [row for row in running.chunks if row.job == "build"]
    assert (own[0].text, own[-1].eof) == (f"{LOG}password=[redacted]\n", True)


def test_a_log_with_its_result_is_told_in_one_call(running: Running, tmp_path: Path) -> None:
    assert said("logs", file_of(tmp_path, "log", LOG), "--run", JOB, "--result", "failure") == 0
    [job] = running.jobs
    assert (job.run_id, job.log_chunks, job.provenance.trust) == ("77", 1, Trust.UNKNOWN)


def test_whose_code_it_was_may_only_be_lowered(running: Running) -> None:
    for trust in ("fork", "protected", "same_repository"):
        assert said("event", "--run", JOB, "--result", "failure", "--with", f"trust={trust}") == 0
    assert [row.provenance.trust for row in running.jobs] == [Trust.FORK, Trust.UNKNOWN, Trust.UNKNOWN]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("event", "--run", "a/b", "--result", "failure"), 2),
        (("event", "--run", JOB, "--result", "failure", "--with", "commit"), 2),
        (("event", "--run", JOB, "--result", "failure", "--with", "finished_at=x"), 2),
        (("event", "--run", JOB, "--result", ""), 2),
        (("junit", "/nowhere.xml", "--run", JOB), 3),
        (("event", "--run", JOB, "--result", "failure", "--gateway", "http://heal.example"), 2),
        (("event", "--run", JOB, "--result", "failure", "--gateway", "ftp://127.0.0.1"), 2),
    ],
)
def test_what_cannot_be_sent_is_said_and_nothing_is(running: Running, words: tuple[str, ...], code: int) -> None:
    assert said(*words) == code
    assert running.gateway.outlet.records == []


def test_a_wrong_token_is_denied_in_the_gateways_own_words(running: Running) -> None:
    client = client_in({"HEALSTREAM_INGEST_TOKEN": "another-token-of-tests"}, running.url)
    with pytest.raises(DeniedError, match="HEALSTREAM_INGEST_TOKEN"):
        client.post("/ingest/job", b"{}", "application/json", {"run": JOB})


def test_a_token_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = Path(file_of(tmp_path, "token", TOKEN))
    environ = {"HEALSTREAM_INGEST_TOKEN_FILE": str(file)}
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        client_in(environ, "https://heal.example")
    file.chmod(0o600)
    assert client_in(environ, "https://heal.example").token == TOKEN
    file.unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        client_in(environ, "https://heal.example")


def test_a_large_log_goes_in_parts_that_follow_each_other() -> None:
    asked: list[tuple[Mapping[str, str], int]] = []

    class Kept(GatewayClient):
        @override
        def post(self, path: str, content: bytes, content_type: str, asked_for: Mapping[str, str]) -> Mapping[str, object]:
            del path, content_type
            asked.append((asked_for, len(content)))
            return {"next_seq": len(asked) * 10}

    assert Kept("https://heal.example").send_log(JOB, 1, b"a line of a log\n" * (PART_BYTES // 8)) == 20
    assert [row["seq"] for row, _ in asked] == ["0", "10"]
    assert [row["eof"] for row, _ in asked] == ["false", "true"]


def test_a_gateway_that_asks_to_come_again_is_come_to_again_and_one_that_is_away_is_said_to_be() -> None:
    slept: list[float] = []
    server = MoodyServer(free_ports(1)[0], moods=(503, 429))
    server.start()
    try:
        GatewayClient(f"http://127.0.0.1:{server.port}", sleep=slept.append).post("/ingest/job", b'{"a": "b"}', "application/json", {})
    finally:
        server.stop()
    assert (server.taken, server.refused, slept) == ([{"a": "b"}], [503, 429], [1.0, 2.0])
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    away = GatewayClient("http://127.0.0.1:9", sleep=sleep, now_s=lambda: clock[0])
    with pytest.raises(UnreachableError, match="send the same again"):
        away.post("/ingest/job", b"{}", "application/json", {})
    assert 30 < clock[0] <= 60


def test_what_is_no_gateway_is_said() -> None:
    server = MoodyServer(free_ports(1)[0], moods=(404,))
    server.start()
    try:
        with pytest.raises(UsageError, match=r"openapi\.json"):
            GatewayClient(f"http://127.0.0.1:{server.port}").post("/ingest/job", b"{}", "application/json", {})
    finally:
        server.stop()


def step() -> dict[str, Any]:
    [found] = YAML(typ="safe").load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
    return dict(found)


def test_the_actions_script_holds_no_word_of_a_stranger() -> None:
    assert "${{" not in step()["run"]
    assert "$HS_" in step()["run"]


def environment_of(running: Running, folder: Path, **more: str) -> dict[str, str]:
    program = Path(file_of(folder, "healstream", f'#!/bin/sh\nexec {sys.executable} -c "from console.cli.main import run; run()" "$@"\n'))
    program.chmod(0o700)
    told = {"HEALSTREAM_GATEWAY_URL": running.url, "HEALSTREAM_INGEST_TOKEN": TOKEN, "HS_PROGRAM": str(program), "HS_RESULT": "failure"}
    told |= {"HS_RUN": JOB, "HS_ATTEMPT": "2", "HS_COMMIT": "c" * 40, "HS_TRIGGER": "push", "PYTHONPATH": str(ROOT), **more}
    return {**dict.fromkeys(step()["env"], ""), "PATH": os.defpath, "HOME": str(folder), **told}


def test_the_action_sends_log_report_and_end_and_a_branchs_name_is_never_a_command(running: Running, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    odd = f"$(touch {tmp_path}/evil)`touch {tmp_path}/evil`;'\""
    files = {"HS_LOG": file_of(tmp_path, "a log", LOG), "HS_JUNIT": file_of(tmp_path, "junit.xml", JUNIT), "HS_BRANCH": odd}
    environ = environment_of(running, tmp_path, **files, HS_FORK="true")
    subprocess.run([bash, "-c", step()["run"]], env=environ, cwd=tmp_path, check=True, timeout=120)
    assert not (tmp_path / "evil").exists()
    ends = {row.job: row for row in running.jobs}
    assert (ends["build"].attempt, ends["build"].branch, ends["build"].provenance.trust) == (2, odd, Trust.FORK)
    assert ends["build tests"].result is Result.FAILURE
    assert [row.text for row in running.chunks if row.job == "build"] == [LOG]


def test_in_a_workflow_of_a_fork_there_is_no_token_and_the_action_sends_nothing(running: Running, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    environ = environment_of(running, tmp_path) | {"HEALSTREAM_INGEST_TOKEN": ""}
    done = subprocess.run([bash, "-c", step()["run"]], env=environ, cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True)
    assert "nothing is sent" in done.stdout
    assert running.gateway.outlet.records == []
