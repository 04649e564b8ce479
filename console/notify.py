"""The process that tells: ``python -m console.notify`` runs the desk in the fenced loop and carries its letters to Apprise URLs.

A root. A letter is sent only after the transaction that holds it, with the offsets of what it tells, is committed: nothing is lost by a
crash. It is taken from the state with the first transaction after its channel took it: only an end between the two sends it again, under
the same reference. Started by ``system.py`` when ``notices.yaml`` names a target.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog

from console.configuration import load_notices
from console.followed import Followed
from console.notices.desk import NoticeDesk
from console.notices.desk_rules import DeskRules
from console.notices.rules import NoticeTarget
from console.post import Box, Delivered, Post, TextBox, dialect_for, url_of
from console.slack_answers import secret_at
from console.slack_box import ByScheme, SlackBox
from infra.adapters.postbox import Postbox
from infra.catalogue_reader import read_configuration
from infra.fenced_loop import FencedLoop, LoopPlan
from infra.kafka import ready_codec
from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from infra.topics_admin import require_topics
from infra.until_told import run_until_told
from schemas.ids import Record
from schemas.outputs import Output, Place, StageLogic

INPUTS = ("heal.incidents", "heal.decisions", "heal.admissions", "recovery.outcomes", "heal.control")
STATE = "heal.state.notify"
# Letters that are under way at the end may still arrive, so that the next start does not send them again; the supervisor waits 8 s.
CLOSING_S = 5.0
log = structlog.get_logger("notify")


class Courier:
    """The desk with its post: what the desk has ready goes out, and what came of it goes back."""

    def __init__(self, desk: NoticeDesk, post: Post, closing: Closing) -> None:
        """Put the two together."""
        self.desk = desk
        self._post = post
        self._closing = closing

    def go_by(self, rules: DeskRules) -> None:
        """Go by these rules from now on."""
        self.desk.rules = rules

    def on_event(self, event: Record, place: Place, now: datetime) -> Sequence[Output]:
        """Take one record in."""
        return self.desk.on_event(event, place, now)

    def on_tick(self, now: datetime) -> Sequence[Output]:
        """Note what was taken, send what the last transaction holds, and let the desk's time pass."""
        outputs = [output for done in self._post.results() for output in self._note(done, now)]
        if not self._closing.is_asked:
            # Only a tick makes letters ready, and every earlier tick is committed by now.
            self._send(now)
        self._closing.look(is_idle=self._post.is_idle)
        return [*outputs, *self.desk.on_tick(now)]

    def take_changes(self) -> Mapping[str, str | None]:
        """Return the entries changed since the last call."""
        return self.desk.take_changes()

    def snapshot(self) -> Mapping[str, str]:
        """Return all entries."""
        return self.desk.snapshot()

    def _note(self, done: Delivered, now: datetime) -> Sequence[Output]:
        letter = done.letter
        if not done.why:
            log.info("notice taken", target=letter.target, reference=letter.key, what=letter.said.value)
            return self.desk.outbox.taken(letter.key)
        outputs = self.desk.outbox.refused(letter.key, now)
        if outputs:
            log.error(
                "notice given up",
                target=letter.target,
                reference=letter.key,
                why=done.why,
                next="a person reads `healstream incident list`",
            )
        else:
            log.warning(
                "notice not taken",
                target=letter.target,
                reference=letter.key,
                why=done.why,
                tries=letter.tries + 1,
                next="it is kept and tried again",
            )
        return outputs

    def _send(self, now: datetime) -> None:
        rules = self.desk.rules
        for letter in self.desk.outbox.ready(now):
            target = rules.notices.target(letter.target)
            if target is None:
                self._note(Delivered(letter, "notices.yaml names no such target any more"), now)
            else:
                self._post.offer(letter, target, rules.dialects[target.name])


class Closing:
    """The way from SIGTERM to the end of the loop: no new letter, then the last results in one more transaction."""

    def __init__(self, stop: threading.Event) -> None:
        """Begin open."""
        self.is_asked = False
        self._stop = stop

    def ask(self) -> None:
        """Ask for the end; it comes in time, also to a process that waits to own the notices."""
        if not self.is_asked:
            self.is_asked = True
            timer = threading.Timer(CLOSING_S, self._stop.set)
            timer.daemon = True
            timer.start()

    def look(self, *, is_idle: bool) -> None:
        """End the loop with this tick's transaction when nothing is under way any more."""
        if self.is_asked and is_idle:
            self._stop.set()


def rules_now(settings: WorkerSettings) -> DeskRules:
    """Return what the folder and the catalogue say now; raises ConfigurationError or UnreachableError."""
    notices = load_notices(settings.config)
    configuration = read_configuration(settings.brokers, settings.publisher_key)
    dialects = {target.name: dialect_for(target) for target in notices.targets}
    return DeskRules(notices, configuration.services, configuration.people, dialects)


def box_for(config: Path, target: NoticeTarget) -> Box:
    """Return a target's box: Slack's with buttons for the schemes that have some, Apprise's for all others."""
    by_apprise, by_slack = TextBox(Postbox(partial(url_of, target))), SlackBox(partial(url_of, target), partial(secret_at, config))
    return ByScheme(partial(url_of, target), by_slack, by_apprise)


def serve(settings: WorkerSettings, closing: Closing, stop: threading.Event) -> None:
    """Run until ``stop``; raises what ended the loop."""
    require_topics(settings.brokers)
    metrics, rules, post = Metrics(), Followed("notify", partial(rules_now, settings)), Post(partial(box_for, settings.config))

    def stage(entries: Mapping[str, str], epoch: int) -> StageLogic[Record]:
        del epoch
        courier = Courier(NoticeDesk.from_state(entries, rules.now), post, closing)
        rules.heard = courier.go_by
        return courier

    loop = FencedLoop(LoopPlan("notify", INPUTS, STATE, stage), settings.brokers, ready_codec(settings.brokers), metrics)
    server = MetricsServer(metrics, settings.metrics_port, lambda: "" if loop.owns else "waiting to own the notices")
    server.start()
    rules.start(stop)
    log.info("notify started", targets=len(rules.now.notices.targets), restart="goes on from its stored state")
    try:
        loop.run(stop)
    finally:
        stop.set()
        post.close()
        server.stop()


def main() -> int:
    """Run until SIGTERM; return the exit code."""
    stop = threading.Event()
    closing = Closing(stop)
    return run_until_told("notify", partial(serve, closing=closing, stop=stop), closing.ask)


if __name__ == "__main__":
    sys.exit(main())
