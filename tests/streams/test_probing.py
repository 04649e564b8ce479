"""The probes' schedule and the hysteresis over what they saw."""

from __future__ import annotations

from itertools import pairwise
from random import Random  # noqa: TID251 - seeded, so that every run sees the same

from schemas.events import HealthStatus
from schemas.incidents import EvidenceRef
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import ConfigSpec, Services, ServiceSpec
from schemas.targets.disk import DiskSpec
from schemas.watches import Watch, watches_of
from streams.probing import Schedule, Seen, Turned, observe

REF = EvidenceRef("infra.health", 0, 1, "id")
NEEDED = {HealthStatus.FAIL: 2, HealthStatus.DEGRADED: 2, HealthStatus.PASS: 2}
WORDS = {"p": HealthStatus.PASS, "d": HealthStatus.DEGRADED, "f": HealthStatus.FAIL}


def turns(samples: str) -> list[tuple[int, str, int]]:
    """Return (index, level, first_at) of each turn."""
    seen, found = Seen(), []
    for at, word in enumerate(samples):
        seen, turned = observe(seen, WORDS[word], at, REF, NEEDED)
        if isinstance(turned, Turned):
            found.append((at, turned.level.value, turned.first_at))
    return found


def test_a_target_turns_only_after_consecutive_samples() -> None:
    #  p f p f f f p f p p
    #          ^turns      ^turns back
    assert turns("pfpfffpfpp") == [(4, "fail", 3), (9, "pass", 8)]


def test_a_degraded_target_that_fails_was_bad_since_it_first_turned() -> None:
    assert turns("ddff") == [(1, "degraded", 0), (3, "fail", 0)]


def test_a_mixture_of_bad_samples_is_bad_and_a_mixture_of_ways_out_is_nothing() -> None:
    assert turns("df") == [(1, "fail", 0)]
    assert turns("ddpfpf") == [(1, "degraded", 0)]
    assert turns("ffdd") == [(1, "fail", 0)]


def test_the_schedule_does_not_drift_and_skips_what_was_slept_through() -> None:
    #  0    1    2    3    4    5
    #  x    x.07           .4.2 x      (x due, digits asked late)
    watch = Watch("service:web", ProbeSpec("tcp", ProbeKind.TCP, "127.0.0.1:1", every_s=1.0))
    schedule = Schedule([(watch, 1.0)], 0.0, lambda: 0.0)
    assert schedule.due(0.0) == [watch]
    assert schedule.due(0.5) == []
    assert schedule.due(1.07) == [watch]
    assert schedule.wait_s(1.9) < 0.11
    assert schedule.due(4.2) == [watch]
    assert schedule.due(4.9) == []
    assert schedule.due(5.0) == [watch]


def test_the_first_probes_are_spread_and_an_empty_catalogue_waits() -> None:
    assert len(Schedule([(name, 1.0) for name in "abcd"], 0.0, lambda: 0.0).due(0.3)) == 2
    assert Schedule([], 0.0, lambda: 0.0).wait_s(7.0) == 0.5


def test_a_thousand_targets_are_spread_over_their_period_and_each_keeps_its_own() -> None:
    chance = Random(1)
    schedule = Schedule([(number, 10.0) for number in range(1000)], 0.0, chance.random)
    assert len(schedule.due(1.0)) == 1000
    times: dict[int, list[float]] = {number: [] for number in range(1000)}
    by_second = [0] * 40
    for tick in range(101, 4001):
        for number in schedule.due(tick / 100):
            times[number].append(tick / 100)
            by_second[tick // 100 - 1] += 1
    # Evenly would be 100 a second; by chance no second has half as many again.
    assert max(by_second) < 150
    gaps = [round(after - before, 6) for seen in times.values() for before, after in pairwise(seen)]
    assert (min(gaps), max(gaps)) == (10.0, 10.0)


def test_two_probers_do_not_look_in_the_same_moments() -> None:
    first, second = (Schedule([(number, 10.0) for number in range(100)], 0.0, Random(seed).random) for seed in (1, 2))
    for schedule in (first, second):
        schedule.due(1.0)
    together = sum(bool(set(first.due(tick / 10)) & set(second.due(tick / 10))) for tick in range(11, 112))
    assert together < 10


def test_each_probe_speaks_for_a_typed_target_of_the_catalogue() -> None:
    probes = (ProbeSpec("alive", ProbeKind.PROCESS, ""), ProbeSpec("file", ProbeKind.FILE_HASH, "web-config"))
    service = ServiceSpec("web", "shop", ("x",), "/", "/run/web.pid", probes=probes)
    config = ConfigSpec("web-config", "web", "/etc/web.yaml", "/repo", "web.yaml", "0" * 40)
    process, file = watches_of(Services((service,), (config,)))
    assert (process.target, process.probe.address) == ("service:web", "/run/web.pid")
    assert file.target == "config:web-config:/etc/web.yaml"


def test_a_disk_is_looked_at_under_its_own_typed_name() -> None:
    [watch] = watches_of(Services(disks=(DiskSpec("db-1", "/srv/db", every_s=3.0),)))
    assert (watch.target, watch.probe.address, watch.probe.every_s) == ("disk:db-1:/srv/db", "disk:db-1:/srv/db", 3.0)
