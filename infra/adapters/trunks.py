"""Main branches in git repositories: fits ``TrunkPort``. Their tests run in a folder of their own, by the catalogue's commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dulwich.errors import NotGitRepository

from infra.adapters.bounded_run import run_bounded
from infra.adapters.laid_out import laid_out
from schemas.attempts import StepResult, StepStatus
from schemas.targets.trunk import TEST_NAME, TrunkSpec

_TROUBLE = (KeyError, NotGitRepository, OSError, ValueError)
_MOST_LISTED_BYTES = 2 * 1024**2
_SAID = 250


@dataclass(frozen=True, slots=True)
class Trunks:
    """The real adapter; it keeps nothing."""

    def tests_at(self, spec: TrunkSpec, commit: str) -> frozenset[str] | None:
        """Run the catalogue's command that lists them; a line that is no name is left out."""
        if not spec.list_tests:
            return None
        try:
            with laid_out(spec.repository, commit, spec.max_bytes) as (work, home):
                ran = run_bounded(spec.list_tests, work, spec.timeout_s, home, spec.environ, keep=_MOST_LISTED_BYTES)
        except _TROUBLE:
            return None
        if not ran.passed or len(ran.tail) >= _MOST_LISTED_BYTES:
            return None
        return frozenset(line for line in ran.tail.splitlines() if TEST_NAME.fullmatch(line))

    def try_commit(self, spec: TrunkSpec, commit: str, tests: Sequence[str] = (), times: int = 1) -> StepResult:
        """Lay the files out anew each time, so that no run leaves anything to the next."""
        if not all(TEST_NAME.fullmatch(test) for test in tests):
            return StepResult(StepStatus.FAILED, "one of these is no name of a test")
        for number in range(1, times + 1):
            try:
                with laid_out(spec.repository, commit, spec.max_bytes) as (work, home):
                    ran = run_bounded((*spec.test, *tests), work, spec.timeout_s, home, spec.environ)
            except _TROUBLE as error:
                return StepResult(StepStatus.FAILED, f"{type(error).__name__}: {error}")
            if not ran.passed:
                return StepResult(StepStatus.FAILED, f"run {number} of {times}: exit {ran.code}: {ran.tail[-_SAID:]}")
        return StepResult(StepStatus.OK, f"{times} of {times} passed")
