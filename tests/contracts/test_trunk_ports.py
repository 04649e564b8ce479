"""The same checks for the fakes and the real adapters of a main branch: its tests, and the list of those that are left out."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.adapters.quarantines import Quarantines
from infra.adapters.trunks import Trunks
from recoverers.trunk_port import QuarantinePort, TrunkPort
from schemas.attempts import StepStatus
from schemas.targets.trunk import MAX_HELD, HeldTest, TrunkSpec, held_at, held_text
from tests.contracts.test_lockfile_ports import repository
from tests.support.fake_trunks import COMMIT, FakeQuarantines, FakeTrunks

ONE, TWO = "tests/test_cart.py::test_total", "tests/test_cart.py::test_tax"
SPEC = TrunkSpec("api", "/srv/git/api", "github", "acme/api", ("build",), ("test",), ("list",), "/srv/left-out.json")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
# A runner of tests in a few lines: each test is a line of its file, with the exit code that it ends with.
RUNNER = """import pathlib, sys
tests = dict(line.split() for line in pathlib.Path("tests.txt").read_text().splitlines())
if sys.argv[1:2] == ["list"]:
    print("\\n".join(tests))
    print("-x\\n\\n2 tests")
else:
    asked = sys.argv[2:] or list(tests)
    failed = [name for name in asked if tests.get(name, "1") != "0"]
    print("FAILED", *failed)
    sys.exit(bool(failed))
"""


def tiny_trunk(place: Path, two: int = 1) -> tuple[TrunkSpec, str]:
    """Return a real repository with two tests, the second of which ends with this code, and its commit."""
    folder = repository(place, {"run.py": RUNNER, "tests.txt": f"{ONE} 0\n{TWO} {two}\n"})
    run = (sys.executable, "-I", "-S", "run.py")
    spec = replace(SPEC, repository=str(folder), test=(*run, "test"), list_tests=(*run, "list"), quarantine=str(place / "left-out.json"))
    return spec, (folder / ".git/refs/heads/main").read_text(encoding="ascii").strip()


@pytest.fixture(params=["fake", "real"])
def trunk(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[TrunkPort, TrunkSpec, str]:
    if request.param == "real":
        return Trunks(), *tiny_trunk(tmp_path)
    always = [True] * 9
    return FakeTrunks({COMMIT: frozenset({ONE, TWO})}, {TWO: always, COMMIT: always}), SPEC, COMMIT


def test_a_commits_tests_are_listed_and_run_alone_or_together(trunk: tuple[TrunkPort, TrunkSpec, str]) -> None:
    port, spec, commit = trunk
    names = port.tests_at(spec, commit)
    assert names is not None
    assert {ONE, TWO} <= names
    assert not [name for name in names if name.startswith("-")]

    assert port.try_commit(spec, commit, (ONE,), 5).status is StepStatus.OK
    assert port.try_commit(spec, commit, (ONE,), 5).detail == "5 of 5 passed"
    failed = port.try_commit(spec, commit, (ONE, TWO), 5)
    assert (failed.status, failed.detail.startswith("run 1 of 5: exit 1")) == (StepStatus.FAILED, True)
    assert port.try_commit(spec, commit).status is StepStatus.FAILED


def test_what_is_not_there_is_said_and_not_raised(trunk: tuple[TrunkPort, TrunkSpec, str]) -> None:
    port, spec, commit = trunk
    assert port.tests_at(spec, "0" * 40) is None
    assert port.tests_at(replace(spec, list_tests=()), commit) is None
    assert port.try_commit(spec, "0" * 40, (ONE,)).status is StepStatus.FAILED
    assert port.try_commit(spec, commit, ("no/such.py::test",)).status is StepStatus.FAILED
    assert port.try_commit(spec, commit, ("--rootdir=/",)).status is StepStatus.FAILED


@pytest.fixture(params=["fake", "real"])
def quarantine(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[QuarantinePort, TrunkSpec]:
    if request.param == "real":
        return Quarantines(), replace(SPEC, quarantine=str(tmp_path / "left-out.json"))
    return FakeQuarantines(), SPEC


def test_a_list_is_written_when_it_is_what_was_seen_and_ends_by_itself(quarantine: tuple[QuarantinePort, TrunkSpec]) -> None:
    port, spec = quarantine
    held = (HeldTest(TWO, NOW), HeldTest(ONE, NOW + timedelta(days=14)))
    ordered = tuple(sorted(held, key=lambda row: row.test))
    assert port.held(spec) == ()
    for _ in range(2):
        assert port.write(spec, (), ordered).status is StepStatus.OK
    assert port.held(spec) == ordered
    assert held_at(port.held(spec) or (), NOW) == (ONE,)
    assert port.write(spec, (), held[:1]).status is StepStatus.FAILED, "somebody has written it since"
    for _ in range(2):
        assert port.write(spec, ordered, ()).status is StepStatus.OK
    assert port.held(spec) == ()


@pytest.mark.parametrize(
    "content",
    ["nonsense", "{}", '[{"test": 1}]', '[{"test": "a", "until": "2026-01-01T00:00:00"}]', '[{"test": "a", "until": "soon"}]', "[1]"],
)
def test_a_file_that_is_no_list_is_not_read_and_never_written_over(tmp_path: Path, content: str) -> None:
    spec = replace(SPEC, quarantine=str(tmp_path / "left-out.json"))
    (tmp_path / "left-out.json").write_text(content, encoding="utf-8")
    assert Quarantines().held(spec) is None
    assert Quarantines().write(spec, (), (HeldTest(ONE, NOW),)).status is StepStatus.FAILED
    assert (tmp_path / "left-out.json").read_text(encoding="utf-8") == content


def test_no_link_is_followed_and_a_list_is_bounded(tmp_path: Path) -> None:
    spec = replace(SPEC, quarantine=str(tmp_path / "left-out.json"))
    (tmp_path / "secret").write_text(held_text(()), encoding="utf-8")
    (tmp_path / "left-out.json").symlink_to(tmp_path / "secret")
    assert Quarantines().held(spec) is None

    (tmp_path / "left-out.json").unlink()
    many = tuple(HeldTest(f"test_{number}", NOW) for number in range(MAX_HELD + 1))
    assert Quarantines().write(spec, (), many).status is StepStatus.FAILED
