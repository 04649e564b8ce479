"""One shop of five real services, two files in git, one service that lies, and a CI server; each of a run's three is a shop of its own.

It keeps its own records: what its services and jobs were asked for (``effects``), and whether a target is well, seen from outside.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from dulwich import porcelain

from console.demo import service as service_program
from console.demo.github_server import GithubServer, JobSpec
from infra.adapters import launch
from infra.adapters.processes import Processes
from infra.broker.server import free_ports
from schemas.events import JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.ids import Record
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import CiServer, ConfigSpec, Services, ServiceSpec
from schemas.vocabulary import Result
from tests.outcomes import job as job_program
from tests.outcomes.plan import CONFIGURED, FILES, GROUPS, LIAR, SERVICES, Failure, Way
from tests.scenarios.test_01_package_index_timeout import TIMED_OUT
from tests.support.chaos_targets import done_on_host, kill_service
from tests.support.history import Effect

NEEDS = {"api": "db", "web": "api"}
PINNED = "limit = 10\n"
PROJECTS = tuple(f"acme/pay-{number}" for number in range(3))
JOB = "build"
PROBE_EVERY_S = 0.5
ASK_S = 1.0
TEST_TEXT = "def test_total():\n    assert sum([1, 2]) == 4\n"
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ".", "test_total.py")
UNKNOWN = (sys.executable, "-I", "-S", "-c", "print('stage nine begins\\nflux regulator says 0x17 and stops'); raise SystemExit(42)")
# Without its plug-ins pytest starts in half the time; the CI server ends a job that takes a minute.
ENVIRON = (("PATH", os.defpath), ("LANG", "C.UTF-8"), ("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"))


class Shop:
    """Started by ``start``; nothing of it is left after ``close``."""

    def __init__(self, folder: Path, emit: Callable[[Sequence[Record]], None]) -> None:
        """Make its folder, its repository and its catalogue; ``emit`` takes what its CI server produces."""
        self.folder = folder
        self.github = GithubServer(0, self._hand_on)
        self.ended_at: dict[str, datetime] = {}
        self._emit = emit
        self._by_hand = 0
        self._rerun_by_hand: set[tuple[str, int]] = set()
        ports = iter(free_ports(len(SERVICES)))
        self.ports = {name: next(ports) for name in SERVICES}
        configs = tuple(self._pinned())
        services = tuple(self._service(name) for name in SERVICES)
        ci = CiServer("github", f"http://127.0.0.1:{self.github.port}", "", PROJECTS)
        self.catalogue = Services(services, configs, (ci,))

    def start(self) -> None:
        """Start the services as their owner would, and the CI server."""
        self.github.start()
        for name in SERVICES:
            self.start_by_hand(name)

    def close(self) -> None:
        """End every service and job."""
        self.github.stop()
        for row in self.catalogue.services:
            kill_service(row)

    def target_of(self, failure: Failure) -> str:
        """Return what fails as records name it."""
        if not failure.service:
            return f"job:github/{project_of(failure)}/{failure.run_id}/{JOB}"
        if failure.way in FILES:
            return f"config:{failure.service}-conf:{self.config_file(failure.service)}"
        return f"service:{failure.service}"

    def fail(self, failure: Failure) -> None:
        """Let a failure begin, as a crash, a person or a push would."""
        match failure.way:
            case Way.KILLED | Way.RETURNS:
                kill_service(self._spec(failure.service))
            case Way.DRIFTED | Way.LIED:
                self.config_file(failure.service).write_text(drifted_by(failure), encoding="utf-8")
            case Way.CANCELLED | Way.FORK:
                self._hand_on(_reported(failure))
            case _:
                self._push(failure)

    def start_by_hand(self, name: str) -> None:
        """Start a service unless it lives; a start of ours at the same moment finds the same lock."""
        self._by_hand += 1
        row = self._spec(name)
        words = [sys.executable, "-I", "-S", launch.__file__, row.pid_file, f"{row.cwd}/by-hand.jsonl", f"hand-{self._by_hand}", "--"]
        done = subprocess.run([*words, *row.argv], cwd=row.cwd, check=False, env=launch.CLEAN)
        if done.returncode not in {0, launch.ALREADY}:
            raise OSError(f"{name} does not start by hand: exit {done.returncode}")

    def repair(self, failure: Failure) -> None:
        """Do what a person would: start the service, restore the file, run the job again."""
        if failure.way in FILES:
            self.config_file(failure.service).write_text(PINNED, encoding="utf-8")
        elif failure.service:
            self.start_by_hand(failure.service)
        elif (newest := self.github.attempts(failure.run_id)[-1]).conclusion:
            status, _ = self.github.answer_post(f"/repos/{project_of(failure)}/actions/jobs/{newest.job_id}/rerun")
            if status == 201:
                self._rerun_by_hand.add((failure.run_id, newest.number + 1))

    def is_well(self, failure: Failure) -> bool:
        """Tell whether what a failure broke is well again, seen from outside."""
        if failure.way in FILES:
            return self.has_right_file(failure.service)
        if failure.service:
            return self.answers(failure.service)
        attempts = self.github.attempts(failure.run_id)
        return bool(attempts) and attempts[-1].conclusion == "success"

    def answers(self, name: str) -> bool:
        """Ask a service's page once."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/health", timeout=ASK_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def has_right_file(self, name: str) -> bool:
        """Tell whether the service's file is as pinned; a service without one has nothing to be wrong."""
        path = self.config_file(name)
        return not path.exists() or path.read_text(encoding="utf-8") == PINNED

    def config_file(self, name: str) -> Path:
        """Return a service's live configuration file."""
        return self.folder / name / f"{name}.conf"

    def is_broken(self, failure: Failure) -> bool:
        """Tell whether what is to fail has failed already and nobody has mended it."""
        if failure.way in FILES:
            return not self.has_right_file(failure.service)
        return bool(failure.service) and not Processes().is_alive(self._spec(failure.service))

    def effects(self, quarantine: Path, failures: Sequence[Failure]) -> list[Effect]:
        """Return what was done to the targets by healing: starts and stops, kept copies of overwritten files, re-runs."""
        found = done_on_host(self.catalogue, quarantine, "config")
        for failure in failures:
            again = self.github.attempts(failure.run_id)[1:]
            ours = [row for row in again if (failure.run_id, row.number) not in self._rerun_by_hand]
            found += [Effect(self.target_of(failure), "rerun", "", row.started_at) for row in ours]
        return found

    def _hand_on(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, JobFinished):
                self.ended_at.setdefault(record.run_id, record.finished_at)
        self._emit(records)

    def _push(self, failure: Failure) -> None:
        cwd = self.folder / f"job-{failure.number}"
        cwd.mkdir()
        if failure.way is Way.TEST:
            (cwd / "test_total.py").write_text(TEST_TEXT, encoding="utf-8")
        # Each push is a commit of its own, as pushes are.
        spec = JobSpec(project_of(failure), failure.run_id, JOB, self._words(failure, cwd), str(cwd), ENVIRON, commit_of(failure))
        self.github.push(spec)

    def _words(self, failure: Failure, cwd: Path) -> tuple[str, ...]:
        if failure.way is Way.TEST:
            return PYTEST
        if failure.way is Way.UNKNOWN:
            return UNKNOWN
        times = 2 if failure.way is Way.NETWORK_TWICE else 1
        # Nobody listens on the discard port of this machine.
        return (sys.executable, "-I", "-S", "-u", job_program.__file__, "9", str(cwd / "counter"), str(times))

    def _spec(self, name: str) -> ServiceSpec:
        return next(row for row in self.catalogue.services if row.name == name)

    def _service(self, name: str) -> ServiceSpec:
        home, port = self.folder / name, self.ports[name]
        argv: tuple[str, ...] = (sys.executable, "-I", "-S", service_program.__file__, "--port", str(port), "--owner", str(os.getpid()))
        below = NEEDS.get(name)
        argv += ("--need", f"http://127.0.0.1:{self.ports[below]}/health") if below else ()
        argv += ("--config", str(self.config_file(name)), "--liar") if name == LIAR else ()
        probes = [
            ProbeSpec(f"{name}-process", ProbeKind.PROCESS, str(home / "pid")),
            ProbeSpec(f"{name}-http", ProbeKind.HTTP, f"http://127.0.0.1:{port}/health"),
        ]
        configs = (f"{name}-conf",) if name in {*CONFIGURED, LIAR} else ()
        probes += [ProbeSpec(f"{name}-file", ProbeKind.FILE_HASH, config) for config in configs]
        every = tuple(replace(probe, every_s=PROBE_EVERY_S, timeout_s=2.0) for probe in probes)
        needs = (below,) if below else ()
        return ServiceSpec(name, GROUPS[name], argv, str(home), str(home / "pid"), needs, every, configs)

    def _pinned(self) -> Iterator[ConfigSpec]:
        repository = self.folder / "repository"
        repository.mkdir(parents=True)
        names = [f"{name}.conf" for name in (*CONFIGURED, LIAR)]
        with porcelain.init(str(repository)):
            for name in names:
                (repository / name).write_text(PINNED, encoding="utf-8")
            porcelain.add(str(repository), [str(repository / name) for name in names])
            who = b"test <test@shop.example>"
            commit = porcelain.commit(str(repository), message=b"the right configuration", author=who, committer=who)
        for name in SERVICES:
            (self.folder / name).mkdir()
        for name in (*CONFIGURED, LIAR):
            live = self.config_file(name)
            live.write_text(PINNED, encoding="utf-8")
            yield ConfigSpec(f"{name}-conf", name, str(live), str(repository), f"{name}.conf", bytes(commit).decode("ascii"))


def project_of(failure: Failure) -> str:
    """Return the repository that a CI job is of; few, so that ten of them never fail in one way within minutes."""
    return PROJECTS[failure.number % len(PROJECTS)]


def commit_of(failure: Failure) -> str:
    """Return the commit that a CI job is of."""
    return f"{failure.number:040x}"


def drifted_by(failure: Failure) -> str:
    """Return the text that a hand writes into a file: another one each time."""
    return f"limit = {500 + failure.number}\n"


def _reported(failure: Failure) -> list[Record]:
    """Return what a producer says of a job that nobody may run again: cancelled by a person, or of somebody else's fork."""
    is_fork = failure.way is Way.FORK
    whose = Provenance(Origin.SIGNED_WEBHOOK, Trust.FORK, "stranger") if is_fork else Provenance(Origin.LOCAL, Trust.SAME_REPOSITORY, "ci")
    place, at = ("github", project_of(failure), failure.run_id, 1), datetime.now(UTC)
    said = Result.FAILURE if is_fork else Result.CANCELLATION
    rest = ("ci", JOB, commit_of(failure), "main", "pull_request" if is_fork else "push")
    ended = JobFinished(*place, *rest, said, at, log_chunks=1, provenance=whose)
    return [LogChunk(*place, JOB, 0, TIMED_OUT, True, at, provenance=whose), ended]
