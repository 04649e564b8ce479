"""The shapes of the configuration files: pydantic models at the door, each turned into its frozen record of ``schemas``.

Called by ``console/configuration.py``; a field that a shape does not name is a mistake, not a default.
"""

from __future__ import annotations

import ipaddress
import re
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from console.ci_shapes import HOST, CiRow
from console.cluster_shapes import DeploymentRow, NodeRow
from console.heartbeat_rule import HeartbeatRow
from console.metric_shapes import MetricQueryRow, MetricRuleRow
from console.oidc_rule import OidcRow
from console.probe_shape import ProbeRow
from console.shape import NAME, Name, Seconds, Shape
from console.target_shapes import CacheRow, ContainerRow, DiskRow, IndexRow, LimitRow, LockfileRow, PushRow, RunnerRow, TrunkRow
from console.window_shapes import WindowRow, WorkflowRow
from schemas.decisions import Oversight
from schemas.oversight import RolloutLevel
from schemas.people import Person, Role
from schemas.policy import Budget, PolicyRule, RuleThen, StrategyPolicy
from schemas.probes import ProbeKind
from schemas.services import ConfigSpec, Environment, PrometheusServer, ServiceSpec, UpstreamSpec

_KEY_BYTES = 32
_ADDRESSES = {
    ProbeKind.HTTP: re.compile(r"https?://(?P<host>\[[0-9a-f:]+\]|[^\s@/?#:\[]+)(:[0-9]{1,5})?(/[^\s@]*)?"),
    ProbeKind.TCP: re.compile(r"(?P<host>\[[0-9a-f:]+\]|[^\s@/:\[]+):[0-9]{1,5}"),
}
_BROKERS = re.compile(r"[^\s@/:,]+:[0-9]{1,5}(,[^\s@/:,]+:[0-9]{1,5})*")

Score = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=1, le=1000)]


def _check_key(text: str) -> str:
    try:
        raw = b64decode(text, validate=True)
    except Base64Error as error:
        raise ValueError("this is no base64") from error
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {_KEY_BYTES} bytes, this has {len(raw)}")
    return text


class HealstreamFile(Shape):
    """``healstream.yaml``: format, who watches, literals that are masked in every text, where checkpoints are kept too, who hears beats.

    ``oidc``: the identity provider that lets people in at the page.
    """

    version: Literal[1] = 1
    oversight: Oversight = Oversight.TWO_PERSON
    secrets: tuple[Annotated[str, Field(min_length=4)], ...] = ()
    checkpoints: str = ""
    heartbeat: HeartbeatRow | None = None
    oidc: OidcRow | None = None


class PersonRow(Shape):
    """One person of ``people.yaml``."""

    name: Name
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    public_key: Annotated[str, AfterValidator(_check_key)]

    def record(self) -> Person:
        """Return the record."""
        return Person(self.name, frozenset(self.roles), self.public_key)


class PeopleFile(Shape):
    """``people.yaml``."""

    people: tuple[PersonRow, ...] = ()


def _may_be_asked(kind: ProbeKind, address: str) -> bool:
    found = _ADDRESSES[kind].fullmatch(address)
    if found is None:
        return False
    try:
        host = ipaddress.ip_address(found["host"].strip("[]"))
    except ValueError:
        # A name: who may be reached by it is the network's to say.
        return True
    # A link's own services hand out a machine's identity, and the others are no host at all.
    return not (host.is_link_local or host.is_multicast or host.is_unspecified)


def _check_two_looks(probes: tuple[ProbeRow, ...]) -> tuple[ProbeRow, ...]:
    kinds = {probe.kind for probe in probes}
    if kinds != {ProbeKind.HTTP, ProbeKind.TCP}:
        raise ValueError("an upstream is believed when two different looks agree: give it an http and a tcp probe, and no other kind")
    wrong = next((probe for probe in probes if not _may_be_asked(probe.kind, probe.address)), None)
    if wrong:
        # The address is not shown: it may hold a login.
        mend = "write http(s)://host/path without a login, or host:port, and no link-local address"
        raise ValueError(f"the probe {wrong.name} has no address for {wrong.kind}: {mend}")
    return probes


def _check_before_a_start(probes: tuple[ProbeRow, ...]) -> tuple[ProbeRow, ...]:
    kinds = {**_ADDRESSES, ProbeKind.IN_SYNC: _BROKERS}
    wrong = next((probe for probe in probes if not (known := kinds.get(probe.kind)) or not known.fullmatch(probe.address)), None)
    if wrong:
        raise ValueError(f"{wrong.name} cannot be asked before a start: write kind http, tcp, or in_sync with host:port,host:port")
    return probes


class ServiceRow(Shape):
    """One service of ``services.yaml``: a command with its pid file (``argv`` is a list of words, never a shell line), or a unit."""

    name: Name
    group: Name
    argv: tuple[str, ...] = ()
    cwd: Annotated[str, Field(pattern=r"^/|^$")] = ""
    pid_file: Annotated[str, Field(pattern=r"^/|^$")] = ""
    unit: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9:_.@\\-]{0,240}\.service$|^$")] = ""
    depends_on: tuple[Name, ...] = ()
    probes: tuple[ProbeRow, ...] = ()
    configs: tuple[Name, ...] = ()
    healing: bool = True
    environment: Environment = Environment.PRODUCTION
    team: Annotated[str, Field(pattern=rf"{NAME}|^$")] = ""
    start_when: Annotated[tuple[ProbeRow, ...], AfterValidator(_check_before_a_start)] = ()
    labels: Annotated[dict[Name, Annotated[str, Field(max_length=200)]], Field(max_length=50)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_keeper(self) -> Self:
        own = (bool(self.argv), bool(self.cwd), bool(self.pid_file))
        if any(own) if self.unit else not all(own):
            raise ValueError("a service is kept by its command or by systemd: write argv, cwd and pid_file, or unit alone")
        if not self.unit and any(probe.kind is ProbeKind.UNIT for probe in self.probes):
            raise ValueError("a probe of kind unit looks at the service's unit: write unit, or another kind of probe")
        return self

    def record(self) -> ServiceSpec:
        """Return the record."""
        return ServiceSpec(
            name=self.name,
            group=self.group,
            argv=self.argv,
            cwd=self.cwd,
            pid_file=self.pid_file,
            depends_on=self.depends_on,
            probes=tuple(probe.record() for probe in self.probes),
            configs=self.configs,
            healing=self.healing,
            environment=self.environment,
            team=self.team,
            labels=tuple(sorted(self.labels.items())),
            unit=self.unit,
            start_when=tuple(probe.record() for probe in self.start_when),
        )


class ConfigRow(Shape):
    """One configuration file that is pinned to a commit."""

    name: Name
    service: Name
    path: Annotated[str, Field(pattern=r"^/")]
    repository: Annotated[str, Field(pattern=r"^/")]
    file: Annotated[str, Field(min_length=1)]
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]

    def record(self) -> ConfigSpec:
        """Return the record."""
        return ConfigSpec(self.name, self.service, self.path, self.repository, self.file, self.commit)


class UpstreamRow(Shape):
    """One known upstream: the hosts that it answers for, and how it is asked whether it is well."""

    name: Name
    hosts: Annotated[tuple[Annotated[str, Field(pattern=HOST)], ...], Field(min_length=1, max_length=100)]
    probes: Annotated[tuple[ProbeRow, ...], AfterValidator(_check_two_looks)]
    healing: bool = True

    def record(self) -> UpstreamSpec:
        """Return the record."""
        return UpstreamSpec(self.name, self.hosts, tuple(probe.record() for probe in self.probes), self.healing)


def _check_server(url: str) -> str:
    if not _may_be_asked(ProbeKind.HTTP, url) or "?" in url or "#" in url:
        raise ValueError("write http(s)://host:port/path without a login or a query, and no link-local address")
    return url


class PrometheusRow(Shape):
    """One Prometheus that probes ask by its name."""

    name: Name
    url: Annotated[str, AfterValidator(_check_server)]

    def record(self) -> PrometheusServer:
        """Return the record."""
        return PrometheusServer(self.name, self.url)


class ServicesFile(Shape):
    """``services.yaml``."""

    services: tuple[ServiceRow, ...] = ()
    configs: tuple[ConfigRow, ...] = ()
    ci: tuple[CiRow, ...] = ()
    upstreams: Annotated[tuple[UpstreamRow, ...], Field(max_length=200)] = ()
    disks: tuple[DiskRow, ...] = ()
    containers: tuple[ContainerRow, ...] = ()
    caches: tuple[CacheRow, ...] = ()
    lockfiles: tuple[LockfileRow, ...] = ()
    indexes: tuple[IndexRow, ...] = ()
    prometheus: Annotated[tuple[PrometheusRow, ...], Field(max_length=50)] = ()
    limits: tuple[LimitRow, ...] = ()
    deployments: tuple[DeploymentRow, ...] = ()
    nodes: tuple[NodeRow, ...] = ()
    trunks: tuple[TrunkRow, ...] = ()
    pushes: tuple[PushRow, ...] = ()
    runners: tuple[RunnerRow, ...] = ()
    metric_rules: Annotated[tuple[MetricRuleRow, ...], Field(max_length=200)] = ()
    metric_queries: Annotated[tuple[MetricQueryRow, ...], Field(max_length=200)] = ()


class StrategyRow(Shape):
    """How far one strategy may go; an empty list of targets means all of the catalogue."""

    strategy: Name
    level: RolloutLevel = RolloutLevel.OBSERVE
    targets: tuple[str, ...] = ()
    extra_risk: Score = 0.0
    canary_share: Annotated[float, Field(gt=0, lt=1)] = 0.1

    def record(self) -> StrategyPolicy:
        """Return the record."""
        return StrategyPolicy(self.strategy, self.level, self.targets, self.extra_risk, self.canary_share)


class RiskRow(Shape):
    """``then: {risk: 10}``: the points that a rule adds."""

    risk: Annotated[float, Field(gt=0, le=100)]


def _kind_of_then(value: object) -> str:
    return "points" if isinstance(value, dict | RiskRow) else "word"


# What follows beside points, which ``RiskRow`` spells.
_Word = Literal["refuse", "escalate", "observe", "ask", "ask_two", "never"]
_Then = Annotated[Annotated[_Word, Tag("word")] | Annotated[RiskRow, Tag("points")], Discriminator(_kind_of_then)]


class RuleRow(Shape):
    """One rule of the policy: when its CEL condition holds, what follows, and the reason that people read."""

    name: Name
    when: Annotated[str, Field(min_length=1)]
    then: _Then
    reason: Annotated[str, Field(min_length=1, max_length=200)]

    def record(self) -> PolicyRule:
        """Return the record."""
        if isinstance(self.then, RiskRow):
            return PolicyRule(self.name, self.when, RuleThen.RISK, self.reason, self.then.risk)
        return PolicyRule(self.name, self.when, RuleThen(self.then), self.reason)


class BudgetRow(Shape):
    """At most ``limit`` commands in ``window_s`` seconds."""

    limit: Count
    window_s: Seconds

    def record(self) -> Budget:
        """Return the record."""
        return Budget(self.limit, self.window_s)


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"there is no time zone {name}: write one of the IANA database, such as Europe/Berlin") from error
    return name


def _check_more_than_one(count: int) -> int:
    if count != 0 and not 2 <= count <= 1000:
        raise ValueError("write 0 for never, or 2 to 1000")
    return count


class PolicyFile(Shape):
    """One file of ``policy/``; what it does not name keeps its default, and two files may not name the same field."""

    strategies: tuple[StrategyRow, ...] | None = None
    minimum_confidence: Annotated[float, Field(ge=0.5, le=1)] | None = None
    medium_from: Score | None = None
    high_from: Score | None = None
    critical_from: Score | None = None
    never_from: Score | None = None
    rules: Annotated[tuple[RuleRow, ...], Field(max_length=500)] | None = None
    zone: Annotated[str, AfterValidator(_check_zone)] | None = None
    office_from_hour: Annotated[int, Field(ge=0, le=23)] | None = None
    office_until_hour: Annotated[int, Field(ge=1, le=24)] | None = None
    night_risk: Score | None = None
    weekend_risk: Score | None = None
    demote_below: Annotated[float, Field(ge=0, le=1)] | None = None
    # Fewer than ten outcomes say nothing.
    demote_window: Annotated[int, Field(ge=10, le=100)] | None = None
    decision_valid_s: Seconds | None = None
    command_valid_s: Seconds | None = None
    target_budget: BudgetRow | None = None
    strategy_budget: BudgetRow | None = None
    fleet_budget: BudgetRow | None = None
    team_budget: BudgetRow | None = None
    change_share: Annotated[float, Field(gt=0, le=1)] | None = None
    change_most: Count | None = None
    change_least: Count | None = None
    change_window_s: Seconds | None = None
    windows: Annotated[tuple[WindowRow, ...], Field(max_length=200)] | None = None
    workflows: Annotated[tuple[WorkflowRow, ...], Field(max_length=200)] | None = None
    breaker_failures: Count | None = None
    breaker_wide_failures: Count | None = None
    breaker_open_s: Seconds | None = None
    loop_limit: Count | None = None
    loop_window_s: Seconds | None = None
    incomplete_wait_s: Seconds | None = None
    gather_s: Seconds | None = None
    aftermath_s: Seconds | None = None
    fail_after: Count | None = None
    pass_after: Count | None = None
    future_limit_s: Seconds | None = None
    stabilise_s: Seconds | None = None
    next_attempt_wait_s: Seconds | None = None
    again_first_wait_s: Seconds | None = None
    again_longest_wait_s: Seconds | None = None
    # One repository is no storm; 0 is never.
    storm_repositories: Annotated[int, AfterValidator(_check_more_than_one)] | None = None
    storm_window_s: Annotated[float, Field(ge=1, le=24 * 3600)] | None = None
    storm_per_owner: Count | None = None
    storm_runs: Annotated[int, AfterValidator(_check_more_than_one)] | None = None
    storm_groups_share: Annotated[float, Field(gt=0, le=1)] | None = None
    storm_groups: Annotated[int, AfterValidator(_check_more_than_one)] | None = None
    storm_release: BudgetRow | None = None
    storm_hold_s: Annotated[float, Field(ge=0, le=24 * 3600)] | None = None
    # 0 runs is never; of each of at most 16 repositories at most eight runs are told apart.
    proposal_runs: Annotated[int, Field(ge=0, le=128)] | None = None
    proposal_repositories: Annotated[int, Field(ge=2, le=16)] | None = None
    proposal_per_owner: Count | None = None
    proposal_window_s: Seconds | None = None
    proposal_valid_s: Annotated[float, Field(ge=3600, le=30 * 24 * 3600)] | None = None
    proposal_open: Annotated[int, Field(ge=1, le=100)] | None = None
    trial_green_share: Annotated[float, Field(ge=0, le=1)] | None = None
    trial_stolen: Annotated[int, Field(ge=0, le=1000)] | None = None
    # Above a half nothing would ever be noticed.
    live_green_share: Annotated[float, Field(ge=0.01, le=0.5)] | None = None
    exploration_share: Annotated[float, Field(ge=0, le=0.2)] | None = None
    choice_half_life_s: Annotated[float, Field(ge=3600, le=365 * 24 * 3600)] | None = None
    holdout_share: Annotated[float, Field(ge=0, le=0.2)] | None = None

    def fields_set(self) -> dict[str, object]:
        """Return the fields that the file names, as records."""
        found: dict[str, object] = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, BudgetRow):
                found[name] = value.record()
            elif name in {"strategies", "rules", "windows", "workflows"}:
                found[name] = tuple(row.record() for row in value)
            else:
                found[name] = value
        return found
