"""The plans that bring mutants to light: one failure or two, and the one fault that it takes."""

from __future__ import annotations

from dataclasses import replace

from tests.sim.failures import JOBS, Behaviour, Failure
from tests.sim.plan import Budgets, Fault, Plan, Trouble

PAY = Failure("service:pay", 1.0)
STACK = Failure("service:shop-web", 1.0)
JOB = Failure("job:github/acme/api-0/70/build", 1.0, logs=JOBS[0][0])
TWICE = Failure("job:github/acme/api-0/70/build", 1.0, logs=JOBS[1][0])
LIE = Failure("config:oracle-conf", 1.0, Behaviour.LIES, 1000, ends=frozenset())
REFUSING_STACK = replace(STACK, behaviour=Behaviour.FAILS, times=1000, ends=frozenset())


def plan_of(*failures: Failure, faults: tuple[Fault, ...] = (), brakes: Budgets | None = None) -> Plan:
    """Return a plan on one worker and one partition."""
    return Plan(1, partitions=1, workers=1, failures=failures, faults=faults, brakes=brakes or Budgets())


def asking(say: str) -> Plan:
    """Return a plan in which people answer what is shown to them in this way."""
    return replace(plan_of(PAY), asks_people=True, people_say=say)


def dying(on: str, *boundaries: int, away_s: float = 0.5) -> tuple[Fault, ...]:
    """Return the deaths of a stage (``executor``: of the one worker) at these boundaries."""
    if on == "executor":
        return tuple(Fault(Trouble.CRASH_EXECUTOR, "0", number, away_s) for number in boundaries)
    return tuple(Fault(Trouble.CRASH_STAGE, on, number, away_s) for number in boundaries)


def halting(at: float, for_s: float = 12.0) -> tuple[Fault, ...]:
    """Return a halt of the fleet."""
    return (Fault(Trouble.HALT, "fleet", at, for_s),)
