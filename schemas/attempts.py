"""What one attempt at a target reports: values between the recoverers' ports and the adapters that fit them; they cross no topic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.decisions import Parameters
from schemas.recoveries import Condition


class StepStatus(StrEnum):
    """How one attempt of a step went; ``uncertain`` means that the effect may or may not have happened."""

    OK = "ok"
    FAILED = "failed"
    PENDING = "pending"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one attempt reports; a pending one is asked again after ``delay_s`` seconds. Later steps may read the ``outputs`` by name."""

    status: StepStatus
    detail: str = ""
    delay_s: float = 0.2
    outputs: Parameters = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """How one target, or what one metric says of it, was seen."""

    name: str
    condition: Condition
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CiJob:
    """One job of one attempt of a run; ``conclusion`` is empty while it goes on, ``commit`` and ``runner`` where the server names none.

    ``took_s`` is how many seconds it ran by the server's own times, none while it goes on and where the server does not say.
    """

    job_id: int
    attempt: int
    conclusion: str
    commit: str = ""
    runner: str = ""
    took_s: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What one look at a party outside gave; ``wait_s`` is for how long it asks to be left alone, 0 when it does not say."""

    passes: bool
    wait_s: float = 0.0


# The only label that a runner has while it is out of the pool.
CORDONED = "cordoned"


@dataclass(frozen=True, slots=True)
class RunnerState:
    """A runner that a repository's jobs may be given to; ``labels`` are those that people set, which jobs ask for it by."""

    exists: bool
    runner_id: int = 0
    online: bool = False
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerState:
    """A container as its engine sees it; bytes are limits and use, 0 for none. ``started_at`` tells one start from the next."""

    exists: bool
    running: bool = False
    started_at: str = ""
    out_of_memory: bool = False
    exit_code: int = 0
    image: str = ""
    memory_bytes: int = 0
    swap_bytes: int = 0
    used_bytes: int = 0
