"""A Deployment of a Kubernetes cluster: ``deployment:<namespace>/<name>``."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.probes import ProbeKind, ProbeSpec


def repository_of(image: str) -> str:
    """Return an image's repository: its name without digest and tag."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """One Deployment. ``image`` is the last image known to be good of its ``container``, by its digest; empty: its image is left alone.

    Only images of ``repositories`` are ever brought back; none named: those of ``image``. Its replicas stay from ``least_replicas`` to
    ``most_replicas``; 0 at most: they are left alone. A pod that is not ready for ``stuck_s`` is stuck, and is removed only while at
    least ``healthy_percent`` of the replicas are ready. ``answers`` are looks at what it serves (TCP, HTTP).
    """

    namespace: str
    name: str
    group: str = ""
    container: str = ""
    image: str = ""
    repositories: tuple[str, ...] = ()
    least_replicas: int = 1
    most_replicas: int = 0
    stuck_s: float = 300.0
    healthy_percent: float = 51.0
    answers: tuple[ProbeSpec, ...] = ()
    every_s: float = 10.0
    healing: bool = True

    @property
    def target(self) -> str:
        """Return the typed name."""
        return f"deployment:{self.namespace}/{self.name}"

    @property
    def scope(self) -> str:
        """Return its service group, else itself."""
        return f"group:{self.group}" if self.group else self.target

    @property
    def probes(self) -> tuple[ProbeSpec, ...]:
        """Return the looks at the cluster that its fields ask for, and its own."""
        looks = [
            ProbeSpec("deployment-crashes", ProbeKind.DEPLOYMENT_CRASHES, "", self.every_s),
            ProbeSpec("deployment-pods", ProbeKind.DEPLOYMENT_PODS, "", self.every_s),
        ]
        looks += [ProbeSpec("deployment-image", ProbeKind.DEPLOYMENT_IMAGE, "", self.every_s)] if self.image else []
        looks += [ProbeSpec("deployment-scale", ProbeKind.DEPLOYMENT_SCALE, "", self.every_s)] if self.most_replicas else []
        return (*looks, *self.answers)

    def allows(self, image: str) -> bool:
        """Tell whether an image is of a repository that may be brought back."""
        allowed = self.repositories or ((repository_of(self.image),) if self.image else ())
        return not allowed or repository_of(image) in allowed
