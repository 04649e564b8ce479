"""How soon a kill switch is obeyed: the time from it until the last step begins on any of several executors, in four ways.

By a signed word on the topic, by the local stop file, with Kafka down, and with admit silent, so that no lease is fresh. Each executor is a
real process with runs, one after the other in each group, that make one step after the other; each round watches for longer than the
target, and is over once all go on again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.broker.install import cache_folder, install
from schemas.catalogue import CARDS, card_named
from schemas.decisions import HealingCommand, Mode, plan_hash_of
from schemas.oversight import Control, KillSwitch, SwitchMode
from schemas.policy import Policy
from schemas.services import ServiceSpec
from schemas.signing import public_text, sign
from schemas.vocabulary import Kind
from tests.bench.figures import Figure, below, quantile
from tests.support.chaos_targets import scopes_for_each_partition
from tests.support.steady_worker import DEADLINE_S, STRATEGY
from tests.support.whole_system import ROOT, WholeSystem

LIMIT_S = 2.0
EXECUTORS = 3
WORD_ROUNDS, OTHER_ROUNDS = 30, 10
# Longer than the limit, so that a step which begins too late is seen.
WATCH_S = 2.6
GOES_ON_S = 60.0
# Enough for all rounds: a plan has 200 steps, and with each of them a few durable appends.
RUNS_EACH = 45
GATEKEEPER = "streams.gatekeeper"


@dataclass
class Halted:
    """A broker with admit, executors on every partition, and a run in each service group."""

    system: WholeSystem
    groups: list[str] = field(default_factory=scopes_for_each_partition)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def ledgers(self) -> Path:
        return self.system.folder / "ledgers"

    @property
    def stop_file(self) -> Path:
        return self.system.folder / "state" / "stop"

    def start(self) -> None:
        """Start everything and wait until every run makes steps."""
        self.ledgers.mkdir()
        self.system.start_broker(Policy())
        self.system.services = tuple(ServiceSpec(f"s-{group}", group, ("true",), "/", "/nowhere") for group in self.groups)
        self.system.publish(Policy())
        self.system.run(GATEKEEPER)
        self.system.wait_ready(GATEKEEPER)
        self.workers = [self._start_worker(number) for number in range(EXECUTORS)]
        for number in range(RUNS_EACH):
            for group in self.groups:
                self.system.send(self._order(group, f"{group}-{number}"))
        self.wait_until_all_go_on()

    def _start_worker(self, number: int) -> subprocess.Popen[bytes]:
        environ = {
            **os.environ,
            "HEALSTREAM_BROKERS": self.system.address,
            "HEALSTREAM_STATE": str(self.system.folder / "state"),
            "HEALSTREAM_PUBLISHER_KEY": public_text(self.system.keys["publisher"]),
        }
        log = (self.system.folder / f"executor-{number}.log").open("wb")
        words = [sys.executable, "-m", "tests.support.steady_worker", str(self.ledgers)]
        return subprocess.Popen(words, cwd=ROOT, env=environ, stdout=log, stderr=log)

    def _order(self, group: str, name: str) -> HealingCommand:
        card, now, target = card_named(CARDS, STRATEGY), datetime.now(UTC), f"service:s-{group}"
        assert card is not None
        order = HealingCommand(
            mode=Mode.RUN,
            incident_id=f"incident-{name}",
            decision_id=f"decision-{name}",
            attempt=1,
            max_attempts=1,
            kind=Kind.SERVICE_DOWN,
            opened_at=now,
            detected_at=now,
            target=target,
            scope=f"group:{group}",
            strategy=STRATEGY,
            recipe_version=1,
            plan_hash=plan_hash_of(STRATEGY, 1, target, (), card.bounds),
            epoch=1,
            issued_at=now,
            not_after=now + timedelta(hours=2),
            deadline_s=DEADLINE_S,
            bounds=card.bounds,
        )
        return sign(order, self.system.keys["admit"])

    def last_steps(self) -> list[float]:
        """Return when the last step of each run began."""
        ledgers = [self.ledgers / f"service-s-{group}" for group in self.groups]
        texts = [ledger.read_text(encoding="ascii").split() if ledger.exists() else [] for ledger in ledgers]
        return [float(lines[-1]) if lines else 0.0 for lines in texts]

    def wait_until_all_go_on(self) -> None:
        """Return once every run has made a step after now."""
        began = time.time()
        while min(self.last_steps()) < began:
            if time.time() > began + GOES_ON_S:
                logs = "\n".join((self.system.folder / f"executor-{number}.log").read_text()[-1500:] for number in range(EXECUTORS))
                raise AssertionError(f"not every run goes on within {GOES_ON_S} s\n{logs}")
            time.sleep(0.02)

    def say(self, by: str, mode: SwitchMode) -> None:
        """Say the switch on the topic."""
        word = Control("killswitch/fleet", by, datetime.now(UTC), killswitch=KillSwitch(mode, "drill"))
        self.system.send(sign(word, self.system.person_keys[by]))

    def close(self) -> None:
        """End what was started."""
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.system.close()


def broker_pid(halted: Halted) -> int:
    """Return the broker's process."""
    found = halted.system.broker.pid
    assert found is not None
    return found


def ways(halted: Halted) -> Sequence[tuple[str, int, Callable[[], None], Callable[[], None]]]:
    """Return each way to stop everything, its rounds, how it is done and how it is taken back."""
    admit = halted.system.processes[GATEKEEPER].pid
    return (
        ("word", WORD_ROUNDS, lambda: halted.say("ada", SwitchMode.HALT), lambda: halted.say("bob", SwitchMode.OFF)),
        ("stop_file", OTHER_ROUNDS, halted.stop_file.touch, halted.stop_file.unlink),
        (
            "kafka_down",
            OTHER_ROUNDS,
            lambda: os.kill(broker_pid(halted), signal.SIGSTOP),
            lambda: os.kill(broker_pid(halted), signal.SIGCONT),
        ),
        ("no_lease", OTHER_ROUNDS, lambda: os.kill(admit, signal.SIGSTOP), lambda: os.kill(admit, signal.SIGCONT)),
    )


def one_round(halted: Halted, stop: Callable[[], None], go_on: Callable[[], None]) -> list[float]:
    """Return for each run how long after the stop its last step began, 0 when none did."""
    began = time.time()
    stop()
    try:
        time.sleep(max(0.0, began + WATCH_S - time.time()))
        found = [max(0.0, last - began) for last in halted.last_steps()]
    finally:
        go_on()
    halted.wait_until_all_go_on()
    return found


def measure() -> list[Figure]:
    """Stop everything again and again in each way; a step that begins after the limit is in the figure."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="healstream-switch-") as folder:
        halted = Halted(WholeSystem(Path(folder), install(cache_folder(os.environ))))
        try:
            halted.start()
            for name, rounds, stop, go_on in ways(halted):
                seconds = [one for _ in range(rounds) for one in one_round(halted, stop, go_on)]
                how = f"p99 of {rounds} rounds x {len(halted.groups)} runs on {EXECUTORS} executors, worst {max(seconds):.3f} s"
                figures.append(below(f"killswitch_{name}_p99", quantile(seconds, 0.99), "s", LIMIT_S, how))
        finally:
            halted.close()
    return figures
