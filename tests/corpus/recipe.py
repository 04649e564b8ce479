"""What a recording is made of: a real tool, a small project, one fault, and the kind that follows from it; rows of ``recipes/*.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.vocabulary import Kind
from tests.corpus.sites import Site


class Stop(StrEnum):
    """How the runner itself ends a step that does not end alone."""

    NEVER = "never"
    TIME_LIMIT = "time_limit"
    CANCELLED = "cancelled"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Limit:
    """What the runner lacks; zero and empty mean no limit.

    ``full`` names the places (``app``, ``tmp``, ``home``, relative to the run's folder) that lie on a file system of ``room_kib`` and
    ``inodes``; ``address_kib`` bounds a process's address space, ``memory_mib`` the step's memory in a control group (the kernel kills),
    ``file_kib`` a file's size, ``files`` the open files; ``read_only`` names places that cannot be written; ``is_plain_user`` drops
    root; ``stop`` and ``after`` (seconds, or once ``cue`` was printed) say when the runner ends the step.
    """

    full: tuple[str, ...] = ()
    room_kib: int = 0
    inodes: int = 0
    address_kib: int = 0
    memory_mib: int = 0
    file_kib: int = 0
    files: int = 0
    read_only: tuple[str, ...] = ()
    is_plain_user: bool = False
    stop: Stop = Stop.NEVER
    after: float = 0.0
    cue: str = ""


NO_LIMIT = Limit()


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recording: its ``id`` is stable for ever, its ``label`` follows from ``fault`` by the rules of recognition.

    ``script`` is the step, run by ``bash -e`` as a CI runner does, in a folder that holds ``files``; it, ``files``, ``prepare`` and
    ``env`` may name the fault server as ``@HTTPS@``, ``@HTTP@``, ``@HOST@`` or ``@ADDRESS@``, its authority's file as ``@CA@``, and the
    places ``@APP@``, ``@HOME@`` and ``@KIT@``. ``prepare`` runs before it, unrecorded, without limits and with a healthy server;
    ``kit`` names what must be installed first (``kits.py``). ``where`` selects the requests that the fault meets, all others are
    answered from ``site``. ``needs`` are the programs without which the recipe is left out; ``shows`` is an expression that the output
    must match, which proves that the step ended as the label says. ``limit_seconds`` bounds the run.
    """

    id: str
    tool: str
    language: str
    fault: str
    label: Kind
    script: str
    files: Mapping[str, str] = field(default_factory=dict)
    prepare: str = ""
    kit: str = ""
    needs: tuple[str, ...] = ()
    site: Site = field(default_factory=dict)
    where: str = ""
    shows: str = ""
    limit: Limit = NO_LIMIT
    env: Mapping[str, str] = field(default_factory=dict)
    limit_seconds: int = 150
