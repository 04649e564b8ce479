"""The same checks for the fakes and the real adapters of a main branch: its tests, and the list of those that are left out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.repo import Repo

from infra.adapters.git_revert import commit_in
from infra.adapters.quarantines import Quarantines
from infra.adapters.trunks import Trunks
from recoverers.trunk_port import QuarantinePort, TrunkPort
from schemas.attempts import StepStatus
from schemas.targets.trunk import MAX_HELD, HeldTest, TrunkSpec, held_at, held_text
from tests.contracts.test_lockfile_ports import repository, wheel
from tests.support.fake_trunks import COMMIT, FakeQuarantines, FakeTrunks

ONE, TWO = "tests/test_cart.py::test_total", "tests/test_cart.py::test_tax"
SPEC = TrunkSpec("api", "/srv/git/api", "github", "acme/api", ("build",), ("test",), ("list",), "/srv/left-out.json")
BRANCH = "healstream/revert-1"
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
    folder = repository(place, {"run.py": RUNNER, "tests.txt": f"{ONE} 0\n{TWO} {two}\n", "app.py": "app\n"})
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


def add_commit(folder: Path, files: Mapping[str, str | None]) -> str:
    """Commit more files, or none of that name, to the main branch and return the commit; what hooks leave is removed."""
    with Repo(str(folder)) as repo:
        for name, text in files.items():
            if text is None:
                porcelain.remove(repo, [str(folder / name)])
            else:
                (folder / name).write_text(text, encoding="utf-8")
                porcelain.add(repo, [str(folder / name)])
        made = porcelain.commit(
            repo, message=b"more", author=b"a <a@b.example>", committer=b"a <a@b.example>", commit_timestamp=1_700_000_100
        )
    (folder.parent / "hook-ran").unlink(missing_ok=True)
    return made.decode("ascii")


def test_the_resolver_says_whether_a_commits_manifest_can_be_met_or_is_not_there(trunk: tuple[TrunkPort, TrunkSpec, str]) -> None:
    port, spec, commit = trunk
    one_line = (
        sys.executable,
        "-I",
        "-S",
        "-c",
        "import sys, pathlib; sys.exit(len(pathlib.Path('tests.txt').read_text().splitlines()) - 2)",
    )
    assert port.resolves(replace(spec, resolve=one_line), commit) is True
    assert port.resolves(replace(spec, resolve=one_line), "0" * 40) is None
    assert port.resolves(replace(spec, resolve=()), commit) is None


def test_a_resolver_that_says_no_or_does_not_start_is_told_apart(tmp_path: Path) -> None:
    spec, commit = tiny_trunk(tmp_path)
    assert Trunks().resolves(replace(spec, resolve=("false",)), commit) is False
    assert Trunks().resolves(replace(spec, resolve=("/no/such/tool",)), commit) is None
    assert FakeTrunks({COMMIT: frozenset()}, unmet={COMMIT}).resolves(replace(SPEC, resolve=("x",)), COMMIT) is False


@pytest.mark.parametrize(("wanted", "is_there"), [("1.0.0", True), ("9.9.9", False)])
def test_pip_itself_tells_a_version_that_its_index_has_from_one_that_it_has_not(tmp_path: Path, wanted: str, is_there: bool) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "left", "1.0.0")
    folder = repository(tmp_path, {"requirements.txt": f"left=={wanted}\n"})
    options = ("--dry-run", "--no-cache-dir", "--only-binary", ":all:", "--no-index", "--find-links", str(wheels))
    spec = replace(SPEC, repository=str(folder), resolve=(sys.executable, "-m", "pip", "install", *options, "-r", "requirements.txt"))
    commit = Trunks().head_of(spec, "main")

    assert Trunks().resolves(spec, commit) is is_there
    assert Trunks().head_of(spec, "main") == commit


@dataclass(frozen=True)
class Line:
    """A main branch of three commits; the last one changed a file that the middle one did not."""

    port: TrunkPort
    spec: TrunkSpec
    commits: tuple[str, str, str]


def real_line(place: Path) -> Line:
    """Return a real one: with the middle commit the second test fails, a file is new and another one gone."""
    spec, first = tiny_trunk(place, two=0)
    folder = Path(spec.repository)
    middle = add_commit(folder, {"tests.txt": f"{ONE} 0\n{TWO} 1\n", "new.txt": "new\n", "app.py": None})
    return Line(Trunks(), spec, (first, middle, add_commit(folder, {"other.txt": "other\n"})))


@pytest.fixture(params=["fake", "real"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Line:
    if request.param == "real":
        return real_line(tmp_path)
    first, middle, last = "a" * 40, "c" * 40, "d" * 40
    tests = dict.fromkeys((first, middle, last), frozenset({ONE, TWO}))
    fake = FakeTrunks(tests, {last: [True] * 9}, parents={last: middle, middle: first}, branches={"main": last})
    return Line(fake, SPEC, (first, middle, last))


def test_a_commit_is_taken_back_on_a_branch_and_that_branch_goes_again(line: Line, tmp_path: Path) -> None:
    first, middle, last = line.commits
    assert (line.port.parent_of(line.spec, middle), line.port.parent_of(line.spec, first)) == (first, "")
    assert line.port.try_commit(line.spec, last).status is StepStatus.FAILED

    for _ in range(2):
        assert line.port.write_revert(line.spec, BRANCH, middle).status is StepStatus.OK
    head = line.port.head_of(line.spec, BRANCH)
    assert line.port.parent_of(line.spec, head) == last
    assert (line.port.has_merged(line.spec, middle), line.port.has_merged(line.spec, head)) == (True, False)
    assert line.port.try_commit(line.spec, head).status is StepStatus.OK

    for _ in range(2):
        assert line.port.drop_branch(line.spec, BRANCH).status is StepStatus.OK
    assert (line.port.head_of(line.spec, BRANCH), line.port.head_of(line.spec, "main")) == ("", last)
    assert not (tmp_path / "hook-ran").exists()


def test_no_other_branch_is_ever_written_and_no_other_commit_taken_back(line: Line) -> None:
    _, middle, last = line.commits
    for branch in ("main", "release", "../main"):
        assert line.port.write_revert(line.spec, branch, middle).status is StepStatus.FAILED
        assert line.port.drop_branch(line.spec, branch).status is StepStatus.FAILED
    assert line.port.write_revert(line.spec, BRANCH, "0" * 40).status is StepStatus.FAILED
    assert line.port.parent_of(line.spec, "0" * 40) == ""
    assert not line.port.has_merged(line.spec, "0" * 40)
    assert line.port.head_of(line.spec, "main") == last


def test_exactly_what_the_commit_changed_is_put_back(tmp_path: Path) -> None:
    line = real_line(tmp_path)
    assert line.port.write_revert(line.spec, BRANCH, line.commits[1]).status is StepStatus.OK
    with Repo(line.spec.repository) as repo:
        first, made = (commit_in(repo, name) for name in (line.commits[0], line.port.head_of(line.spec, BRANCH)))
        changes = list(repo.object_store.tree_changes(first.tree, made.tree))
    assert [(old, new) for (old, new), _, _ in changes] == [(None, b"other.txt")]


@pytest.mark.parametrize("change", [{"tests.txt": "later 0\n"}, {"new.txt": None}, {"app.py": "again\n"}])
def test_a_file_that_was_changed_since_is_a_conflict_and_no_branch_is_made(tmp_path: Path, change: Mapping[str, str | None]) -> None:
    line = real_line(tmp_path)
    add_commit(Path(line.spec.repository), change)

    made = line.port.write_revert(line.spec, BRANCH, line.commits[1])

    assert (made.status, "was changed since" in made.detail) == (StepStatus.FAILED, True)
    assert line.port.head_of(line.spec, BRANCH) == ""


def test_the_first_commit_of_all_is_not_taken_back(tmp_path: Path) -> None:
    line = real_line(tmp_path)
    assert line.port.write_revert(line.spec, BRANCH, line.commits[0]).status is StepStatus.FAILED


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
