"""What fails and what goes wrong with us in one run, drawn from its seed as plain data; ``play.py`` plays it. Pure.

The same failures, at the same seconds, happen to three equal shops: one that is healed, one that nobody mends, one that a person mends.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from schemas.recoveries import OutcomeStatus

HEALED, BACK, ESCALATED, REFUSED = (
    OutcomeStatus.HEALED,
    OutcomeStatus.ROLLED_BACK,
    OutcomeStatus.ESCALATED,
    OutcomeStatus.REFUSED,
)
SERVICES = ("db", "api", "web", "proxy", "oracle")
GROUPS = {"db": "shop", "api": "shop", "web": "shop", "proxy": "edge", "oracle": "oracle"}
CONFIGURED = ("web", "proxy")
LIAR = "oracle"
FIRST_S = 5.0
# What fails last must have time to end within what is measured.
LAST_S = 30.0
# Two failures of one group are no closer: each is an incident of its own, and an on-call person would count two.
APART_S = 40.0
TRIES = 2000
FEWEST = 20


class Way(StrEnum):
    """How something fails."""

    KILLED = "service killed"
    RETURNS = "service down that comes back by itself"
    DRIFTED = "configuration file changed by hand"
    LIED = "file changed at a service that lies"
    NETWORK = "CI job, network time-out once"
    NETWORK_TWICE = "CI job, network time-out twice"
    TEST = "CI job, a test really fails"
    UNKNOWN = "CI job, fails as nothing known fails"
    CANCELLED = "CI job, cancelled by a person"
    FORK = "CI job of a fork, network time-out"


@dataclass(frozen=True, slots=True)
class WayRow:
    """One way of failing: its share of all failures, the services that it may meet (none: a CI job), and its right ends.

    ``is_healable`` are those inside what can be healed (OUT-1); of the others ``ends`` alone says what is right.
    """

    way: Way
    share: float
    on: tuple[str, ...]
    ends: frozenset[OutcomeStatus]
    is_healable: bool = False


# The shares are an assumption: most of what fails are CI jobs. Of an hour's 200 failures 36 take a service down.
WAYS: tuple[WayRow, ...] = (
    WayRow(Way.KILLED, 0.14, SERVICES, frozenset({HEALED}), is_healable=True),
    WayRow(Way.RETURNS, 0.04, SERVICES, frozenset({HEALED, OutcomeStatus.SELF_HEALED})),
    WayRow(Way.DRIFTED, 0.10, CONFIGURED, frozenset({HEALED}), is_healable=True),
    WayRow(Way.LIED, 0.03, (LIAR,), frozenset({BACK})),
    WayRow(Way.NETWORK, 0.33, (), frozenset({HEALED}), is_healable=True),
    WayRow(Way.NETWORK_TWICE, 0.06, (), frozenset({HEALED}), is_healable=True),
    WayRow(Way.TEST, 0.15, (), frozenset({REFUSED})),
    WayRow(Way.UNKNOWN, 0.05, (), frozenset({ESCALATED})),
    WayRow(Way.CANCELLED, 0.05, (), frozenset({REFUSED})),
    WayRow(Way.FORK, 0.05, (), frozenset({REFUSED, ESCALATED})),
)
BY_WAY = {row.way: row for row in WAYS}
# Whoever may not be touched and was not: the rows that count as right refusals.
REFUSALS = frozenset({Way.TEST, Way.CANCELLED, Way.FORK})
# What breaks a file and no process.
FILES = frozenset({Way.DRIFTED, Way.LIED})


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: its number, the second of its begin, its service (empty: a CI job) and, when it comes back by itself, after how long."""

    number: int
    way: Way
    at_s: float
    service: str = ""
    returns_s: float = 0.0

    @property
    def group(self) -> str:
        """Return what it disturbs; a CI job is alone."""
        return GROUPS.get(self.service, f"run-{self.number}")

    @property
    def run_id(self) -> str:
        """Return the CI run that it is."""
        return f"{5000 + self.number}"


class Trouble(StrEnum):
    """What is done to the healing system itself, by the ids of the list of faults."""

    KILL = "N1 kill -9 of a worker"
    BROKER = "N2 kill -9 of the broker"
    SLEEP = "N3 a worker sleeps beyond its session"
    FREEZE = "N4 the broker sleeps"
    COPIES = "N5 events come two to five times and out of order"
    POISON = "N8 bytes that are no records"
    REBALANCE = "N10 workers come and go"


WORKERS = ("detect-1", "detect-2", "middle", "gatekeeper", "executor-1", "executor-2", "prober")


@dataclass(frozen=True, slots=True)
class Fault:
    """One trouble: when, on whom, for how many seconds, how much."""

    trouble: Trouble
    at_s: float
    on: tuple[str, ...] = ()
    for_s: float = 0.0
    much: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """One run, by the order of time."""

    seed: int
    minutes: float
    failures: tuple[Failure, ...]
    faults: tuple[Fault, ...]


def draw_plan(seed: int, minutes: float, incidents: int, fault_minutes: float) -> Plan:
    """Return the plan of a seed; raises ValueError when so many failures do not fit into the time, or are too few to show each way."""
    random = Random(seed)
    ways = [way for way, count in counts_of(incidents).items() for _ in range(count)]
    random.shuffle(ways)
    # Those that need room come first; a CI job disturbs nobody.
    ways.sort(key=lambda way: not BY_WAY[way].on)
    placed: list[Failure] = []
    for number, way in enumerate(ways):
        placed.append(_place(random, Failure(number, way, 0.0), placed, minutes * 60))
    failures = tuple(sorted(placed, key=lambda one: (one.at_s, one.number)))
    return Plan(seed, minutes, failures, tuple(_draw_faults(random, minutes, fault_minutes)))


def counts_of(incidents: int) -> dict[Way, int]:
    """Return how often each way is drawn: once at least, else its share by the largest remainders."""
    if incidents < FEWEST:
        raise ValueError(f"{incidents} incidents are too few for each way of failing; take {FEWEST} or more")
    exact = {row.way: row.share * incidents for row in WAYS}
    counts = {way: max(1, int(share)) for way, share in exact.items()}
    by_rest = sorted(exact, key=lambda way: counts[way] - exact[way])
    for way in by_rest[: incidents - sum(counts.values())]:
        counts[way] += 1
    return counts


def _place(random: Random, failure: Failure, placed: list[Failure], total_s: float) -> Failure:
    on = BY_WAY[failure.way].on
    for _ in range(TRIES):
        found = Failure(
            failure.number,
            failure.way,
            round(random.uniform(FIRST_S, total_s - LAST_S), 1),
            random.choice(on) if on else "",
            round(random.uniform(1.0, 6.0), 1) if failure.way is Way.RETURNS else 0.0,
        )
        if all(abs(other.at_s - found.at_s) >= APART_S for other in placed if other.group == found.group):
            return found
    raise ValueError(f"{failure.way}: {total_s:.0f} s have no room for it, {APART_S:.0f} s from others of its group; take fewer incidents")


def _draw_faults(random: Random, minutes: float, every_minutes: float) -> list[Fault]:
    times = [every_minutes * 60 * number for number in range(1, int(minutes / every_minutes) + 1)]
    return [_draw_fault(random, at_s) for at_s in times if at_s < minutes * 60 - LAST_S]


def _draw_fault(random: Random, at_s: float) -> Fault:
    match random.choice(list(Trouble)):
        case Trouble.KILL:
            return Fault(Trouble.KILL, at_s, (random.choice(WORKERS),))
        case Trouble.BROKER:
            return Fault(Trouble.BROKER, at_s, for_s=random.choice((5.0, 15.0)))
        case Trouble.SLEEP:
            return Fault(Trouble.SLEEP, at_s, (random.choice(("executor-1", "executor-2", "gatekeeper")),), 15.0)
        case Trouble.FREEZE:
            return Fault(Trouble.FREEZE, at_s, for_s=20.0)
        case Trouble.COPIES:
            return Fault(Trouble.COPIES, at_s, for_s=60.0)
        case Trouble.POISON:
            return Fault(Trouble.POISON, at_s, much=random.randint(20, 200))
        case Trouble.REBALANCE:
            names = random.sample(("detect-1", "detect-2", "executor-1", "executor-2"), k=3)
            return Fault(Trouble.REBALANCE, at_s, tuple(names), 5.0)
