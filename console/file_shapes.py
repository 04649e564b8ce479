"""The shapes of the configuration files: pydantic models at the door, each turned into its frozen record of ``schemas``.

Called by ``console/configuration.py``; a field that a shape does not name is a mistake, not a default.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.decisions import Oversight
from schemas.oversight import RolloutLevel
from schemas.people import Person, Role
from schemas.policy import Budget, StrategyPolicy
from schemas.services import CiServer, ConfigSpec, ProbeKind, ProbeSpec, ServiceSpec

_KEY_BYTES = 32
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, Field(pattern=NAME)]
Score = Annotated[float, Field(ge=0, le=100)]
Seconds = Annotated[float, Field(gt=0, le=30 * 24 * 3600)]
Count = Annotated[int, Field(ge=1, le=1000)]


def _check_key(text: str) -> str:
    try:
        raw = b64decode(text, validate=True)
    except Base64Error as error:
        raise ValueError("this is no base64") from error
    if len(raw) != _KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {_KEY_BYTES} bytes, this has {len(raw)}")
    return text


class Shape(BaseModel):
    """What all shapes share: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HealstreamFile(Shape):
    """``healstream.yaml``: the file's format, who watches, and literals that are masked in every text."""

    version: Literal[1] = 1
    oversight: Oversight = Oversight.TWO_PERSON
    secrets: tuple[Annotated[str, Field(min_length=4)], ...] = ()


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


class ProbeRow(Shape):
    """One probe of a service."""

    name: Name
    kind: ProbeKind
    address: str = ""
    every_s: Seconds = 10.0
    timeout_s: Seconds = 2.0

    def record(self) -> ProbeSpec:
        """Return the record."""
        return ProbeSpec(self.name, self.kind, self.address, self.every_s, self.timeout_s)


class ServiceRow(Shape):
    """One service of ``services.yaml``; ``argv`` is a list of words, never a shell line."""

    name: Name
    group: Name
    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    cwd: Annotated[str, Field(pattern=r"^/")]
    pid_file: Annotated[str, Field(pattern=r"^/")]
    depends_on: tuple[Name, ...] = ()
    probes: tuple[ProbeRow, ...] = ()
    configs: tuple[Name, ...] = ()
    healing: bool = True

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


class CiRow(Shape):
    """One GitHub-shaped server."""

    source: Name
    api_url: Annotated[str, Field(pattern=r"^https?://")]
    token_file: str = ""
    projects: Annotated[tuple[str, ...], Field(min_length=1)]

    def record(self) -> CiServer:
        """Return the record."""
        return CiServer(self.source, self.api_url, self.token_file, self.projects)


class ServicesFile(Shape):
    """``services.yaml``."""

    services: tuple[ServiceRow, ...] = ()
    configs: tuple[ConfigRow, ...] = ()
    ci: tuple[CiRow, ...] = ()


class StrategyRow(Shape):
    """How far one strategy may go; an empty list of targets means all of the catalogue."""

    strategy: Name
    level: RolloutLevel = RolloutLevel.OBSERVE
    targets: tuple[str, ...] = ()
    extra_risk: Score = 0.0

    def record(self) -> StrategyPolicy:
        """Return the record."""
        return StrategyPolicy(self.strategy, self.level, self.targets, self.extra_risk)


class BudgetRow(Shape):
    """At most ``limit`` commands in ``window_s`` seconds."""

    limit: Count
    window_s: Seconds

    def record(self) -> Budget:
        """Return the record."""
        return Budget(self.limit, self.window_s)


class PolicyFile(Shape):
    """One file of ``policy/``; what it does not name keeps its default, and two files may not name the same field."""

    strategies: tuple[StrategyRow, ...] | None = None
    minimum_confidence: Annotated[float, Field(ge=0.5, le=1)] | None = None
    medium_from: Score | None = None
    high_from: Score | None = None
    critical_from: Score | None = None
    decision_valid_s: Seconds | None = None
    command_valid_s: Seconds | None = None
    target_budget: BudgetRow | None = None
    strategy_budget: BudgetRow | None = None
    fleet_budget: BudgetRow | None = None
    breaker_failures: Count | None = None
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
    # One repository is no storm: to have none, the field is left out.
    storm_repositories: Annotated[int, Field(ge=2, le=1000)] | None = None
    storm_window_s: Annotated[float, Field(ge=1, le=24 * 3600)] | None = None
    storm_per_owner: Count | None = None
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

    def fields_set(self) -> dict[str, object]:
        """Return the fields that the file names, as records."""
        found: dict[str, object] = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, BudgetRow):
                found[name] = value.record()
            elif name == "strategies":
                found[name] = tuple(row.record() for row in value)
            else:
                found[name] = value
        return found
