"""The service catalogue: what runs, on what it depends, how it is probed and which files it is configured by.

It is the source of typed targets: text from a log can only look a name up here. Loaded from ``services.yaml`` by ``console`` and
published on ``heal.catalogue``; every worker reads it from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.metric_queries import MetricQuery
from schemas.metric_rules import MetricRule
from schemas.probes import ProbeKind, ProbeSpec
from schemas.targets.cache import CacheSpec
from schemas.targets.container import ContainerSpec
from schemas.targets.deployment import DeploymentSpec
from schemas.targets.disk import DiskSpec
from schemas.targets.index import IndexSpec
from schemas.targets.limit import LimitSpec
from schemas.targets.lockfile import LockfileSpec
from schemas.targets.node import NodeSpec
from schemas.targets.push import PushSpec
from schemas.targets.runner import RunnerSpec
from schemas.targets.spec import TargetSpec, spec_for
from schemas.targets.trunk import TrunkSpec

UPSTREAM = "upstream"
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")


class Environment(StrEnum):
    """Whom a mistake on a service would hurt."""

    PRODUCTION = "production"
    STAGING = "staging"
    TEST = "test"
    DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service: its start command as an argument list (never a shell line), its pid file and what it depends on.

    A service that is a ``unit`` of systemd has no command, folder and pid file of its own here: systemd knows them.
    """

    name: str
    group: str
    argv: tuple[str, ...]
    cwd: str
    pid_file: str
    depends_on: tuple[str, ...] = ()
    probes: tuple[ProbeSpec, ...] = ()
    configs: tuple[str, ...] = ()
    healing: bool = True
    # What nobody has described is treated as what hurts most.
    environment: Environment = Environment.PRODUCTION
    # Whose it is; of a service that nobody has claimed no rule that names a team speaks.
    team: str = ""
    # Free words of the operators for rules to read, such as ``data: customers``.
    labels: tuple[tuple[str, str], ...] = ()
    unit: str = ""
    # What must pass before it is started: of a cluster's member, that the others can spare it and its start does no harm.
    start_when: tuple[ProbeSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigSpec:
    """One configuration file kept in version control: the live ``path``, and its ``file`` in ``repository`` at the pinned ``commit``."""

    name: str
    service: str
    path: str
    repository: str
    file: str
    commit: str


class CiReport(StrEnum):
    """What is written to a CI server about an incident of one of its jobs."""

    CHECKS = "checks"
    ISSUES = "issues"


@dataclass(frozen=True, slots=True)
class CiApp:
    """An App of a GitHub-shaped server: with its private key of ``key_file`` short-lived tokens of one installation are asked for."""

    app_id: str
    installation_id: str
    key_file: str


@dataclass(frozen=True, slots=True)
class CiServer:
    """A GitHub-shaped REST server whose failed jobs may be re-run; ``token_file`` holds its bearer token, unless an ``app`` gets one.

    ``fetch_logs``: the log of a failed job is asked for, because its webhook holds none. A log may lie on another host than the API's:
    ``log_hosts`` are those that may be followed to, exact names or ``*.`` and the end of a name. ``reports``: what is written there.
    """

    source: str
    api_url: str
    token_file: str
    projects: tuple[str, ...]
    app: CiApp | None = None
    fetch_logs: bool = False
    log_hosts: tuple[str, ...] = ()
    reports: tuple[CiReport, ...] = ()


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """A Prometheus that probes may ask by its name; nothing else may be asked for metrics."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class UpstreamSpec:
    """One party outside that many jobs rest on, and is only ever looked at: probes by HTTP and TCP.

    ``hosts`` are what it answers for: exact names, or ``*.`` and the end of a name. A log's host only looks it up here.
    """

    name: str
    hosts: tuple[str, ...]
    probes: tuple[ProbeSpec, ...]
    healing: bool = True


@dataclass(frozen=True, slots=True)
class Services:
    """The whole catalogue of targets."""

    services: tuple[ServiceSpec, ...] = ()
    configs: tuple[ConfigSpec, ...] = ()
    ci: tuple[CiServer, ...] = ()
    version: str = ""
    upstreams: tuple[UpstreamSpec, ...] = ()
    disks: tuple[DiskSpec, ...] = ()
    containers: tuple[ContainerSpec, ...] = ()
    caches: tuple[CacheSpec, ...] = ()
    lockfiles: tuple[LockfileSpec, ...] = ()
    indexes: tuple[IndexSpec, ...] = ()
    prometheus: tuple[PrometheusServer, ...] = ()
    limits: tuple[LimitSpec, ...] = ()
    deployments: tuple[DeploymentSpec, ...] = ()
    nodes: tuple[NodeSpec, ...] = ()
    trunks: tuple[TrunkSpec, ...] = ()
    pushes: tuple[PushSpec, ...] = ()
    runners: tuple[RunnerSpec, ...] = ()
    metric_rules: tuple[MetricRule, ...] = ()
    metric_queries: tuple[MetricQuery, ...] = ()

    def service(self, name: str) -> ServiceSpec | None:
        """Return the service of that name."""
        return next((spec for spec in self.services if spec.name == name), None)

    def config(self, name: str) -> ConfigSpec | None:
        """Return the configuration file of that name."""
        return next((spec for spec in self.configs if spec.name == name), None)

    def upstream(self, name: str) -> UpstreamSpec | None:
        """Return the known upstream of that name."""
        return next((spec for spec in self.upstreams if spec.name == name), None)

    def others(self) -> tuple[TargetSpec, ...]:
        """Return every target that is neither a service, nor its configuration, nor an upstream."""
        on_hosts = (self.disks, self.containers, self.caches, self.limits, self.pushes, self.runners)
        of_code = (self.lockfiles, self.indexes, self.trunks)
        return tuple(spec for specs in (*on_hosts, *of_code, self.deployments, self.nodes) for spec in specs)

    def spec_of(self, target: str) -> TargetSpec | None:
        """Return the spec of one of the others by its typed name."""
        return spec_for(target, self.others())

    def repository_of(self, target: str) -> LockfileSpec | None:
        """Return the repository with a lock file that a target is, or that a CI job is of."""
        return next((spec for spec in self.lockfiles if spec.owns(target)), None)

    def probe_kinds(self, target: str) -> Mapping[str, ProbeKind]:
        """Return the kinds of a target's probes by their names."""
        kind, _, name = target.partition(":")
        owner = self.service(name) if kind == "service" else self.spec_of(target)
        return {probe.name: probe.kind for probe in owner.probes} if owner else {}

    def upstream_of_host(self, host: str) -> UpstreamSpec | None:
        """Return the known upstream that answers for a host: by its exact name, else by the longest end; text that is no host has none."""
        wanted = host.strip().rstrip(".").lower()
        if not _HOST.fullmatch(wanted):
            return None
        parts = wanted.split(".")
        names = (wanted, *("*." + ".".join(parts[skip:]) for skip in range(1, len(parts))))
        owners = {known: spec for spec in self.upstreams for known in spec.hosts}
        return next((owners[name] for name in names if name in owners), None)

    def owner_of(self, target: str) -> ServiceSpec | None:
        """Return the service behind a target, itself or that of its configuration file; what is not in the catalogue has none."""
        kind, _, name = target.partition(":")
        found = self.config(name.partition(":")[0]) if kind == "config" else None
        return self.service(found.service if found else name) if kind in {"service", "config"} else None

    def scope_of(self, target: str) -> str:
        """Return what conflicts over a target are judged by: its service group, what its spec says, or itself when nothing knows it."""
        service = self.owner_of(target)
        if service:
            return f"group:{service.group}"
        other = self.spec_of(target)
        return other.scope if other else target


def start_order(services: Mapping[str, ServiceSpec], wanted: str) -> tuple[str, ...] | None:
    """Return ``wanted`` and all that it depends on, dependencies first; None when the dependencies form a ring or one is unknown."""
    order: list[str] = []
    open_names: set[str] = set()

    def visit(name: str) -> bool:
        if name in order:
            return True
        if name in open_names or name not in services:
            return False
        open_names.add(name)
        if not all(visit(other) for other in services[name].depends_on):
            return False
        order.append(name)
        return True

    return tuple(order) if visit(wanted) else None
