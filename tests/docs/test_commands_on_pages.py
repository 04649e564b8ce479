"""Every command that a page shows is one of the program's, and the sessions that need no running copy do what stands below them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from console.cli.doctor import CHECKS
from tests.docs.parsing import fault_of
from tests.docs.playing import PageError, Terminal
from tests.docs.site import generated_pages
from tests.docs.written import NEEDS_COPY, ROOT, Call, blocks_in, calls_in, pages, sessions_in, steps_of

PLAYED = [path for path in pages() if "```console\n" in path.read_text(encoding="utf-8")]


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return a terminal in an empty home; compiled patterns are those of the machine, so that they are not made anew."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    for name in [name for name in os.environ if name.startswith(("HEALSTREAM_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


def faults_on(page: str, text: str) -> list[str]:
    calls = calls_in(page, text)
    return [f"{call.page}:{call.line}: {call.program} {' '.join(call.argv)}: {fault}" for call in calls if (fault := fault_of(call))]


def test_every_command_on_every_written_page_is_one_of_the_program() -> None:
    faults = [fault for path in pages() for fault in faults_on(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))]
    assert faults == []


def test_every_command_on_every_generated_page_is_one_of_the_program() -> None:
    # The reference of the commands is read off the program itself and writes its words in another way.
    faults = [fault for page, text in generated_pages().items() if page != "reference/commands.md" for fault in faults_on(page, text)]
    assert faults == []


def call_of(text: str) -> Call:
    [found] = calls_in("page", text)
    return found


def test_a_wrong_verb_option_or_type_and_a_missing_argument_are_seen() -> None:
    assert fault_of(call_of("    healstream incident lits\n"))
    assert fault_of(call_of("    healstream incident list --colour\n"))
    assert fault_of(call_of("    healstream incident list --limit many\n"))
    assert fault_of(call_of("    healstream approval approve\n"))
    assert fault_of(call_of("    make dance\n"))
    assert fault_of(call_of("Say `healstream rollout set STRATEGY sideways` here.\n"))
    assert fault_of(call_of("    healstream rollout set STRATEGY LEVEL\n")) == ""
    assert fault_of(call_of("Say `healstream approval approve` here.\n")) == ""


def test_calls_are_found_behind_prompts_variables_pipes_and_other_users() -> None:
    text = "```sh\n$ A=b .venv/bin/healstream status && sudo -u x B=c /opt/.venv/bin/healstream doctor | tail -n 3\nmake up\n```\n"
    assert [(call.program, call.argv) for call in calls_in("page", text)] == [
        ("healstream", ("status",)),
        ("healstream", ("doctor",)),
        ("make", ("up",)),
    ]


def test_a_session_that_shows_what_does_not_come_fails(terminal: Terminal) -> None:
    [block] = blocks_in("page", "```console\n$ echo one two\none ...\n$ echo three\nfour\n```\n")
    with pytest.raises(PageError, match="four"):
        terminal.play(block, steps_of(block))
    [block] = blocks_in("page", "```console\n$ false\n```\n")
    with pytest.raises(PageError, match="exits 1"):
        terminal.play(block, steps_of(block))


def test_there_are_sessions_and_each_says_whether_it_needs_a_copy() -> None:
    words = {block.words for path in pages() for block in blocks_in(path.name, path.read_text(encoding="utf-8"))}
    assert {word for word in words if word.startswith("console")} == {"console", f"console {NEEDS_COPY}"}
    assert len(PLAYED) >= 3


@pytest.mark.parametrize("path", PLAYED, ids=lambda path: path.stem)
def test_the_sessions_on_a_page_do_what_stands_below_them(path: Path, terminal: Terminal) -> None:
    for block, steps in sessions_in(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")):
        if block.words == "console":
            terminal.play(block, steps)


def test_troubleshooting_has_a_row_for_every_check_of_doctor() -> None:
    names = {re.sub(r"^check_", "", check.__name__) for check in CHECKS}
    rows = re.findall(r"^\| ([a-z ]+) \|", (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
    shown = {"jars": "broker jars", "config": "configuration"}
    assert {shown.get(name, name) for name in names} <= set(rows)
