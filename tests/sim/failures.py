"""What fails in one run, drawn from its seed: services, a file, CI jobs, each with how its target behaves and how it must end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from schemas.recoveries import OutcomeStatus
from tests.sim.services import CONFIG_TARGET, CONFIGURED

SECRET = "ghp_" + "q7Zx2LmN9vKpR4tY8wBc" + "5dFgHjKl31aSeDuM"
TIMED_OUT = (
    "Collecting six\n"
    "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='index.example', port=443): Max retries exceeded with "
    "url: /simple/six/ (Caused by ReadTimeoutError(\"HTTPSConnectionPool(host='index.example', port=443): Read timed out. "
    f'(read timeout=15)")) with Authorization: token {SECRET}\n\n##[error]Process completed with exit code 1.\n'
)
ASSERTED = (
    "=================================== FAILURES ===================================\n"
    "E       assert 3 == 4\n\ntests/test_cart.py:7: AssertionError\n"
    "=========================== short test summary info ============================\n"
    "FAILED tests/test_cart.py::test_total - assert 3 == 4\n"
    "========================= 1 failed, 2 passed in 0.04s ==========================\n"
    f"##[error]Process completed with exit code 1, token {SECRET}\n"
)
UNKNOWN = f"stage nine begins\nflux regulator says 0x17 and stops, password={SECRET}\n"
PASSED = "Collecting six\nSuccessfully installed six-1.17.0\n"
HEALED, BACK, ESCALATED, REFUSED = (
    OutcomeStatus.HEALED,
    OutcomeStatus.ROLLED_BACK,
    OutcomeStatus.ESCALATED,
    OutcomeStatus.REFUSED,
)


class Behaviour(StrEnum):
    """How a target takes what is done to it."""

    WELL = "well"
    HANGS = "hangs"
    FAILS = "fails"
    LOSES = "loses the answer"
    LIES = "lies"
    RISES = "comes back by itself"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: its target, the second of its begin, how the target behaves and for how many acts, and a job's logs by attempt."""

    target: str
    at: float
    behaviour: Behaviour = Behaviour.WELL
    times: int = 0
    logs: tuple[tuple[str, str], ...] = ()
    ends: frozenset[OutcomeStatus] = frozenset({HEALED})

    @property
    def is_certain(self) -> bool:
        """Tell whether the end follows from the failure alone, whoever works on it and when."""
        return len(self.ends) == 1


JOBS: tuple[tuple[tuple[tuple[str, str], ...], frozenset[OutcomeStatus]], ...] = (
    (((TIMED_OUT, "failure"), (PASSED, "success")), frozenset({HEALED})),
    (((TIMED_OUT, "failure"), (TIMED_OUT, "failure"), (PASSED, "success")), frozenset({HEALED})),
    (((ASSERTED, "failure"),), frozenset({REFUSED})),
    (((UNKNOWN, "failure"),), frozenset({ESCALATED})),
    (((TIMED_OUT, "cancelled"),), frozenset({REFUSED})),
)
_JOB_TROUBLES = (Behaviour.HANGS, Behaviour.LOSES)
# A service that fails its start, or a file whose writing is a lie, may end in each of these, by how often it is tried.
TROUBLED = frozenset({HEALED, BACK, ESCALATED, REFUSED, OutcomeStatus.ROLLBACK_FAILED, OutcomeStatus.SELF_HEALED, OutcomeStatus.EXPIRED})


def draw_failures(random: Random) -> tuple[Failure, ...]:
    """Return the failures of one run: never two of one service group at once, so that each ends by itself."""
    found = [_job(random, number) for number in range(random.randint(1, 3))]
    found += random.sample([_service(random, "shop-web"), _service(random, "pay"), _file(random)], k=random.randint(1, 3))
    return tuple(found)


def draw_crowd(random: Random, size: int) -> tuple[Failure, ...]:
    """Return as many jobs of one busy repository, each of which takes one re-run or two: the load of the long run."""
    return tuple(
        # How each ends is a question of time: there are more of them than can be healed while their decisions are valid.
        Failure(
            f"job:github/acme/crowd/9{number}/build-{number}", random.uniform(0.5, 15), *_behaviour(random, _JOB_TROUBLES), logs, TROUBLED
        )
        for number in range(size)
        for logs, _ in [random.choice(JOBS[:2])]
    )


def _job(random: Random, number: int) -> Failure:
    logs, ends = random.choice(JOBS)
    behaviour, times = _behaviour(random, (*_JOB_TROUBLES, Behaviour.FAILS))
    if behaviour is Behaviour.FAILS and ends == {HEALED}:
        ends = TROUBLED
    return Failure(f"job:github/acme/api-{number}/7{number}/build", random.uniform(0.5, 15), behaviour, times, logs, ends)


def _service(random: Random, name: str) -> Failure:
    behaviour, times = _behaviour(random, tuple(Behaviour)[1:])
    ends = frozenset({HEALED}) if behaviour in {Behaviour.WELL, Behaviour.HANGS, Behaviour.LOSES} else TROUBLED
    return Failure(f"service:{name}", random.uniform(0.5, 15), behaviour, times, ends=ends)


def _file(random: Random) -> Failure:
    behaviour, times = _behaviour(random, (Behaviour.HANGS, Behaviour.FAILS, Behaviour.LOSES, Behaviour.LIES))
    ends = {Behaviour.LIES: frozenset({BACK}), Behaviour.FAILS: TROUBLED}.get(behaviour, frozenset({HEALED}))
    return Failure(f"config:{CONFIGURED}", random.uniform(0.5, 15), behaviour, 1000 if behaviour is Behaviour.LIES else times, ends=ends)


def _behaviour(random: Random, troubles: tuple[Behaviour, ...]) -> tuple[Behaviour, int]:
    behaviour = random.choice(troubles) if random.random() < 0.5 else Behaviour.WELL
    return behaviour, random.randint(1, 3)


def named_in_records(failure: Failure) -> str:
    """Return the failure's target as outcomes name it."""
    return CONFIG_TARGET if failure.target.startswith("config:") else failure.target
