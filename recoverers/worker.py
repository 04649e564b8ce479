"""The executor's process: takes signed commands, keeps the journal, carries runs out in threads, and resumes what others left open.

One poll thread never runs actions. On assignment it fences the partition's journal, reads it to its end and resumes its open runs;
offsets are committed after the journal accepted the command. The first indefinite error ends the process; its supervisor restarts it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from infra.adapters.allowed_hosts import allowed_in
from infra.adapters.caches import Caches
from infra.adapters.checks import Checks
from infra.adapters.ci_login import CiLogins
from infra.adapters.ci_server import CiServers
from infra.adapters.cluster import Cluster
from infra.adapters.containers import Containers
from infra.adapters.disks import Disks
from infra.adapters.git_files import GitFiles
from infra.adapters.indexes import Indexes
from infra.adapters.limits import Limits
from infra.adapters.lockfiles import Lockfiles
from infra.adapters.processes import Processes
from infra.adapters.proposals import Proposals
from infra.adapters.pushes import Pushes
from infra.adapters.quarantines import Quarantines
from infra.adapters.service_managers import ServiceManagers
from infra.adapters.step_records import StepRecords
from infra.adapters.surroundings import Surroundings
from infra.adapters.trunks import Trunks
from infra.adapters.units import Units
from infra.catalogue_reader import read_configuration
from infra.compiled_patterns import CompiledPatterns
from infra.detection_watch import DetectionWatch
from infra.failpoints import FailPoints
from infra.journal_log import JOURNAL, JournalWriter, read_journal
from infra.kafka import Located, consumer_settings, located, ready_codec, watermarks
from infra.lag import LagGauge
from infra.lease_watch import LeaseWatch
from infra.logging import configure
from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from infra.stop_file import stop_mode
from infra.topics_admin import require_topics
from learning.patterns.loader import Catalogue, load_catalogue
from learning.patterns.matcher import Matcher
from learning.patterns.store import Store
from recoverers.admission import audit_refused, early_end, wrong_with
from recoverers.crew import Threads
from recoverers.deadline import Deadline
from recoverers.execute import drive
from recoverers.hands import Clock, RunHands
from recoverers.hushed import Hushed
from recoverers.journal import RunState, fold, replay
from recoverers.measures import measures_of, never_yet
from recoverers.perform import accept, finish
from recoverers.ports import Recipe
from recoverers.precondition import Ending
from recoverers.recipes.table import ENTRY_POINTS, World, recipes_for, with_workflows
from recoverers.terms import Around, Terms
from recoverers.transitions import State
from schemas.catalogue import CARDS, card_named
from schemas.configuration import Configuration
from schemas.decisions import HealingCommand
from schemas.door import Refused, admit_bytes
from schemas.errors import ConfigurationError, FencedError, HealstreamError
from schemas.ids import Record, from_micros, id_of
from schemas.outputs import Count, Gauge
from schemas.oversight import DeadLetter, DeadOrigin, SwitchMode
from schemas.recoveries import JournalKind, JournalRecord, OutcomeStatus, RecoveryOutcome
from schemas.vocabulary import Kind

COMMANDS = "recovery.commands"
GROUP = "healstream-executor"
CHECKPOINT_EVERY = 1000
# A command ends the wait at once; what waits for it is the notice of a run's failure, and the end.
BUSY_POLL_S, IDLE_POLL_S = 0.1, 0.5
ASK_SCOPE_S = 1.0
BUSY = Ending(OutcomeStatus.ESCALATED, "nothing was done, an earlier action in its scope did not end in time")
# stack.md: an executor that hangs loses its partitions within this.
SESSION = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 2000}

log = structlog.get_logger("executor")


class Lane:
    """One command partition of this process: its fenced journal, the commands it knows, and the runs in flight."""

    def __init__(self, partition: int, writer: JournalWriter, metrics: Metrics) -> None:
        """Start empty; the journal says what is known."""
        self._metrics = metrics
        self.partition = partition
        self.known: set[str] = set()
        self.opened: dict[str, int] = {}
        self.lost = threading.Event()
        self._writer = writer
        self._scopes: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._since_checkpoint = 0

    def write(self, records: Sequence[Record]) -> None:
        """Append durably, with a checkpoint every so often; refused once the partition is lost."""
        self._refuse_when_lost()
        with self._lock:
            self._since_checkpoint += len(records)
            due = self._since_checkpoint >= CHECKPOINT_EVERY and self.opened
            mark = [self._checkpoint()] if due else []
            self._since_checkpoint = 0 if due else self._since_checkpoint
        self._writer.append([*records, *mark])
        for record in records:
            if isinstance(record, RecoveryOutcome):
                self.opened.pop(record.command_id or "", None)
                for measure in measures_of(record):
                    self._metrics.apply(measure)

    def wait(self, seconds: float) -> None:
        """Let time pass, and stop at this safe point when the partition is lost."""
        self.lost.wait(seconds)
        self._refuse_when_lost()

    @contextmanager
    def scope(self, name: str, until: Callable[[], bool]) -> Iterator[bool]:
        """Hold a scope, one changing command at a time; false when it was still held by another when ``until`` said that it is over."""
        with self._lock:
            lock = self._scopes.setdefault(name, threading.Lock())
        while not (is_held := lock.acquire(timeout=ASK_SCOPE_S)) and not until():
            self._refuse_when_lost()
        try:
            yield is_held
        finally:
            if is_held:
                lock.release()

    def _checkpoint(self) -> JournalRecord:
        oldest = min(self.opened.values())
        return JournalRecord("", JournalKind.CHECKPOINT, _now(), partition=self.partition, open_offset=oldest)

    def _refuse_when_lost(self) -> None:
        if self.lost.is_set():
            raise FencedError(f"partition {self.partition}", "another executor owns it now", "Its owner resumes the run from the journal")


class Executor:
    """The poll thread and its lanes."""

    def __init__(self, settings: WorkerSettings, configuration: Configuration, recipes: Mapping[str, Recipe], around: Around) -> None:
        """Prepare; ``run`` does the work."""
        self.metrics = Metrics()
        self._settings = settings
        self._configuration = configuration
        self._recipes = recipes
        self._around = around
        self._codec = ready_codec(settings.brokers)
        self._points = FailPoints(os.environ)
        oversight = configuration.policy.oversight
        self._watch = LeaseWatch(settings.brokers, self._codec, configuration.people, oversight, settings.stop_file)
        self._consumer = Consumer({**consumer_settings(settings.brokers, GROUP), **SESSION, "partition.assignment.strategy": "range"})
        self._lanes: dict[int, Lane] = {}
        self._runs: list[threading.Thread] = []
        self._ended = threading.Event()
        self._failure: list[BaseException] = []

    def run(self) -> int:
        """Poll until asked to end; return the exit code."""
        self._watch.start()
        self._consumer.subscribe([COMMANDS], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)
        for measure in never_yet(self._recipes):
            self.metrics.apply(measure)
        lag = LagGauge(self._consumer, self.metrics)
        while not self._ended.is_set() and not self._failure:
            self._runs = [run for run in self._runs if run.is_alive()]
            assigned = self._consumer.assignment()
            is_full = len(self._runs) >= self._settings.in_flight or stop_mode(self._settings.stop_file) is SwitchMode.DRAIN
            (self._consumer.pause if is_full else self._consumer.resume)(assigned)
            message = self._consumer.poll(BUSY_POLL_S if self._runs else IDLE_POLL_S)
            if message is not None:
                self._take(message)
            lag.show()
            _show_lease(self._watch, self.metrics)
        for lane in self._lanes.values():
            lane.lost.set()
        if self._failure:
            log.error("executor ends", why=str(self._failure[0]), next="the supervisor restarts it", restart="open runs resume")
            return 1
        self._consumer.close()
        return 0

    def end(self) -> None:
        """Ask the poll thread to end; runs stop at their next safe point and stay open in the journal."""
        self._ended.set()

    def why_not_ready(self) -> str:
        """Return why no command is taken, empty when the process is ready."""
        return "" if self._lanes else "no partition is assigned"

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            writer = JournalWriter(self._settings.brokers, place.partition, self._codec)
            journal = read_journal(self._settings.brokers, place.partition, self._codec, writer.mark)
            lane = Lane(place.partition, writer, self.metrics)
            runs = replay(journal)
            # Also those that ended before they were accepted: they are no run, and yet they are over.
            lane.known = {record.command_id for record in journal}
            self._lanes[place.partition] = lane
            for command_id, run in runs.items():
                if run.state is not State.CONCLUDED:
                    lane.opened[command_id] = 0
                    log.info("run resumes", command=command_id, state=run.state.value, next="the step in flight is probed")
                    self._begin(lane, run)

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            lane = self._lanes.pop(place.partition, None)
            if lane:
                lane.lost.set()

    def _take(self, message: Message) -> None:
        if message.error() is not None:
            raise KafkaException(message.error())
        place = located(message, self._codec)
        lane = self._lanes[place.partition]
        value = message.value()
        raw = value if isinstance(value, bytes) else None
        record = admit_bytes(raw, self._codec, partial(wrong_with, admit_key=self._configuration.keys.admit))
        if isinstance(record, Refused):
            labels = (("source", place.topic), ("reason", record.reason))
            self.metrics.apply(Count("healstream_events_rejected_total", labels))
            lane.write([_dead(message, place, record), audit_refused(record, f"{place.topic}/{place.partition}/{place.offset}", _now())])
        elif isinstance(record, HealingCommand) and id_of(record) not in lane.known:
            self._accept(lane, record)
        self._consumer.commit(message=message, asynchronous=False)

    def _accept(self, lane: Lane, command: HealingCommand) -> None:
        lane.known.add(id_of(command))
        ending = early_end(command, self._configuration, frozenset(self._recipes), _now())
        hands = self._hands(lane, Threads())
        run = RunState(command)
        terms = replace(terms_for(self._configuration, self._recipes, command, lane.partition), around=self._around)
        if ending:
            finish(run, ending, terms, hands)
            return
        _, end = watermarks(self._consumer, TopicPartition(JOURNAL, lane.partition))
        lane.opened[id_of(command)] = end
        accepted = accept(run, terms, hands)
        hands.append([accepted])
        self._begin(lane, fold(run, accepted))

    def _begin(self, lane: Lane, run: RunState) -> None:
        thread = threading.Thread(target=self._drive, args=(lane, run), name=f"run-{id_of(run.command)[:8]}", daemon=True)
        self._runs.append(thread)
        thread.start()

    def _drive(self, lane: Lane, run: RunState) -> None:
        command, crew = run.command, Threads()
        terms = replace(terms_for(self._configuration, self._recipes, command, lane.partition), around=self._around)
        hands = self._hands(lane, crew)
        budget = Deadline.after(run.started_at or hands.steady(), command.deadline_s)

        def is_over() -> bool:
            # What has begun is finished or taken back, however long that has to wait.
            return not run.steps and budget.is_over(hands.steady())

        try:
            with lane.scope(command.scope, is_over) as is_held:
                ended = drive(run, terms, hands) if is_held else finish(run, BUSY, terms, hands)
                log.info("run ended", command=id_of(command), target=command.target, state=ended.state.value)
                while crew.is_at_work():
                    # What was told to end and did not may act yet: until it has ended, nobody else changes this scope.
                    lane.wait(ASK_SCOPE_S)
        except FencedError as error:
            if not lane.lost.is_set():
                self._failure.append(error)
        except Exception as error:
            # The one place: whatever broke, the journal is right and a fresh process resumes from it.
            log.exception("run broke", command=id_of(command), target=command.target, restart="resumes from the journal")
            self._failure.append(error)

    def _hands(self, lane: Lane, crew: Threads) -> RunHands:
        return RunHands(self._watch, lane.write, Clock(_now, time.monotonic, lane.wait), self._points.reach, crew)


def terms_for(configuration: Configuration, recipes: Mapping[str, Recipe], command: HealingCommand, partition: int) -> Terms:
    """Return what a command's run is carried out with; an unknown strategy was ended before anything is done with these."""
    card = card_named(configuration.cards, command.strategy) or configuration.cards[0]
    recipe = recipes.get(command.strategy) or next(iter(recipes.values()))
    owner = f"{socket.gethostname()}/{os.getpid()}"
    workflow = next((row for row in configuration.workflows if row.name == command.strategy), None)
    scope_of = configuration.services.scope_of
    return Terms(recipe, card, configuration.policy.stabilise_s, owner, partition, workflow, configuration.cards, scope_of)


def _show_lease(watch: LeaseWatch, metrics: Metrics) -> None:
    lease, heard_s = watch.lease
    if lease is not None:
        metrics.apply(Gauge("healstream_lease_timestamp_seconds", _now().timestamp() - (time.monotonic() - heard_s)))


def _now() -> datetime:
    return datetime.now(tz=UTC)


def _dead(message: Message, place: Located, refused: Refused) -> DeadLetter:
    key = message.key()
    at = from_micros(int(message.timestamp()[1] or 0) * 1000)
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else ""
    origin = DeadOrigin(place.topic, place.partition, place.offset, at, text)
    return DeadLetter(origin, "execute", f"{refused.reason}: {refused.detail}", 1, refused.sha256, refused.shown)


def matcher_of(patterns: Sequence[tuple[str, str]], store: Store) -> Matcher | None:
    """Return the matcher over the catalogue's patterns, None when there are none; raises ConfigurationError when they do not load."""
    if not patterns:
        return None
    loaded = load_catalogue({name.removeprefix("patterns/"): body for name, body in patterns}, store)
    if not isinstance(loaded, Catalogue):
        raise ConfigurationError("patterns on heal.catalogue", str(loaded[0]), "Publish a set that `healstream config check` accepts")
    return Matcher(loaded, store)


def _world(settings: WorkerSettings, configuration: Configuration) -> World:
    matcher = matcher_of(configuration.patterns, CompiledPatterns.in_cache(os.environ))

    def kinds_in(text: bytes) -> frozenset[Kind]:
        # Without patterns nothing can be shown to be absent, so no log verifies a re-run.
        return frozenset(hit.kind for hit in matcher.scan(text)) if matcher else frozenset(Kind)

    files = GitFiles(Path(settings.state) / "quarantine")
    services = configuration.services
    kept, logins = Path(settings.state), CiLogins()
    on_host = (Disks(StepRecords(kept / "disks")), Caches(StepRecords(kept / "caches")), Lockfiles(), Proposals(services, logins), Limits())
    kept_indexes = Indexes(StepRecords(kept / "indexes"), kept / "quarantine")
    others = (*on_host, kept_indexes, Cluster.here(), Trunks(), Quarantines(), Pushes())
    managers = ServiceManagers(Processes(), Units(StepRecords(kept / "units")))
    return World(services, managers, files, Checks(), CiServers(services, logins), kinds_in, Containers.here(), *others)


def main() -> int:
    """Start the executor; exit 5 when the broker or a topic is missing."""
    configure("executor")
    sys.stdout, sys.stderr = Hushed(sys.stdout), Hushed(sys.stderr)
    try:
        settings = WorkerSettings.from_environment(os.environ)
        require_topics(settings.brokers)
        configuration = read_configuration(settings.brokers, settings.publisher_key, 30.0)
        configuration = replace(configuration, cards=configuration.cards or CARDS)
        plugins = [point.load() for point in entry_points(group=ENTRY_POINTS)]
        recipes = recipes_for(_world(settings, configuration), plugins)
        stream = DetectionWatch(settings.brokers)
        stream.start()
        around = Around(configuration.services, Surroundings(configuration.services, allowed_in(os.environ)), stream)
        executor = Executor(settings, configuration, with_workflows(recipes, configuration.workflows), around)
        MetricsServer(executor.metrics, settings.metrics_port, executor.why_not_ready).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: executor.end())
        return executor.run()
    except HealstreamError as error:
        log.error("executor ends", what=error.what, why=error.why, next=error.mend)  # noqa: TRY400 - the sentence, not the trace
        return error.exit_code
    except KafkaException as error:
        log.error("executor ends", why=str(error), next="the supervisor restarts it")  # noqa: TRY400 - the sentence, not the trace
        return 1


if __name__ == "__main__":
    sys.exit(main())
