"""The commands of the pages on one running copy: the training with its real failures, session by session, then every other command once.

Ours are called in this process, lines that call other programs as well are a shell's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from console.home import home_of, read_running
from infra.broker.server import free_ports
from tests.docs.loose import lines_to_type, to_type
from tests.docs.playing import PageError, Terminal, call
from tests.docs.reader import beside, lay_out
from tests.docs.standing import EXITS, filled, filled_line, typed
from tests.docs.written import ROOT, Block, Call, Line, Step, lines_in, programs_on, sessions_in
from tests.support.real_prometheus import wait_ready
from tests.support.tools import tool

TRAINING = ROOT / "docs" / "training"
# Before the start, the senders' token is made as their page says.
SENDERS = "docs/connect/index.md"
TOKEN = [line for line in lines_in(SENDERS, (ROOT / SENDERS).read_text(encoding="utf-8")) if "ingest.token" in line.text]
# The state is packed when nothing runs.
AT_REST = "tar "
# Runs until Ctrl-C, and has begun when it says so.
ENDLESS = "prometheus "
BUILT_IN = {"exit", "export", "set"}
T = TypeVar("T", Call, Line)
SET_UP = sessions_in("docs/training/index.md", (TRAINING / "index.md").read_text(encoding="utf-8"))
EXERCISES = sorted(path for path in TRAINING.glob("[0-9]*.md"))


def _elsewhere(home: Path, port: int) -> dict[str, str]:
    """Return the places of the pages that are others here: copies of this test may run side by side."""
    return {"/tmp/practice": str(home / "practice"), "8099": str(port), "healstream/default": "healstream/training"}


@pytest.fixture(scope="module")
def terminal(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Yield a terminal in a home of its own, in which the set-up of the training has been played."""
    assert jars
    home = tmp_path_factory.mktemp("reader")
    [port] = free_ports(1)
    with pytest.MonkeyPatch.context() as patch:
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        for name in [name for name in os.environ if name.startswith(("HEALSTREAM_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CACHE_HOME", cache)
        patch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        patch.chdir(home)
        reader = Terminal(home, elsewhere=_elsewhere(home, port))
        patch.setenv("SECRET", "of-sixteen-letters")
        patch.setenv("HEALSTREAM_GITLAB_SECRET", os.environ["SECRET"])
        before = set(os.environ)
        try:
            *begin, start, _ = SET_UP
            for block, steps in begin:
                reader.play(block, steps)
            for line in TOKEN:
                play_line(reader, line)
            reader.play(*start)
            yield reader
        finally:
            call(["down", "--name", "training"])
            _end_service(home / "practice" / "web.pid", port)
            # What the pages export holds for this reader only.
            for name in set(os.environ) - before:
                patch.delenv(name)


def _end_service(pid_file: Path, port: int) -> None:
    """End the service of the training when an exercise has failed in the middle: a number may be another program's by now."""
    try:
        process = psutil.Process(int(pid_file.read_text(encoding="utf-8").split()[0]))
        if str(port) in process.cmdline():
            process.kill()
    except (OSError, psutil.Error):
        return


@pytest.mark.parametrize("page", EXERCISES, ids=lambda page: page.stem)
def test_an_exercise_does_what_stands_on_its_page(page: Path, terminal: Terminal) -> None:
    for block, steps in sessions_in(str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")):
        terminal.play(block, steps)


def play_line(reader: Terminal, line: Line) -> None:
    """Play one line that stands in no session; raises PageError."""
    reader.play(Block(line.page, line.line, "", ()), [Step(line.line, filled_line(line.text), line.shown)])


def begin_and_end(line: Line, folder: Path) -> None:
    """Type a line of Prometheus, and Ctrl-C when it says that it is ready; the port of the page may be another's here."""
    [port] = free_ports(1)
    assert ":9090" in line.text
    words = ["/bin/bash", "-c", "exec " + line.text.replace(":9090", f":{port}")]
    log = folder / "endless.log"
    with log.open("wb") as out:
        process = subprocess.Popen(words, cwd=folder, stdout=out, stderr=out)
    try:
        wait_ready(process, port, log)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, log.read_text(encoding="utf-8")


def faults_of_all(waiting: list[T], fault_of: Callable[[T], str]) -> list[str]:
    """Type all; say what is wrong with those that fail."""
    faults: dict[T, str] = {}
    # Some need what others leave behind, and no sentence of a page says an order: what fails is typed again while others succeed.
    while waiting:
        faults = {one: fault for one in waiting if (fault := fault_of(one))}
        if len(faults) == len(waiting):
            break
        waiting = list(faults)
    return list(faults.values())


def fault_of_typing(call_on_page: Call) -> str:
    """Type one call; say what is wrong with it, with the answer."""
    words = typed(call_on_page)
    try:
        argv = filled(words, "ada")
    except PageError as error:
        return str(error)
    code, said = call(argv)
    return (
        ""
        if code in EXITS.get(" ".join(words[:2]), (0,))
        else f"{call_on_page.page}:{call_on_page.line}: {' '.join(argv)} exits {code}: {said}"
    )


def test_every_other_command_on_the_pages_is_taken_by_a_running_copy(terminal: Terminal) -> None:
    lay_out(terminal)
    assert faults_of_all(to_type(), fault_of_typing) == []


def test_every_line_with_other_programs_does_what_it_says_beside_a_running_copy(terminal: Terminal) -> None:
    lines = [line for line in lines_to_type() if line not in TOKEN]
    for program in {program for line in lines for program in programs_on(line.text)} - BUILT_IN:
        tool(program)
    neighbour = beside(terminal, read_running(home_of(os.environ, os.environ["HEALSTREAM_NAME"])))

    def fault_of(line: Line) -> str:
        try:
            play_line(neighbour, line)
        except PageError as error:
            return str(error)
        return ""

    faults = faults_of_all([line for line in lines if not line.text.startswith((AT_REST, ENDLESS))], fault_of)
    assert not faults, "\n".join(faults)
    [endless] = [line for line in lines if line.text.startswith(ENDLESS)]
    begin_and_end(endless, terminal.folder)
    # Then the copy is ended, as the training's last words say.
    terminal.play(*SET_UP[-1])
    assert [fault for line in lines if line.text.startswith(AT_REST) and (fault := fault_of(line))] == []
