"""The heartbeat's row, its calls to a real small server, and what it says in the log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from typing_extensions import override

from console.cli.config import view
from console.configuration import load_heartbeat
from console.heartbeat import Heartbeat
from console.heartbeat_rule import HeartbeatRule
from console.supervise import ChildSpec, Supervisor
from infra.adapters.beats import Beats
from infra.broker.server import free_ports
from schemas.errors import ConfigurationError
from schemas.oversight import Lease
from tests.console.test_configuration import problems_of
from tests.support.beat_listener import DRIP, HANG, BeatListener, beat_listener
from tests.support.executor_world import wait_for

START = datetime(2026, 1, 2, tzinfo=UTC)
SECRET = "/ping/0b1c-secret"


@dataclass
class World:
    """A clock, a door whose lease is as fresh as ``lease_age_s``, and processes of which some are not ready."""

    now_s: float = 1000.0
    lease_age_s: float | None = 0.0
    waiting: tuple[str, ...] = ()

    def newest(self) -> tuple[Lease | None, float]:
        if self.lease_age_s is None:
            return None, 0.0
        heard_s = self.now_s - self.lease_age_s
        return Lease(1, 1, START + timedelta(seconds=heard_s)), heard_s

    def start(self) -> None:
        """Nothing is to be started."""

    def close(self) -> None:
        """Nothing is to be closed."""

    def look(self, heartbeat: Heartbeat, wait_s: float = 0.0) -> None:
        self.now_s += wait_s
        heartbeat.look(lambda: START + timedelta(seconds=self.now_s), lambda: self.now_s)


@pytest.fixture
def listener() -> Iterator[BeatListener]:
    with beat_listener() as found:
        yield found


def heartbeat_of(world: World, rule: HeartbeatRule, timeout_s: float = 60.0) -> Heartbeat:
    return Heartbeat(rule, world, lambda: world.waiting, Beats(timeout_s))


def events(act: Callable[[], None]) -> list[tuple[str, str]]:
    with structlog.testing.capture_logs() as logs:
        act()
    assert SECRET not in repr(logs)
    return [(row["event"], row.get("why", "")) for row in logs]


def test_it_beats_at_its_pace_while_all_is_well_and_is_silent_otherwise(listener: BeatListener) -> None:
    world = World()
    heartbeat = heartbeat_of(world, HeartbeatRule(listener.url + SECRET, "", 60.0))

    def act() -> None:
        world.look(heartbeat)
        world.look(heartbeat, 59.0)
        world.look(heartbeat, 1.0)
        assert len(listener.heard) == 2
        # when a process is not ready, then the door's lease old, then none was ever heard
        world.waiting = ("executor-2",)
        world.look(heartbeat, 60.0)
        world.look(heartbeat, 1.0)
        world.waiting, world.lease_age_s = (), 1.5
        world.look(heartbeat, 1.0)
        world.lease_age_s = None
        world.look(heartbeat, 1.0)
        assert len(listener.heard) == 2
        # then it beats at once when all is well again
        world.lease_age_s = 0.4
        world.look(heartbeat, 1.0)

    told = events(act)
    assert listener.heard == [("POST", SECRET, "")] * 3
    assert told == [
        ("heartbeat taken", ""),
        ("heartbeat silent", "not ready: executor-2"),
        ("heartbeat silent", "the lease is old"),
        ("heartbeat silent", "no lease was heard yet"),
        ("heartbeat taken", ""),
    ]


def test_a_failure_is_told_once_per_change_and_tried_again(listener: BeatListener) -> None:
    world = World()
    heartbeat = heartbeat_of(world, HeartbeatRule(listener.url + SECRET, "", 60.0))

    def act() -> None:
        for answer in (500, 500, 307, 200):
            listener.answer = answer
            world.look(heartbeat, 10.0)

    assert events(act) == [("heartbeat not taken", "it answered 500"), ("heartbeat not taken", "it answered 307"), ("heartbeat taken", "")]
    # where an answer points to is never asked
    assert {path for _, path, _ in listener.heard} == {SECRET}


@pytest.mark.parametrize("answer", [HANG, DRIP])
def test_a_listener_that_never_ends_its_answer_is_given_up_in_bounded_time(listener: BeatListener, answer: str) -> None:
    listener.answer = answer
    assert Beats(0.3).post(listener.url + SECRET) == "no answer in 0.3 s"


def test_where_nobody_listens_that_is_said_without_the_url() -> None:
    (port,) = free_ports(1)
    assert Beats(60.0).post(f"http://127.0.0.1:{port}{SECRET}") == "ConnectionRefusedError: Connection refused"


def test_a_url_in_a_file_is_read_anew_each_time_and_only_when_it_is_its_owners(listener: BeatListener, tmp_path: Path) -> None:
    file = tmp_path / "heartbeat.url"
    world = World()
    heartbeat = heartbeat_of(world, HeartbeatRule("", str(file), 10.0))

    def act() -> None:
        world.look(heartbeat)
        file.write_text(f"{listener.url}{SECRET}\n", encoding="utf-8")
        file.chmod(0o640)
        world.look(heartbeat, 10.0)
        file.chmod(0o600)
        world.look(heartbeat, 10.0)
        file.write_text("http://watch.example/ping\n", encoding="utf-8")
        world.look(heartbeat, 10.0)

    told = events(act)
    assert [event for event, _ in told] == ["heartbeat not taken", "heartbeat not taken", "heartbeat taken", "heartbeat not taken"]
    assert told[0][1].endswith("cannot be read: FileNotFoundError")
    assert told[1][1].endswith(f"Run `chmod 600 {file}`")
    assert "over plain http" in told[3][1]
    assert len(listener.heard) == 1


def test_its_thread_beats_while_real_processes_live_and_ends_when_it_is_closed(listener: BeatListener, tmp_path: Path) -> None:
    class Now(World):
        @override
        def newest(self) -> tuple[Lease | None, float]:
            import time  # noqa: PLC0415 - this test alone lives in real time

            return Lease(1, 1, datetime.now(UTC)), time.monotonic()  # noqa: TID251

    spec = ChildSpec("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"), (("PATH", os.defpath),))
    supervisor = Supervisor([spec], tmp_path, lambda: 0.0)
    heartbeat = Heartbeat(HeartbeatRule(listener.url + SECRET, "", 60.0), Now(), supervisor.not_ready, Beats())
    assert supervisor.not_ready() == ("sleeper",)
    supervisor.start()
    try:
        heartbeat.start()
        assert wait_for(lambda: bool(listener.heard), 60)
        assert supervisor.not_ready() == ()
    finally:
        heartbeat.close()
        supervisor.stop()
    assert not heartbeat._thread.is_alive()


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("{url: ftp://watch.example/x}", "3:3: heartbeat.url: this is no URL to call"),
        ("{url: 'https://a:b@watch.example/x'}", "3:3: heartbeat.url: this is no URL to call"),
        ("{url: 'http://127.0.0.1@watch.example/x'}", "3:3: heartbeat.url: this is no URL to call"),
        ("{url: http://watch.example/x}", "3:3: heartbeat.url: over plain http others could read it"),
        ("{url: 'https://watch.example:70000/x'}", "3:3: heartbeat.url: its address or its port is none"),
        ("{url: 'https://watch.example:0/x'}", "3:3: heartbeat.url: nobody listens on port 0"),
        ("{url: https://watch.example/x, every_s: 5}", "4:3: heartbeat.every_s: Input should be greater than or equal to 10"),
        ("{url: https://watch.example/x, evry_s: 60}", "4:3: heartbeat.evry_s: there is no such field"),
        ("{url_file: heartbeat.url}", "3:3: heartbeat.url_file: String should match pattern"),
        ("{url: https://watch.example/x, url_file: /x}", "2:1: heartbeat: give either url or url_file"),
        ("{every_s: 60}", "2:1: heartbeat: give either url or url_file"),
    ],
)
def test_a_mistake_in_the_row_is_named_by_its_place_and_never_shows_the_url(row: str, place: str) -> None:
    (found,) = problems_of(healstream=f"version: 1\nheartbeat:\n  {row[1:-1].replace(', ', f'{chr(10)}  ')}\n") or [""]

    assert found.startswith(f"healstream.yaml:{place}")
    assert "watch.example" not in found


@pytest.mark.parametrize(
    "url", ["https://watch.example/ping/1-2?create=1&x=~", "http://127.0.0.1:8000/x", "http://[::1]:8000", "https://a.example"]
)
def test_a_row_that_is_right_is_read(url: str, tmp_path: Path) -> None:
    (tmp_path / "healstream.yaml").write_text(f"version: 1\nheartbeat: {{url: '{url}', every_s: 30}}\n", encoding="utf-8")
    assert load_heartbeat(tmp_path) == HeartbeatRule(url, "", 30.0)


def test_the_configuration_is_shown_without_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"https://watch.example{SECRET}"
    (tmp_path / "healstream.yaml").write_text(f"version: 1\nheartbeat: {{url: '{url}'}}\n", encoding="utf-8")
    monkeypatch.setenv("HEALSTREAM_CONFIG", str(tmp_path))
    view("", show_origin=False)
    shown = capsys.readouterr().out
    assert "heartbeat: {url: " in shown
    assert url not in shown


def test_a_folder_that_names_nobody_has_no_heartbeat(tmp_path: Path) -> None:
    (tmp_path / "healstream.yaml").write_text("version: 1\nheartbeat: null\n", encoding="utf-8")
    assert load_heartbeat(tmp_path) is None
    (tmp_path / "healstream.yaml").write_text("heartbeat: 3\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"healstream\.yaml:1:1: heartbeat"):
        load_heartbeat(tmp_path)
