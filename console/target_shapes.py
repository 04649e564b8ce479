"""The shapes of ``services.yaml`` for what is neither a service nor a configuration file; each is turned into its ``TargetSpec``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from console.probe_shape import ProbeRow
from console.shape import NAME, Name, Seconds, Shape
from schemas.probes import ProbeKind
from schemas.targets.cache import CacheCheck, CacheSpec
from schemas.targets.container import ContainerSpec
from schemas.targets.disk import GIB, CleanRule, DiskSpec
from schemas.targets.index import IndexSpec, IndexTool
from schemas.targets.limit import LimitSpec
from schemas.targets.lockfile import BRANCHES, LockfileSpec, LockTool
from schemas.targets.push import PushSpec
from schemas.targets.runner import RunnerSpec
from schemas.targets.trunk import TrunkSpec


def _check_below(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError("write a folder below the disk's path, without a leading / and without ..")
    return text


Below = Annotated[str, Field(min_length=1), AfterValidator(_check_below)]
Percent = Annotated[float, Field(gt=0, le=100)]


class CleanRow(Shape):
    """Files that may be removed: a shell pattern of their names, below a folder of the disk, by their age."""

    folder: Below
    names: Annotated[str, Field(pattern=r"^[^/]+$")] = "*"
    older_than_s: Seconds
    regenerable: bool = False


class DiskRow(Shape):
    """One file system and what may be removed from it."""

    host: Name
    path: Annotated[str, Field(pattern=r"^/")]
    group: Annotated[str, Field(pattern=f"{NAME}|^$")] = ""
    clean: tuple[CleanRow, ...] = ()
    full_percent: Percent = 95.0
    well_percent: Percent = 80.0
    max_bytes: Annotated[int, Field(gt=0)] = 20 * GIB
    every_s: Seconds = 10.0
    healing: bool = True
    data: tuple[Below, ...] = ()
    quarantine: Annotated[str, Field(pattern=r"^/|^$")] = ""
    size_bytes: Annotated[int, Field(ge=0)] = 0
    early_percent: Annotated[float, Field(ge=0, le=100)] = 0.0

    def record(self) -> DiskSpec:
        """Return the record."""
        return DiskSpec(
            host=self.host,
            path=self.path,
            group=self.group,
            rules=tuple(CleanRule(row.folder, row.names, row.older_than_s, row.regenerable) for row in self.clean),
            full_percent=self.full_percent,
            well_percent=self.well_percent,
            max_bytes=self.max_bytes,
            every_s=self.every_s,
            healing=self.healing,
            data=self.data,
            quarantine=self.quarantine,
            size_bytes=self.size_bytes,
            early_percent=self.early_percent,
        )


_OF_CONTAINERS = frozenset({ProbeKind.TCP, ProbeKind.HTTP, ProbeKind.PROMETHEUS})


class ContainerRow(Shape):
    """One container of this host's engine; its memory is raised only where both limits are given, its image only where one is named."""

    name: Name
    group: Annotated[str, Field(pattern=f"{NAME}|^$")] = ""
    image: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$|^$")] = ""
    memory_bytes: Annotated[int, Field(ge=0)] = 0
    memory_cap_bytes: Annotated[int, Field(ge=0)] = 0
    probes: tuple[ProbeRow, ...] = ()
    stop_s: Annotated[float, Field(ge=0, le=600)] = 10.0
    every_s: Seconds = 10.0
    healing: bool = True

    @field_validator("probes")
    @classmethod
    def _by_the_network(cls, rows: tuple[ProbeRow, ...]) -> tuple[ProbeRow, ...]:
        wrong = next((row.name for row in rows if row.kind not in _OF_CONTAINERS), None)
        if wrong:
            raise ValueError(f"the probe {wrong} is no look at what a container serves: write tcp, http or prometheus")
        return rows

    @model_validator(mode="after")
    def _cap_above_limit(self) -> Self:
        if self.memory_cap_bytes and not 0 < self.memory_bytes < self.memory_cap_bytes:
            raise ValueError("memory_cap_bytes must be above memory_bytes, the limit that the container is declared with")
        return self

    def record(self) -> ContainerSpec:
        """Return the record."""
        return ContainerSpec(
            name=self.name,
            group=self.group,
            image=self.image,
            memory_bytes=self.memory_bytes,
            memory_cap_bytes=self.memory_cap_bytes,
            answers=tuple(probe.record() for probe in self.probes),
            stop_s=self.stop_s,
            every_s=self.every_s,
            healing=self.healing,
        )


class LimitRow(Shape):
    """One number by which the kernel bounds something; it is raised from ``value``, never above ``cap``."""

    name: Name
    path: Annotated[str, Field(pattern=r"^/")]
    used_path: Annotated[str, Field(pattern=r"^/")]
    value: Annotated[int, Field(gt=0)]
    cap: Annotated[int, Field(gt=0)]
    group: Annotated[str, Field(pattern=f"{NAME}|^$")] = ""
    full_percent: Percent = 95.0
    every_s: Seconds = 10.0
    healing: bool = True

    @model_validator(mode="after")
    def _cap_above_value(self) -> Self:
        if self.cap <= self.value:
            raise ValueError("cap must be above value, the limit that is declared")
        return self

    def record(self) -> LimitSpec:
        """Return the record."""
        return LimitSpec(**self.model_dump())


Argv = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
Absolute = Annotated[str, Field(pattern=r"^/")]
Environ = dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], str]


class CacheRow(Shape):
    """One cache: how its entries are checked, and the argument lists that build and read it."""

    name: Name
    folder: Absolute
    rebuild: Argv
    read: Argv
    check: CacheCheck = CacheCheck.MANIFEST
    manifest: Below = "SHA256SUMS"
    project: Annotated[str, Field(pattern=r"^/|^$")] = ""
    aside: Annotated[str, Field(pattern=r"^/|^$")] = ""
    group: Annotated[str, Field(pattern=f"{NAME}|^$")] = ""
    environ: Environ = Field(default_factory=dict)
    timeout_s: Seconds = 60.0
    every_s: Seconds = 300.0
    healing: bool = True

    def record(self) -> CacheSpec:
        """Return the record."""
        return CacheSpec(**{**self.model_dump(), "environ": tuple(sorted(self.environ.items()))})


def _check_base(text: str) -> str:
    if text.startswith(BRANCHES):
        raise ValueError(f"branches below {BRANCHES} are healstream's own; name the one that people build from")
    return text


Project = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._/-]*$")]
OneName = Annotated[str, Field(pattern=r"^[^/]+$")]


class LockfileRow(Shape):
    """One lock file of one repository, and where a change of it is proposed."""

    name: Name
    repository: Absolute
    tool: LockTool
    manifest: OneName
    lock: OneName
    source: Name
    project: Project
    folder: Annotated[str, AfterValidator(_check_below)] = ""
    base_branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]+$"), AfterValidator(_check_base)] = "main"
    test: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    program: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    environ: Environ = Field(default_factory=dict)
    timeout_s: Seconds = 120.0
    max_bytes: Annotated[int, Field(gt=0)] = 64 * 1024**2
    every_s: Annotated[float, Field(ge=0, le=30 * 24 * 3600)] = 0.0
    healing: bool = True

    def record(self) -> LockfileSpec:
        """Return the record."""
        return LockfileSpec(**{**self.model_dump(), "environ": tuple(sorted(self.environ.items()))})


class TrunkRow(Shape):
    """One main branch, the jobs whose ends count, and how its tests are run."""

    name: Name
    repository: Absolute
    source: Name
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
    jobs: Annotated[tuple[OneName, ...], Field(min_length=1)]
    test: Argv
    list_tests: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    quarantine: Annotated[str, Field(pattern=r"^/|^$")] = ""
    resolve: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    base_branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]+$"), AfterValidator(_check_base)] = "main"
    environ: Environ = Field(default_factory=dict)
    timeout_s: Seconds = 120.0
    max_bytes: Annotated[int, Field(gt=0)] = 64 * 1024**2
    healing: bool = True

    @model_validator(mode="after")
    def _names_of_what_is_left_out(self) -> Self:
        if self.quarantine and not self.list_tests:
            raise ValueError("quarantine needs list_tests: only a test that the commit really has is left out")
        return self

    def record(self) -> TrunkSpec:
        """Return the record."""
        return TrunkSpec(**{**self.model_dump(), "environ": tuple(sorted(self.environ.items()))})


# Without a name and a password: what is written into a setting is shown to people.
# The name before a host is how ssh is told whose service it is.
Mirror = Annotated[str, Field(pattern=r'^(https?|file)://[^\s@"\\]+$|^ssh://(\w[\w.-]*@)?\w[^\s@"\\]*$')]


class IndexRow(Shape):
    """One package setting and the mirrors that it may name."""

    name: Name
    tool: IndexTool
    file: Absolute
    mirrors: Annotated[tuple[Mirror, ...], Field(min_length=2, max_length=20)]
    source: Name
    projects: Annotated[tuple[str, ...], Field(min_length=1)]
    ask: Argv
    lists: Annotated[str, Field(pattern=r"^/.+/lists/?$|^$")] = ""
    environ: Environ = Field(default_factory=dict)
    timeout_s: Seconds = 60.0
    healing: bool = True

    @model_validator(mode="after")
    def _lists_of_apt(self) -> Self:
        if bool(self.lists) is not (self.tool is IndexTool.APT):
            raise ValueError("lists names apt's folder of lists: with tool apt write it, with another tool leave it out")
        if self.tool is not IndexTool.GIT and any(mirror.startswith("ssh://") for mirror in self.mirrors):
            raise ValueError(f"{self.tool} fetches nothing by ssh: name mirrors by http, https or file")
        if len({mirror.rstrip("/") for mirror in self.mirrors}) < len(self.mirrors):
            raise ValueError("a mirror is there twice: leave one of the two out")
        return self

    def record(self) -> IndexSpec:
        """Return the record."""
        return IndexSpec(**{**self.model_dump(), "environ": tuple(sorted(self.environ.items()))})


class PushRow(Shape):
    """One bot's clone, the remote that it pushes to, and the CI jobs that do so."""

    name: Name
    repository: Absolute
    # What git would take for an option, a program or a login is no address here.
    remote: Annotated[str, Field(pattern=r"^/|^(https?|ssh|file)://(\w[\w.-]*@)?[^\s:@-][^\s@]*$")]
    source: Name
    project: Project
    jobs: Annotated[tuple[OneName, ...], Field(min_length=1)]
    branch: Branch = "main"
    program: Argv = ("git",)
    environ: Environ = Field(default_factory=dict)
    timeout_s: Seconds = 60.0
    most_commits: Annotated[int, Field(gt=0, le=100)] = 20
    healing: bool = True

    def record(self) -> PushSpec:
        """Return the record."""
        return PushSpec(**{**self.model_dump(), "environ": tuple(sorted(self.environ.items()))})


class RunnerRow(Shape):
    """One runner of a CI server, and the page on it that answers only while names are resolved there."""

    name: OneName
    source: Name
    projects: Annotated[tuple[Project, ...], Field(min_length=1)]
    resolver: ProbeRow
    healing: bool = True

    @field_validator("resolver")
    @classmethod
    def _by_a_page(cls, row: ProbeRow) -> ProbeRow:
        if row.kind is not ProbeKind.HTTP:
            raise ValueError("only the runner itself can tell whether it resolves names: write http and a page of it that tells")
        return row

    def record(self) -> RunnerSpec:
        """Return the record."""
        return RunnerSpec(self.name, self.source, self.projects, self.resolver.record(), self.healing)
