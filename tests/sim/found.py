"""Plans in which the simulation once found a defect, cut down to what it took; each is played at every commit.

A seed belongs to its commit, because the draws change with the code; a plan as data does not.
"""

from __future__ import annotations

from tests.sim.failures import HEALED, JOBS, REFUSED, TROUBLED, Behaviour, Failure
from tests.sim.plan import Fault, Plan, Trouble

_BUILD = "job:github/acme/api-0/70/build"


def _crashes(on: str, *points: tuple[int, float]) -> tuple[Fault, ...]:
    return tuple(Fault(Trouble.CRASH_STAGE, on, at, for_s) for at, for_s in points)


FOUND: tuple[Plan, ...] = (
    # classify, catching up, read the failure that a re-run had caused before the admission of that re-run: two incidents of one run.
    Plan(
        631,
        partitions=1,
        workers=1,
        is_forgetful=True,
        failures=(Failure(_BUILD, 13.263077477321312, Behaviour.WELL, 3, JOBS[1][0], frozenset({HEALED})),),
        faults=_crashes("classify", (3, 8.0), (31, 3.0), (22, 8.0)),
    ),
    # detect's clock was an hour behind: the log of a failed job went to the side as one from the future.
    Plan(
        1049,
        partitions=2,
        workers=1,
        late_s=60.0,
        is_forgetful=True,
        failures=(Failure(_BUILD, 0.7163175926772749, Behaviour.HANGS, 1, JOBS[4][0], frozenset({REFUSED})),),
        faults=(Fault(Trouble.CLOCK, "detect-runs", 7.38451632708157, 10.0, -3600),),
    ),
    # The door's clock was an hour behind: the order of the plan expired for the executor when the decision did for the door.
    Plan(
        338,
        partitions=2,
        workers=2,
        asks_people=True,
        failures=(
            Failure(_BUILD, 10.325711708585986, Behaviour.FAILS, 2, JOBS[0][0], TROUBLED),
            Failure("service:pay", 5.096193368148277, Behaviour.RISES, 1, (), TROUBLED),
        ),
        faults=(Fault(Trouble.CLOCK, "admit", 13.61868360700526, 3.0, -3600), Fault(Trouble.PAUSE_EXECUTOR, "1", 8, 15.0)),
    ),
)
