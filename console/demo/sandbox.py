"""The sandbox folder: services, a git repository with configuration files, people with keys, and the policy that may heal them.

Called by ``play.py``; everything is below one folder, and nothing outside it is touched.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dulwich import porcelain

from console.demo import service as service_program
from console.demo.interrupts import to_its_end
from console.demo.packages import LOCKED_PROJECT, Packages
from console.demo.small_disk import SmallDisk
from console.home import Home, make_state
from console.init import person_lines
from console.keys import ensure_key
from console.live import is_same_process
from infra.adapters import launch
from infra.adapters.processes import LEDGER, Processes
from infra.broker.server import free_ports
from schemas.attempts import StepResult, StepStatus
from schemas.errors import HealstreamError
from schemas.people import Role
from schemas.services import ServiceSpec
from schemas.signing import public_text
from schemas.targets.cache import CacheSpec
from schemas.targets.disk import DiskSpec
from schemas.targets.lockfile import LockfileSpec

OPERATOR, APPROVER = "olga", "amir"
HELD = "held"
PINNED = "[server]\nlimit = 10\n"
DRIFTED = "[server]\nlimit = 500\n"
SELDOM_S = 3600.0
PROBE_S = 15.0
PROJECT = "acme/shop"
# What a CI job sees of our environment.
JOB_ENVIRON = (("PATH", os.defpath), ("LANG", "C.UTF-8"), ("PIP_NO_INPUT", "1"))
# The key of the start that is not a recovery's.
FIRST_START = "sandbox"
LAUNCHES = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """One service as the sandbox plans it: ``every_s`` is how often it is probed."""

    name: str
    group: str
    needs: tuple[str, ...] = ()
    every_s: float = 1.0
    warm_up_s: float = 0.0
    has_config: bool = False
    is_liar: bool = False
    # Comes up only once the file ``HELD`` in its folder is gone.
    is_held: bool = False


PLANS: tuple[Plan, ...] = (
    Plan("db", "shop"),
    Plan("api", "shop", ("db",)),
    Plan("web", "shop", ("api",)),
    Plan("proxy", "edge", has_config=True),
    Plan("oracle", "oracle", has_config=True, is_liar=True),
    Plan("vault", "vault"),
    Plan("till-1", "vault", ("vault",)),
    Plan("till-2", "vault", ("vault",)),
    Plan("till-3", "vault", ("vault",)),
    # Probed by the one on top only, so that one command starts all three.
    Plan("ore", "mill", every_s=SELDOM_S, warm_up_s=1.0),
    Plan("iron", "mill", ("ore",), every_s=SELDOM_S, warm_up_s=1.0, is_held=True),
    Plan("tools", "mill", ("iron",), warm_up_s=1.0),
    Plan("seed", "farm", every_s=SELDOM_S, is_held=True),
    Plan("corn", "farm", ("seed",), every_s=SELDOM_S),
    Plan("flour", "farm", ("corn",), every_s=SELDOM_S),
    Plan("bread", "farm", ("flour",)),
)


@dataclass(slots=True)
class Sandbox:
    """The built sandbox."""

    folder: Path
    api_port: int
    disk: SmallDisk
    packages: Packages
    ports: Mapping[str, int] = field(default_factory=dict)
    commit: str = ""

    @property
    def home(self) -> Home:
        """The folders of the demo's own healstream."""
        return Home("demo", self.folder / "state", self.folder / "config")

    def cwd(self, name: str) -> Path:
        """Return a service's own folder."""
        return self.folder / "services" / name

    def pid_file(self, name: str) -> Path:
        """Return a service's pid file."""
        return self.cwd(name) / "pid"

    def config_file(self, name: str) -> Path:
        """Return a service's live configuration file."""
        return self.cwd(name) / f"{name}.conf"

    def config_target(self, name: str) -> str:
        """Return a configuration file as a target."""
        return f"config:{name}-conf:{self.config_file(name)}"

    def kill(self, *names: str) -> None:
        """Kill services as a crash would."""
        for name in names:
            pid = launch.pid_in(self.pid_file(name))
            if pid is not None and is_same_process(pid):
                os.kill(pid, signal.SIGKILL)

    def starts_by_healing(self, name: str) -> int:
        """Count the starts of a service that a recovery made, from the ledger of its effects."""
        rows = launch.ledger_rows(self.cwd(name) / LEDGER)
        return sum(row.get("act") == "start" and row.get("key") != FIRST_START for row in rows)

    def start_services(self) -> None:
        """Start every service once, dependencies first, as a recovery would; each start is made whole or not begun."""
        for plan in PLANS:
            with to_its_end():
                said = _start(self, plan)
            if said.status is not StepStatus.OK:
                raise HealstreamError(f"service {plan.name} of the sandbox", said.detail, "Run `healstream demo` again")

    def argv(self, plan: Plan) -> list[str]:
        """Return a service's start command."""
        words = [sys.executable, "-I", "-S", service_program.__file__, "--port", str(self.ports[plan.name]), "--owner", str(os.getpid())]
        words += [word for other in plan.needs for word in ("--need", self.url(other))]
        words += ["--warm-up", str(plan.warm_up_s)] if plan.warm_up_s else []
        words += ["--held", str(self.cwd(plan.name) / HELD)] if plan.is_held else []
        words += ["--config", str(self.config_file(plan.name))] if plan.has_config else []
        return [*words, "--liar"] if plan.is_liar else words

    def url(self, name: str) -> str:
        """Return a service's health page."""
        return f"http://127.0.0.1:{self.ports[name]}/health"


def _start(sandbox: Sandbox, plan: Plan) -> StepResult:
    folder, pid_file = str(sandbox.cwd(plan.name)), str(sandbox.pid_file(plan.name))
    spec, said = ServiceSpec(plan.name, plan.group, tuple(sandbox.argv(plan)), folder, pid_file), StepResult(StepStatus.UNCERTAIN)
    # On a machine that is busy with other things a launch may not return in time; its key makes the next one safe.
    for _ in range(LAUNCHES):
        if said.status is StepStatus.UNCERTAIN:
            said = Processes().start(spec, FIRST_START)
    return said


def build(folder: Path, api_port: int, disk: SmallDisk) -> Sandbox:
    """Make the folder's content and the disk's; nothing runs yet."""
    sandbox = Sandbox(
        folder, api_port, disk, Packages(folder / "packages"), dict(zip((plan.name for plan in PLANS), free_ports(len(PLANS)), strict=True))
    )
    make_state(sandbox.home)
    disk.furnish()
    sandbox.packages.furnish()
    sandbox.commit = _make_repository(sandbox)
    for plan in PLANS:
        sandbox.cwd(plan.name).mkdir(parents=True)
        if plan.has_config:
            sandbox.config_file(plan.name).write_text(PINNED, encoding="utf-8")
    config = sandbox.home.config
    (config / "policy").mkdir(parents=True)
    (config / "healstream.yaml").write_text("version: 1\noversight: two_person\n", encoding="utf-8")
    (config / "services.yaml").write_text(json.dumps(_services(sandbox), indent=1), encoding="utf-8")
    (config / "policy" / "sandbox.yaml").write_text(json.dumps(_policy(sandbox), indent=1), encoding="utf-8")
    (config / "people.yaml").write_text(_people(sandbox.home), encoding="utf-8")
    return sandbox


def _make_repository(sandbox: Sandbox) -> str:
    folder = sandbox.folder / "repository"
    folder.mkdir(parents=True)
    with porcelain.init(str(folder)) as repository:
        for plan in PLANS:
            if plan.has_config:
                (folder / f"{plan.name}.conf").write_text(PINNED, encoding="utf-8")
        porcelain.add(repository, [str(folder / f"{plan.name}.conf") for plan in PLANS if plan.has_config])
        made = porcelain.commit(
            repository, message=b"the right configuration", author=b"demo <demo@shop.example>", committer=b"demo <demo@shop.example>"
        )
    return bytes(made).decode("ascii")


def _people(home: Home) -> str:
    rows = ((OPERATOR, (Role.OPERATOR,)), (APPROVER, (Role.APPROVER,)))
    lines = [person_lines(name, roles, public_text(ensure_key(home.people / f"{name}.key"))) for name, roles in rows]
    return "people:\n" + "".join(lines)


def _probes(sandbox: Sandbox, plan: Plan) -> list[dict[str, object]]:
    # A dead service refuses at once; patience only keeps a busy machine from looking like a failure.
    patience: dict[str, object] = {"every_s": plan.every_s, "timeout_s": PROBE_S}
    asked: list[dict[str, object]] = [
        {"name": f"{plan.name}-http", "kind": "http", "address": sandbox.url(plan.name), **patience},
        {"name": f"{plan.name}-process", "kind": "process", "address": str(sandbox.pid_file(plan.name)), "every_s": plan.every_s},
    ]
    drift: dict[str, object] = {"name": f"{plan.name}-file", "kind": "file_hash", "address": f"{plan.name}-conf", "every_s": plan.every_s}
    return [*asked, drift] if plan.has_config else asked


def _services(sandbox: Sandbox) -> dict[str, object]:
    services = [
        {
            "name": plan.name,
            "group": plan.group,
            "argv": sandbox.argv(plan),
            "cwd": str(sandbox.cwd(plan.name)),
            "pid_file": str(sandbox.pid_file(plan.name)),
            "depends_on": plan.needs,
            "probes": _probes(sandbox, plan),
            "configs": [f"{plan.name}-conf"] if plan.has_config else [],
            "environment": "test",
        }
        for plan in PLANS
    ]
    configs = [
        {
            "name": f"{plan.name}-conf",
            "service": plan.name,
            "path": str(sandbox.config_file(plan.name)),
            "repository": str(sandbox.folder / "repository"),
            "file": f"{plan.name}.conf",
            "commit": sandbox.commit,
        }
        for plan in PLANS
        if plan.has_config
    ]
    ci = [{"source": "github", "api_url": f"http://127.0.0.1:{sandbox.api_port}", "projects": [PROJECT, LOCKED_PROJECT]}]
    others = {"disks": [_disk_row(sandbox.disk.spec)], "caches": [_row(sandbox.packages.cache)], "lockfiles": [_row(sandbox.packages.lock)]}
    return {"services": services, "configs": configs, "ci": ci, **others}


def _row(spec: CacheSpec | LockfileSpec) -> dict[str, object]:
    return {**asdict(spec), "environ": dict(spec.environ)}


def _disk_row(spec: DiskSpec) -> dict[str, object]:
    row = asdict(spec)
    return {**{name: row[name] for name in row if name != "rules"}, "clean": row["rules"]}


def _policy(sandbox: Sandbox) -> dict[str, object]:
    """Automatic in the sandbox only; a service that three others rest on and a change of a repository score high and wait."""
    configs = [sandbox.config_target(plan.name) for plan in PLANS if plan.has_config]
    return {
        "strategies": [
            {"strategy": "service_restart", "level": "automatic", "targets": [f"service:{plan.name}" for plan in PLANS]},
            {"strategy": "config_restore", "level": "automatic", "targets": configs},
            {"strategy": "disk_cleanup", "level": "automatic", "targets": [sandbox.disk.spec.target]},
            {"strategy": "cache_rebuild", "level": "automatic", "targets": [sandbox.packages.cache.target]},
            {"strategy": "lockfile_repair", "level": "automatic", "targets": [f"job:github/{LOCKED_PROJECT}/104/install"]},
            {"strategy": "rerun_job", "level": "automatic", "targets": [f"job:github/{PROJECT}/101/install"]},
        ],
        "minimum_confidence": 0.8,
        "medium_from": 15,
        "high_from": 32,
        "critical_from": 85,
        # The demo scores alike at every hour, and tries no second choice.
        "night_risk": 0,
        "weekend_risk": 0,
        "exploration_share": 0,
        "stabilise_s": 0.5,
    }
