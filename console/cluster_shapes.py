"""The shapes of ``services.yaml`` for what a Kubernetes cluster runs; each is turned into its ``TargetSpec``."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from console.probe_shape import ProbeRow
from console.shape import NAME, Seconds, Shape
from schemas.probes import ProbeKind
from schemas.targets.deployment import DeploymentSpec, repository_of
from schemas.targets.node import BAD_CONDITIONS, NodeSpec

# What the API takes as a name (RFC 1123).
Label = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Subdomain = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
Image = Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$|^$")]
Repository = Annotated[str, Field(pattern=r"^[a-z0-9][A-Za-z0-9._:/-]*$")]
Share = Annotated[float, Field(ge=1, le=100)]


class DeploymentRow(Shape):
    """One Deployment; its replicas are changed only where a most is given, its image only where a good one is named."""

    namespace: Label
    name: Subdomain
    group: Annotated[str, Field(pattern=f"{NAME}|^$")] = ""
    container: str = ""
    image: Image = ""
    repositories: tuple[Repository, ...] = ()
    least_replicas: Annotated[int, Field(ge=1, le=10_000)] = 1
    most_replicas: Annotated[int, Field(ge=0, le=10_000)] = 0
    stuck_s: Seconds = 300.0
    healthy_percent: Share = 51.0
    probes: tuple[ProbeRow, ...] = ()
    every_s: Seconds = 10.0
    healing: bool = True

    @field_validator("probes")
    @classmethod
    def _by_the_network(cls, rows: tuple[ProbeRow, ...]) -> tuple[ProbeRow, ...]:
        wrong = next((row.name for row in rows if row.kind not in {ProbeKind.TCP, ProbeKind.HTTP}), None)
        if wrong:
            raise ValueError(f"the probe {wrong} is no look at what a deployment serves: write tcp or http")
        return rows

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.most_replicas and self.most_replicas < self.least_replicas:
            raise ValueError("most_replicas must not be below least_replicas; leave it out to leave the replicas alone")
        if bool(self.image) != bool(self.container):
            raise ValueError("image and container belong together: name the container whose good image this is")
        if self.image and self.repositories and repository_of(self.image) not in self.repositories:
            raise ValueError(f"the good image is of {repository_of(self.image)}, not among the repositories: add it, or correct it")
        return self

    def record(self) -> DeploymentSpec:
        """Return the record."""
        fields = self.model_dump(exclude={"probes"})
        return DeploymentSpec(**fields, answers=tuple(probe.record() for probe in self.probes))


class NodeRow(Shape):
    """One node that is emptied when it should serve no longer."""

    name: Subdomain
    group: Annotated[str, Field(pattern=f"{NAME}|^$")] = ""
    bad_conditions: tuple[Annotated[str, Field(pattern=r"^[A-Za-z]{1,63}$")], ...] = BAD_CONDITIONS
    healthy_percent: Share = 51.0
    drops_local_data: bool = False
    every_s: Seconds = 10.0
    healing: bool = True

    def record(self) -> NodeSpec:
        """Return the record."""
        return NodeSpec(**self.model_dump())
