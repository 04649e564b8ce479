"""Lines of the pages that call other programs: none is left out, every shell's block is one, and what is not played has its options."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path

from infra.adapters.lock_tools import TOOLS
from schemas.targets.lockfile import LockTool
from tests.docs.loose import lines_to_type, other_lines, written_pages
from tests.docs.playing import Terminal
from tests.docs.reader import beside
from tests.docs.unplayed import UNPLAYED_LINES, row_of_line
from tests.docs.written import PROGRAMS, ROOT, Line, blocks_in, lines_in, programs_on, sessions_in, without_remark
from tests.support.tools import tool

UNPLAYED = [line for line in other_lines() if row_of_line(line)]


def texts(page: str) -> list[str]:
    return [line.text for line in lines_in("page", page)]


def shells() -> Iterator[tuple[str, str]]:
    """Yield place and text of all that a shell is given."""
    for page, text in written_pages().items():
        for block in blocks_in(page, text):
            if block.words in {"", "sh"}:
                yield f"{page}:{block.line}", "\n".join(block.lines)
        for _, steps in sessions_in(page, text):
            yield from ((f"{page}:{step.line}", step.command) for step in steps)


def test_a_line_of_a_shell_is_found_whole_and_without_its_place_to_write_to() -> None:
    page = "curl -d '{\n  1\n}' \\\n  $URL\nhealstream status -o json > status.json\nmkdir -p x && A=b sudo -u me cp a <b\n"
    assert texts(f"```sh\n{page}```\n") == ["curl -d '{\n  1\n}'   $URL", "mkdir -p x && A=b sudo -u me cp a <b"]
    assert programs_on("A=b sort -h 2>/dev/null < list | healstream explain - >out") == ["sort", "healstream"]


def test_whatever_else_stands_in_a_shells_block_is_taken_for_a_command_and_an_answer_below_it_is_its_answer() -> None:
    assert texts('Text:\n\n    {"id": "x"}\n\n    windows:\n      - name\n') == ['{"id": "x"}', "windows:", "- name"]
    [line] = lines_in("page", '```sh\nhealstream status\ncurl x\n```\n\n```json\n{"id": "..."}\n```\n')
    assert (line.text, line.shown, line.line) == ("curl x", ('{"id": "..."}',), 3)


def test_what_a_ci_server_is_told_to_type_is_found() -> None:
    assert texts("```yaml\nunit:\n  script: [make test, 'curl x']\njobs:\n  - run: tee y\n  - uses: z\n```\n") == ["curl x", "tee y"]


def test_code_in_a_sentence_is_a_command_when_it_is_a_whole_one() -> None:
    assert texts("Ask `ss -ltnp`, not `ss`, for `the ports` of `some thing`; or\n`df\n-h /`.\n") == ["ss -ltnp", "df -h /"]
    assert texts("A list:\n\n- of one row\n    and `df -h` in its second\n") == ["df -h"]


def test_every_program_that_sentences_are_searched_for_is_in_one() -> None:
    assert {line.text.partition(" ")[0] for line in other_lines()} >= PROGRAMS


def test_every_block_and_step_of_a_shell_is_one() -> None:
    faults: dict[str, str] = {}
    for place, text in shells():
        told = subprocess.run(["/bin/bash", "-n"], input=text, capture_output=True, text=True, check=False)
        faults |= {place: told.stderr} if told.returncode or told.stderr else {}
    assert faults == {}
    assert subprocess.run(["/bin/bash", "-n"], input="for", capture_output=True, text=True, check=False).returncode


def test_every_line_is_typed_or_stands_in_a_row_and_no_row_is_dead() -> None:
    assert {row_of_line(line) for line in other_lines()} - {""} == set(UNPLAYED_LINES)
    named = [word.strip(",:;") for reason in UNPLAYED_LINES.values() for word in reason.split() if word.startswith("tests/")]
    assert named
    assert [place for place in named if not (ROOT / place).exists()] == []
    assert len(lines_to_type()) > 40


def test_a_request_that_is_typed_shows_its_answer_or_fails_by_itself() -> None:
    # Else a refusal would be taken for an answer.
    requests = [line for line in lines_to_type() if line.text.startswith("curl ")]
    assert len(requests) > 8
    assert [line for line in requests if not line.shown and "--fail" not in line.text and "| grep" not in line.text] == []


def test_each_place_of_the_pages_that_is_another_beside_the_copy_is_on_a_page(tmp_path: Path) -> None:
    places = beside(Terminal(tmp_path), {"gateway": "", "brokers": ""}).elsewhere
    assert [place for place in places if not any(place in line.text for line in lines_to_type())] == []


def test_no_session_types_what_stands_in_a_row() -> None:
    steps = [step for page, text in written_pages().items() for _, found in sessions_in(page, text) for step in found]
    assert [step for step in steps if row_of_line(Line("", 0, without_remark(step.command)))] == []


def test_what_no_test_can_type_to_loginctl_is_in_its_own_words() -> None:
    told = subprocess.run([tool("loginctl"), "--help"], capture_output=True, text=True, check=True).stdout
    verbs = [without_remark(line.text).split()[1] for line in UNPLAYED if row_of_line(line) == "loginctl"]
    assert verbs
    assert set(verbs) <= set(re.findall(r"^  ([a-z-]+)", told, re.MULTILINE))


def test_the_words_of_a_package_manager_are_those_that_the_recipe_gives_it() -> None:
    lines = [line for line in UNPLAYED if line.page == "docs/recipes/lockfile_repair.md"]
    assert {line.text.partition(" ")[0] for line in lines} == set(LockTool)
    for line in lines:
        name, *words = line.text.split()
        given = TOOLS[LockTool(name)]
        assert any(set(words) <= set(argv) for argv in (given.lock, given.in_step, given.install)), line


def test_an_extra_that_a_page_has_pip_install_is_one_of_ours() -> None:
    extras = re.findall(r"healstream\[(\w+)\]", "".join(line.text for line in UNPLAYED))
    assert extras
    assert set(extras) <= set(metadata("healstream").get_all("Provides-Extra", []))


def source_of(module: str) -> str:
    """Return the text of what ``python -m`` runs."""
    found = find_spec(module)
    assert found, module
    begun = find_spec(f"{module}.__main__") if found.submodule_search_locations else found
    assert begun, module
    assert begun.origin
    return Path(begun.origin).read_text(encoding="utf-8")


def test_a_module_of_ours_that_a_page_calls_is_there_and_knows_the_options_and_a_measure_has_its_name() -> None:
    calls = [without_remark(line.text).split() for line in other_lines() if line.text.startswith("python -m ")]
    assert len(calls) > 10
    for _, _, module, *words in calls:
        source = source_of(module)
        assert [word for word in words if word.startswith("-") and f'"{word}"' not in source] == [], module
    measures = {name for words in calls if words[2] == "tests.bench" for name in words[3:]}
    assert measures
    assert [name for name in measures if f'("{name}", ' not in source_of("tests.bench")] == []


def test_the_tests_that_a_page_names_are_there() -> None:
    lines = [line for line in other_lines() if line.text.startswith("pytest tests")]
    assert lines
    for line in lines:
        places, _, name = line.text.removeprefix("pytest ").partition(" -k ")
        found = [path for place in places.split() for path in (list(ROOT.glob(place)) or [ROOT / place])]
        assert [path for path in found if not path.exists()] == [], line
        assert any(name in path.read_text(encoding="utf-8") for path in found if path.is_file()) or not name, line
