"""A real executor of a recovery that makes many small steps, one after the other, and writes down when each began.

``python -m tests.support.steady_worker LEDGERS``: one ledger a target in that folder, for measuring how soon a kill switch is obeyed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from infra.adapters.surroundings import Surroundings
from infra.catalogue_reader import read_configuration
from infra.logging import configure
from infra.settings import WorkerSettings
from recoverers.ports import Answer, Call, Facts, Found, Traits
from recoverers.terms import Around
from recoverers.worker import Executor
from schemas.attempts import StepResult, StepStatus
from schemas.catalogue import CARDS, card_named
from schemas.decisions import HealingCommand
from schemas.errors import HealstreamError

STRATEGY = "service_restart"
DEADLINE_S = 7200.0
# As many as a plan may have.
STEPS = 200
_OK = StepResult(StepStatus.OK)


@dataclass(frozen=True)
class Steady:
    """A recipe of many steps, each of which only writes down the time."""

    ledgers: Path
    traits: Traits = Traits(STRATEGY, 1, 1.0)

    def gather(self, _: HealingCommand) -> Facts:
        return Facts()

    def plan(self, _: HealingCommand, __: Facts) -> tuple[str, ...] | None:
        return tuple(f"step:{number}" for number in range(STEPS))

    def pre_image(self, _: Call) -> str:
        return "{}"

    def act(self, call: Call) -> StepResult:
        with (self.ledgers / call.command.target.replace(":", "-")).open("a", encoding="ascii") as ledger:
            ledger.write(f"{time.time()}\n")
        return _OK

    def probe(self, _: Call) -> Found:
        return Found.MISSING

    def undo(self, _: Call) -> StepResult:
        return _OK

    def check(self, _: HealingCommand, __: Facts, factor: str) -> Answer:
        return Answer(passed=True, source=factor)


def main() -> int:
    """Run the executor until SIGTERM."""
    configure("executor")
    try:
        settings = WorkerSettings.from_environment(os.environ)
        card = card_named(CARDS, STRATEGY)
        assert card is not None
        found = read_configuration(settings.brokers, settings.publisher_key, 30.0)
        configuration = replace(found, cards=(replace(card, deadline_s=DEADLINE_S),))
        recipes = {STRATEGY: Steady(Path(sys.argv[1]))}
        executor = Executor(settings, configuration, recipes, Around(configuration.services, Surroundings(configuration.services)))
        signal.signal(signal.SIGTERM, lambda *_: executor.end())
        return executor.run()
    except HealstreamError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
