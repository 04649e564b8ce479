"""Neighbours looked at for real: pages, processes and a disk, side by side, each as long as its own time-out and no longer than the cap."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.adapters.surroundings import Surroundings
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import Services, ServiceSpec
from schemas.targets.cache import CacheSpec
from schemas.targets.disk import DiskSpec
from tests.support.prometheus_server import Shown, prometheus_server


@pytest.fixture
def page() -> Iterator[Shown]:
    with prometheus_server(Shown()) as found:
        yield found


def service(name: str, pid_file: Path, *probes: ProbeSpec) -> ServiceSpec:
    return ServiceSpec(name, "shop", (name,), "/", str(pid_file), probes=probes)


def test_each_neighbour_is_seen_by_its_own_quick_looks(page: Shown, tmp_path: Path) -> None:
    alive, gone = tmp_path / "alive.pid", tmp_path / "gone.pid"
    alive.write_text(str(os.getpid()))
    good = ProbeSpec("page", ProbeKind.HTTP, f"{page.url}/api/v1/query", timeout_s=60.0)
    services = Services(
        services=(
            service("well", alive, good, ProbeSpec("alive", ProbeKind.PROCESS, "")),
            service("ill", alive, good, ProbeSpec("lost", ProbeKind.HTTP, f"{page.url}/lost", timeout_s=60.0)),
            service("bare", alive),
            service("dead", gone),
        ),
        disks=(DiskSpec("here", str(tmp_path), full_percent=100.0), DiskSpec("away", str(tmp_path / "none"))),
        caches=(CacheSpec("wheels", str(tmp_path), ("fill",), ("read",)),),
    )
    away = f"disk:away:{tmp_path / 'none'}"
    names = [
        "service:well",
        "service:ill",
        "service:bare",
        "service:dead",
        f"disk:here:{tmp_path}",
        away,
        "cache:wheels",
        "service:unknown",
    ]
    seen = {sight.name: (sight.condition, sight.detail) for sight in Surroundings(services, longest_s=60.0).look(names)}
    assert {name: condition for name, (condition, _) in seen.items()} == {
        "service:well": Condition.WELL,
        "service:ill": Condition.ILL,
        "service:bare": Condition.WELL,
        "service:dead": Condition.ILL,
        f"disk:here:{tmp_path}": Condition.WELL,
        away: Condition.UNREADABLE,
    }
    assert seen["service:ill"][1] == "lost: answered 404"
    page.status = 429
    assert [sight.condition for sight in Surroundings(services, longest_s=60.0).look(["service:well"])] == [Condition.ILL]


def test_silent_neighbours_are_waited_for_together_and_not_for_longer_than_the_cap(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        look = ProbeSpec("page", ProbeKind.HTTP, f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=3600.0)
        rows = tuple(service(f"s{number}", tmp_path / "pid", replace(look, name=f"page-{number}")) for number in range(16))
        seen = Surroundings(Services(rows), longest_s=0.3).look([f"service:{row.name}" for row in rows])
    assert {sight.condition for sight in seen} == {Condition.UNREADABLE}
    assert "not seen within 0.3 s" in seen[0].detail


def test_nobody_to_look_at_is_no_look() -> None:
    assert Surroundings(Services()).look([]) == ()
