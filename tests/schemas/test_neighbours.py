"""Who the neighbours of a target are: along dependencies both ways, over what a group rests on, nearest first."""

from __future__ import annotations

import pytest

from schemas.neighbours import neighbours_of
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import ConfigSpec, Services, ServiceSpec, UpstreamSpec
from schemas.targets.cache import CacheSpec
from schemas.targets.container import ContainerSpec
from schemas.targets.disk import DiskSpec
from schemas.watches import quick_watches_of


def service(name: str, group: str, *needs: str) -> ServiceSpec:
    return ServiceSpec(name, group, (name,), "/", f"/run/{name}.pid", needs)


SHOP = Services(
    services=(service("db", "shop"), service("api", "shop", "db"), service("web", "front", "api"), service("batch", "shop")),
    configs=(ConfigSpec("api-conf", "api", "/etc/api", "/repo", "api.conf", "c" * 40),),
    upstreams=(UpstreamSpec("index", ("index.example",), ()),),
    disks=(DiskSpec("db-1", "/srv/db", "shop"), DiskSpec("other", "/srv")),
    containers=(ContainerSpec("box", "front"),),
    caches=(CacheSpec("wheels", "/cache", ("fill",), ("read",), group="shop"),),
)
DISK = "disk:db-1:/srv/db"


@pytest.mark.parametrize(
    ("target", "near"),
    [
        ("service:db", ("service:api", DISK, "service:web", "service:batch", "container:box")),
        ("service:web", ("service:api", "container:box", "service:db", DISK, "service:batch")),
        ("config:api-conf", ("service:api", "service:db", "service:web", DISK, "container:box", "service:batch")),
        ("container:box", ("service:web", "service:api", "service:db", DISK, "service:batch")),
        ("cache:wheels", ("service:db", "service:api", "service:batch", DISK, "service:web", "container:box")),
        ("disk:other:/srv", ()),
        ("job:github/acme/api/7/build", ()),
        ("upstream:index", ()),
        ("service:nope", ()),
        ("nonsense", ()),
    ],
)
def test_what_rests_on_a_target_and_what_it_rests_on_come_nearest_first(target: str, near: tuple[str, ...]) -> None:
    assert neighbours_of(SHOP, target, wide=False) == near


def test_a_workflow_has_the_neighbours_of_its_whole_scope() -> None:
    lone = Services(services=(service("a", "g"), service("b", "g"), service("c", "other", "b"), service("d", "far")))
    assert neighbours_of(lone, "service:a", wide=False) == ()
    assert neighbours_of(lone, "service:a", wide=True) == ("service:b", "service:c")


def test_a_cache_is_not_read_through_and_a_service_without_a_look_has_its_process() -> None:
    watches = quick_watches_of(SHOP)
    assert "cache:wheels" not in watches
    assert watches["service:db"][0].probe == ProbeSpec("process", ProbeKind.PROCESS, "/run/db.pid")
