"""The commands of the pages on one running copy: the training with its real failures, session by session, then every other command once."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.broker.server import free_ports
from tests.docs.loose import to_type
from tests.docs.playing import PageError, Terminal, call
from tests.docs.reader import lay_out
from tests.docs.standing import EXITS, filled, typed
from tests.docs.written import ROOT, Call, sessions_in

TRAINING = ROOT / "docs" / "training"
EXERCISES = sorted(path for path in TRAINING.glob("[0-9]*.md"))


def _elsewhere(home: Path, port: int) -> dict[str, str]:
    """Return the places of the pages that are others here: copies of this test may run side by side."""
    return {"/tmp/practice": str(home / "practice"), "8099": str(port), "healstream/default": "healstream/training"}


@pytest.fixture(scope="module")
def terminal(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """Yield a terminal in a home of its own, in which the set-up of the training has been played; its last session is played at the end."""
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
        # What is piped into a command in the middle of a sentence.
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"make: *** [all] Error 1\n")))
        reader = Terminal(home, elsewhere=_elsewhere(home, port))
        *set_up, afterwards = sessions_in("docs/training/index.md", (TRAINING / "index.md").read_text(encoding="utf-8"))
        try:
            for block, steps in set_up:
                reader.play(block, steps)
            yield reader
            reader.play(*afterwards)
        finally:
            call(["down", "--name", "training"])
            _end_service(home / "practice" / "web.pid", port)


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
    waiting: list[Call] = to_type()
    faults: dict[Call, str] = {}
    # Some need what others leave behind, and no sentence of a page says an order: what fails is typed again while others succeed.
    while waiting:
        faults = {one: fault for one in waiting if (fault := fault_of_typing(one))}
        if len(faults) == len(waiting):
            break
        waiting = list(faults)
    assert list(faults.values()) == []
