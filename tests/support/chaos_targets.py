"""What the chaos runs break and heal: stacks of real services, a service that lies about its file in git, and real CI jobs.

Each target keeps its own record of what was done to it; ``effects`` reads those, and ``images`` what a pre-image would be now.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dulwich import porcelain

from console.demo import service as service_program
from console.demo.github_server import GithubServer, JobSpec
from infra.adapters import launch
from infra.adapters.git_files import GitFiles
from infra.adapters.launch import ledger_rows, pid_in, start_ticks
from infra.adapters.processes import LEDGER
from infra.broker.server import free_ports
from schemas.ids import Record
from schemas.partitioning import partition_of
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import CiServer, ConfigSpec, Services, ServiceSpec
from tests.support.history import Effect

PINNED, DRIFTED = "limit = 10\n", "limit = 500\n"
ROLES = ("db", "api", "web")
LIAR = "oracle"
PROJECTS = tuple(f"acme/pay-{number}" for number in range(3))
# The first attempt meets a closed port as pip does, the next one passes.
JOB = """
import pathlib, sys
seen = pathlib.Path(sys.argv[1])
if not seen.exists():
    seen.touch()
    why = "NewConnectionError('<HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')"
    print("Collecting demo")
    print(f"WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after {why}: /demo/")
    print("ERROR: Could not install packages due to an OSError: HTTPConnectionPool(host='127.0.0.1', port=9): "
          f"Max retries exceeded with url: /demo/demo-1.0-py3-none-any.whl (Caused by {why})")
    sys.exit(1)
print("Successfully installed demo-1.0")
"""


def scopes_for_each_partition(count: int = 4) -> list[str]:
    """Return a service group for each partition of the commands."""
    found: dict[int, str] = {}
    for number in range(200):
        found.setdefault(partition_of(f"group:shop{number}".encode(), count), f"shop{number}")
    return [found[number] for number in range(count)]


class Targets:
    """Everything that can fail; nothing is left after ``close``."""

    def __init__(self, folder: Path, emit: Callable[[Sequence[Record]], None]) -> None:
        self.folder = folder
        self.stacks = scopes_for_each_partition()
        self.github = GithubServer(0, emit)
        ports = iter(free_ports(len(ROLES) * len(self.stacks) + 1))
        services = [row for group in self.stacks for row in self._stack(group, ports)]
        config = self._pinned()
        liar = self._service(LIAR, LIAR, next(ports), ("--config", config.path, "--liar"))
        watch = ProbeSpec(f"{LIAR}-file", ProbeKind.FILE_HASH, config.name, every_s=0.3)
        services.append(replace(liar, probes=(*liar.probes, watch), configs=(config.name,)))
        ci = CiServer("github", f"http://127.0.0.1:{self.github.port}", "", PROJECTS)
        self.catalogue = Services(tuple(services), (config,), (ci,))

    def start(self) -> None:
        """Start the services as their owner would, and the CI server."""
        self.github.start()
        for row in self.catalogue.services:
            words = [sys.executable, "-I", "-S", launch.__file__, row.pid_file, f"{row.cwd}/by-hand.jsonl", "hand", "--", *row.argv]
            subprocess.run(words, cwd=row.cwd, check=True, env=launch.CLEAN)

    def close(self) -> None:
        """End every service and job."""
        self.github.stop()
        for row in self.catalogue.services:
            kill_service(row)

    def kill_stack(self, group: str) -> None:
        """Kill a whole stack as a host's crash would; only the service on top is probed, so one command starts all three."""
        for row in self.catalogue.services:
            if row.group == group:
                kill_service(row)

    def is_whole(self, group: str) -> bool:
        """Tell whether every service of the stack lives."""
        rows = (row for row in self.catalogue.services if row.group == group)
        return all((pid := pid_in(Path(row.pid_file))) is not None and start_ticks(pid) is not None for row in rows)

    def drift(self) -> None:
        """Change the liar's file by hand."""
        Path(self.catalogue.configs[0].path).write_text(DRIFTED, encoding="utf-8")

    def push(self, number: int) -> str:
        """Run a CI job that fails once; return it as a target."""
        folder = self.folder / f"job-{number}"
        folder.mkdir()
        argv = (sys.executable, "-I", "-u", "-c", JOB, str(folder / "seen"))
        self.github.push(JobSpec(PROJECTS[number], f"9{number}", "install", argv, str(folder), (("PATH", os.defpath),)))
        return f"job:github/{PROJECTS[number]}/9{number}/install"

    def effects(self, quarantine: Path) -> list[Effect]:
        """Return what the targets wrote down: starts and stops, kept copies of overwritten files, re-runs."""
        found = done_on_host(self.catalogue, quarantine, f"config:{LIAR}")
        for number, project in enumerate(PROJECTS):
            again = self.github.attempts(f"9{number}")[1:]
            found += [Effect(f"job:github/{project}/9{number}/install", "rerun", "", one.started_at) for one in again]
        return found

    def images(self) -> Mapping[str, str]:
        """Return the liar's file as its pre-images name it."""
        config = self.catalogue.configs[0]
        now = json.dumps({"hash": GitFiles(self.folder).live_hash(config)})
        return {f"write:{config.name}": now, f"reload:{LIAR}": now}

    def _stack(self, group: str, ports: Iterator[int]) -> list[ServiceSpec]:
        rows: list[ServiceSpec] = []
        for role in ROLES:
            needs = tuple(word for row in rows for word in ("--need", _page(row)))
            # A top service that takes a while leaves its recovery in flight long enough to be met by a fault.
            more = (*needs, "--warm-up", "0.8") if role == "web" else needs
            row = self._service(f"{group}-{role}", group, next(ports), more)
            below = tuple(other.name for other in rows[-1:])
            rows.append(replace(row, depends_on=below, probes=row.probes if role == "web" else ()))
        return rows

    def _service(self, name: str, group: str, port: int, more: tuple[str, ...]) -> ServiceSpec:
        home = self.folder / name
        home.mkdir(parents=True)
        argv = (sys.executable, "-I", "-S", service_program.__file__, "--port", str(port), "--owner", str(os.getpid()), *more)
        asked = (
            ProbeSpec(f"{name}-process", ProbeKind.PROCESS, str(home / "pid")),
            ProbeSpec(f"{name}-http", ProbeKind.HTTP, f"http://127.0.0.1:{port}/health"),
        )
        probes = tuple(replace(probe, every_s=0.3, timeout_s=2.0) for probe in asked)
        return ServiceSpec(name, group, argv, str(home), str(home / "pid"), probes=probes)

    def _pinned(self) -> ConfigSpec:
        repository = self.folder / "repository"
        repository.mkdir(parents=True)
        with porcelain.init(str(repository)):
            (repository / "oracle.conf").write_text(PINNED, encoding="utf-8")
            porcelain.add(str(repository), [str(repository / "oracle.conf")])
            who = b"test <test@shop.example>"
            commit = porcelain.commit(str(repository), message=b"the right configuration", author=who, committer=who)
        live = self.folder / "oracle.conf"
        live.write_text(PINNED, encoding="utf-8")
        return ConfigSpec(f"{LIAR}-conf", LIAR, str(live), str(repository), "oracle.conf", bytes(commit).decode("ascii"))


def _page(row: ServiceSpec) -> str:
    port = row.argv[row.argv.index("--port") + 1]
    return f"http://127.0.0.1:{port}/health"


def done_on_host(services: Services, quarantine: Path, written: str) -> list[Effect]:
    """Return what the host wrote down: starts and stops, and the kept copies of overwritten files, each a write of ``written``."""
    boot = datetime.now(UTC) - timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME))
    found = [
        Effect(f"service:{row.name}", str(act["act"]), str(act["key"]), _begun_at(boot, act.get("ticks")))
        for row in services.services
        for act in ledger_rows(Path(row.cwd) / LEDGER)
    ]
    # A copy whose writing was cut off by a crash has a name with a dot, and was followed by no write.
    copies = [path for path in quarantine.glob("*") if not path.name.startswith(".")]
    return found + [Effect(written, "write", path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC)) for path in copies]


def _begun_at(boot: datetime, ticks: object) -> datetime:
    """Return when a process began that many clock ticks after the boot."""
    return boot + timedelta(seconds=int(str(ticks)) / os.sysconf("SC_CLK_TCK")) if ticks else datetime.now(UTC)


def kill_service(row: ServiceSpec) -> None:
    """Kill a service as a crash would."""
    pid = pid_in(Path(row.pid_file))
    if pid is not None and start_ticks(pid) is not None:
        os.kill(pid, signal.SIGKILL)
