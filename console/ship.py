"""``python -m console.ship ORDERS``: the log shipper as a process of its own, started by ``healstream send follow``; a root.

It loads next to nothing, for it runs beside every build. What it has read and not sent is on disk before it is sent, so it may be killed
at any moment.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog

from console.shipper.checkpoints import Checkpoints
from console.shipper.follower import Patience
from console.shipper.logs import Logs
from console.shipper.rounds import Rounds
from console.shipper.templates import template_of
from infra.adapters.log_door import LogDoor, address_of
from infra.gateway_settings import SECRETS, secret_in
from infra.logging import configure
from schemas.errors import HealstreamError, NotFoundError

# A position that nobody has used for so long is forgotten; it is looked for once a day.
FORGET_S = 14 * 86_400.0
TIDY_S = 86_400.0
_IN_HASTE = Patience(open_line_s=0.0, rotated_s=0.0, end_s=0.0, gone_s=0.0)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Orders:
    """What is followed, whose it is, and where it goes; ``end_after_s`` 0 for logs whose end nobody tells by stillness."""

    paths: tuple[str, ...]
    known: Mapping[str, str]
    gateway: str
    state: str
    end_after_s: float = 0.0
    once: bool = False

    def written(self) -> str:
        """Return them as one argument."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Orders:
        """Read them back."""
        row = json.loads(text)
        return cls(**{**row, "paths": tuple(row["paths"])})

    def patience(self) -> Patience:
        """Return how long stillness lasts."""
        if self.once:
            return _IN_HASTE
        return replace(Patience(), end_s=self.end_after_s) if self.end_after_s > 0 else Patience()


def run(orders: Orders, environ: Mapping[str, str], stop: threading.Event) -> int:
    """Ship until ``stop``, or once over what is there; return the exit code. Raises HealstreamError when it makes no sense to go on."""
    templates = tuple(template_of(path, orders.known) for path in orders.paths)
    tokens = secret_in(environ, SECRETS["ingest"])
    door = LogDoor(address_of(orders.gateway), tokens[0] if tokens else "")
    checkpoints = Checkpoints(Path(orders.state))
    told: dict[str, str] = {}

    def tell(path: str, why: str) -> None:
        if told.get(path) != why:
            told[path] = why
            log.warning("log", path=path, why=why, next="the others are followed all the same")

    with checkpoints.held():
        logs = Logs(templates, checkpoints, orders.patience(), tell)
        rounds = Rounds(logs, door, random.random, _tell_wait)
        log.info("following", paths=orders.paths, to=orders.gateway, next="what is new is sent, from where it was left")
        try:
            return _once(orders, rounds, stop) if orders.once else _on(rounds, stop)
        finally:
            door.close()
            for one in logs.followed.values():
                one.follower.close()


def _on(rounds: Rounds, stop: threading.Event) -> int:
    tidy_at_s = time.monotonic()
    while not stop.is_set():
        now_s = time.monotonic()
        wait_s = rounds.go(now_s)
        if now_s >= tidy_at_s:
            tidy_at_s = now_s + TIDY_S
            checkpoints = rounds.logs.checkpoints
            used = frozenset(checkpoints.of(name).path for name in rounds.logs.in_use())
            checkpoints.forget_before(time.time() - FORGET_S, used)
        stop.wait(wait_s)
    return 0


def _once(orders: Orders, rounds: Rounds, stop: threading.Event) -> int:
    while not stop.is_set():
        wait_s = rounds.go(time.monotonic())
        logs = rounds.logs.followed.values()
        if not logs:
            raise NotFoundError(", ".join(orders.paths), "no file is there", "Give the path of a log, or leave --once out to wait for one")
        if all(one.is_over for one in logs):
            return 1 if rounds.logs.passed_over or any(one.is_refused for one in logs) else 0
        stop.wait(wait_s)
    return 130


def _tell_wait(why: str, wait_s: float) -> None:
    log.warning("waiting", why=why, seconds=round(wait_s, 1), next="the same part is sent again; logs are read on after it")


def main() -> int:
    """Ship as the one argument says; what goes wrong is said on the last line of the log."""
    configure("shipper")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        return run(Orders.read(sys.argv[1]), os.environ, stop)
    except HealstreamError as error:
        log.error("exit", what=error.what, why=error.why, mend=error.mend)  # noqa: TRY400 - the sentence, not the trace
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
