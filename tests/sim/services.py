"""The services of the simulation: a stack of three, one that stands alone, and one with a file in version control."""

from __future__ import annotations

from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import ConfigSpec, Services, ServiceSpec

LOOK_S = 1.0
CONFIGURED = "oracle-conf"
CONFIG_PATH = "/srv/oracle/conf"
CONFIG_TARGET = f"config:{CONFIGURED}:{CONFIG_PATH}"


def _service(name: str, group: str, *needs: str, is_probed: bool = True) -> ServiceSpec:
    kinds = (("process", ProbeKind.PROCESS), ("http", ProbeKind.HTTP))
    probes = tuple(ProbeSpec(f"{name}-{word}", kind, name, LOOK_S) for word, kind in kinds) if is_probed else ()
    return ServiceSpec(name, group, ("serve", name), f"/srv/{name}", f"/srv/{name}/pid", needs, probes)


def _oracle() -> ServiceSpec:
    plain = _service("oracle", "oracle")
    probes = (*plain.probes, ProbeSpec("oracle-file", ProbeKind.FILE_HASH, CONFIGURED, LOOK_S))
    return ServiceSpec("oracle", "oracle", plain.argv, plain.cwd, plain.pid_file, (), probes, (CONFIGURED,))


SERVICES = Services(
    services=(
        _service("shop-db", "shop", is_probed=False),
        _service("shop-api", "shop", "shop-db", is_probed=False),
        _service("shop-web", "shop", "shop-api"),
        _service("pay", "pay"),
        _oracle(),
    ),
    configs=(ConfigSpec(CONFIGURED, "oracle", CONFIG_PATH, "/srv/repo", "oracle.conf", "c" * 40),),
)
STACKS = {"shop-web": ("shop-db", "shop-api", "shop-web"), "pay": ("pay",), "oracle": ("oracle",)}
