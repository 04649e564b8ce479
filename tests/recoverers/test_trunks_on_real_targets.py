"""A flaky test and a broken main branch, healed by the engine on a real git repository and a server that really runs its jobs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from queue import Queue

import pytest

from console.demo.github_server import GithubServer, JobSpec
from infra.adapters.quarantines import Quarantines
from infra.adapters.trunks import Trunks
from schemas.recoveries import OutcomeStatus
from schemas.services import CiServer, Services
from schemas.targets.trunk import TrunkSpec, held_at
from tests.contracts.test_trunk_ports import ONE, Line, real_line, tiny_trunk
from tests.recoverers.test_recipes_on_real_targets import carry_out, real_world
from tests.support.fakes import START

ENDED_WITHIN_S = 60.0


@dataclass
class Jobs:
    """The server, and what waits until a job on it has ended."""

    ended: Queue[object] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        self.server = GithubServer(0, self.ended.put)

    def push(self, run_id: str, commit: str, argv: tuple[str, ...]) -> str:
        """Run a job to its end and return it as a target."""
        self.server.push(JobSpec("acme/api", run_id, "build", argv, "/", (), commit))
        self.ended.get(timeout=ENDED_WITHIN_S)
        return f"job:github/acme/api/{run_id}/build"

    def rerun(self, run_id: str) -> None:
        """Let a person run it again, to its end."""
        assert self.server.answer_post(f"/repos/acme/api/actions/jobs/{self.server.attempts(run_id)[-1].job_id}/rerun")[0] == 201
        self.ended.get(timeout=ENDED_WITHIN_S)

    def services(self, trunk: TrunkSpec) -> Services:
        """Return the catalogue of the one project."""
        return Services(trunks=(trunk,), ci=(CiServer("github", f"http://127.0.0.1:{self.server.port}", "", ("acme/api",)),))

    def open_titles(self) -> list[str]:
        """Return what is open there: issues and pull requests."""
        return [row.title for row in self.server.pulls.rows if row.state == "open"]


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs()
    made.server.start()
    yield made
    made.server.stop()


def says(text: str, code: int) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", f"import sys; print({text!r}); sys.exit({code})")


def test_a_test_that_failed_and_passes_alone_is_left_out_with_an_issue(tmp_path: Path, jobs: Jobs) -> None:
    trunk, commit = tiny_trunk(tmp_path, two=0)
    target = jobs.push("1", commit, says(f"FAILED {ONE} - assert 3 == 4", 1))

    outcome = carry_out(real_world(jobs.services(trunk), tmp_path), "flaky_quarantine", target)

    assert outcome.status is OutcomeStatus.HEALED, outcome
    held = Quarantines().held(trunk) or ()
    assert held_at(held, START + timedelta(days=13)) == (ONE,)
    assert held_at(held, START + timedelta(days=15)) == ()
    assert jobs.open_titles() == [f"Flaky test: {ONE}"]
    assert len(jobs.server.attempts("1")) == 1, "the job is not run again"


def test_a_test_that_really_fails_is_not_left_out(tmp_path: Path, jobs: Jobs) -> None:
    trunk, commit = tiny_trunk(tmp_path, two=1)
    target = jobs.push("1", commit, says("FAILED tests/test_cart.py::test_tax", 1))

    outcome = carry_out(real_world(jobs.services(trunk), tmp_path), "flaky_quarantine", target)

    assert outcome.status is OutcomeStatus.ROLLED_BACK, outcome
    assert (Quarantines().held(trunk), jobs.open_titles()) == ((), [])


def _as_it_is(line: Line, jobs: Jobs) -> None:
    assert line.commits
    assert jobs.open_titles() == []


def _with_the_test_still_red(line: Line, jobs: Jobs) -> None:
    jobs.push("9", reverted(line), says("red", 1))


def reverted(line: Line) -> str:
    """Return the commit that the recipe will make: the same input makes the same one, here in a copy."""
    copy = replace(line.spec, repository=f"{line.spec.repository}-copy")
    shutil.copytree(line.spec.repository, copy.repository, dirs_exist_ok=True)
    Trunks().write_revert(copy, "healstream/copy", line.commits[1])
    return Trunks().head_of(copy, "healstream/copy")


@pytest.mark.parametrize(
    ("prepare", "status"),
    [(_as_it_is, OutcomeStatus.HEALED), (_with_the_test_still_red, OutcomeStatus.ROLLED_BACK)],
    ids=["green without the commit", "red without it too"],
)
def test_a_commit_that_broke_the_branch_is_proposed_to_be_taken_back(
    tmp_path: Path, jobs: Jobs, prepare: Callable[[Line, Jobs], None], status: OutcomeStatus
) -> None:
    line = real_line(tmp_path)
    first, broken, newest = line.commits
    jobs.push("1", first, says("green", 0))
    target = jobs.push("2", broken, says("red", 1))
    jobs.push("3", newest, says("red", 1))
    jobs.rerun("2")
    jobs.push("4", reverted(line), says("green", 0))
    prepare(line, jobs)

    outcome = carry_out(real_world(jobs.services(line.spec), tmp_path), "commit_revert", target)

    assert outcome.status is status, outcome
    branch, is_healed = f"healstream/revert-{broken[:12]}", status is OutcomeStatus.HEALED
    assert jobs.open_titles() == ([f"Revert {broken[:12]}"] if is_healed else [])
    assert line.port.head_of(line.spec, branch) == (reverted(line) if is_healed else "")
    assert line.port.head_of(line.spec, "main") == newest
    assert not (tmp_path / "hook-ran").exists()
