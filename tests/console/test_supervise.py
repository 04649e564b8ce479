"""The supervisor with small real processes: what ends is started again, and nothing is left after the stop."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.backoff import Backoff
from console.home import Home, empty_temporary, make_state, only_copy
from console.live import is_same_process
from console.supervise import ChildSpec, Supervisor
from console.system import worker_specs
from schemas.errors import HealstreamError, UnreachableError

STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
ENVIRON = (("PATH", os.defpath),)


def waited(look: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not look() and time.monotonic() < end:
        os.sched_yield()
    return look()


def test_a_killed_child_comes_back_and_none_is_left_after_the_stop(tmp_path: Path) -> None:
    spec = ChildSpec("sleeper", (sys.executable, "-c", "import time; time.sleep(60)"), ENVIRON)
    supervisor = Supervisor([spec], tmp_path, lambda: 0.0)
    supervisor.start()
    supervisor.wait_ready(10)
    first = supervisor.rows()[0]["pid"]
    assert isinstance(first, int)

    os.kill(first, signal.SIGKILL)

    assert waited(lambda: supervisor.rows()[0]["pid"] not in {None, first})
    second = supervisor.rows()[0]["pid"]
    supervisor.stop()
    assert not is_same_process(first)
    assert not is_same_process(second)


def test_a_child_that_never_gets_ready_is_named_with_its_last_line(tmp_path: Path) -> None:
    spec = ChildSpec("broken", (sys.executable, "-c", "print('no such broker'); raise SystemExit(5)"), ENVIRON, port=1)
    supervisor = Supervisor([spec], tmp_path, lambda: 0.0)
    supervisor.start()

    with pytest.raises(UnreachableError, match="broken"):
        supervisor.wait_ready(1.0)

    supervisor.stop()


def test_the_wait_doubles_up_to_a_limit_and_is_forgiven_after_good_service() -> None:
    backoff, waits = Backoff(), []
    for _ in range(12):
        backoff = backoff.after_end(0.1, 0.0, lambda: 1.0)
        waits.append(backoff.not_before_s)

    assert waits[:4] == [0.25, 0.5, 1.0, 2.0]
    assert waits[-1] == 30.0
    assert backoff.after_end(60.0, 0.0, lambda: 1.0).not_before_s == 0.25
    assert backoff.after_end(60.0, 0.0, lambda: 0.0).not_before_s == 0.125


def test_an_older_folder_and_a_second_copy_get_a_clear_no(tmp_path: Path) -> None:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    make_state(home)

    with only_copy(home), pytest.raises(HealstreamError, match="another healstream uses it"), only_copy(home):
        pass
    (home.state / "format").write_text("0\n")
    with pytest.raises(HealstreamError, match="its format is 0"):
        make_state(home)


def test_workers_lay_things_out_below_the_state_folder_and_a_start_empties_it(tmp_path: Path) -> None:
    home = Home("demo", tmp_path / "state", tmp_path / "config")
    make_state(home)
    told = [dict(spec.environ)["TMPDIR"] for spec in worker_specs(home, "127.0.0.1:1", "key", {"TMPDIR": "/elsewhere"})]
    assert set(told) == {str(home.temporary)}
    (home.temporary / "left").mkdir()
    (home.temporary / "left" / "by a killed worker").write_text("x", encoding="utf-8")

    empty_temporary(home)

    assert list(home.temporary.iterdir()) == []
