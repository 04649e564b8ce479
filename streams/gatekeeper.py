"""The process of the door: admit and the notary, each in its own fenced loop; ``python -m streams.gatekeeper``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.catalogue_reader import read_configuration
from infra.fenced_loop import FencedLoop, LoopPlan
from infra.kafka import ready_codec
from infra.metrics import Metrics, MetricsServer
from infra.settings import WorkerSettings
from infra.topics_admin import require_topics
from infra.until_told import run_until_told
from schemas.errors import ConfigurationError, FencedError, HealstreamError
from schemas.ids import Record
from schemas.incidents import STORM, WORKFLOW, UpdateCause
from schemas.outputs import StageLogic
from schemas.signing import private_key_from
from streams.admission_records import AdmitRules
from streams.admit import Admit
from streams.notary import Notary, NotaryRules

ADMIT_INPUTS = ("heal.decisions", "heal.control", "recovery.outcomes", "heal.incidents", "heal.detections")
# Detections and incidents come by the hundred; admit has to do with those of running workflows, with storms and with what has ended, and
# the word for it stands in each of these.
ADMIT_ONLY_WITH = {"heal.detections": (WORKFLOW.encode(),), "heal.incidents": (STORM.encode(), UpdateCause.RESOLVED.encode())}
# What runs is known before anything is let through.
ADMIT_READ_AT_START = ("heal.detections",)
NOTARY_INPUTS = ("heal.audit.entries",)
# A command waits a hundredth of a second at most, an audit record a fifth: nobody acts on one.
ADMIT_PACE_S, NOTARY_PACE_S = 0.01, 0.2
_log = structlog.get_logger()


def load_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """Return a component's key; raises ConfigurationError that names the file."""
    path = folder / f"{name}.key"
    try:
        return private_key_from(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(str(path), str(error), "Make the keys with `healstream init`") from error


def plans(settings: WorkerSettings) -> tuple[LoopPlan, LoopPlan]:
    """Return the two loops; raises UnreachableError or ConfigurationError when what they need is not there."""
    configuration = read_configuration(settings.brokers, settings.publisher_key)
    admit_key, notary_key = load_key(settings.keys, "admit"), load_key(settings.keys, "notary")

    def admit(entries: Mapping[str, str], epoch: int) -> StageLogic[Record]:
        return Admit.from_state(entries, AdmitRules(configuration, admit_key, epoch))

    def notary(entries: Mapping[str, str], epoch: int) -> StageLogic[Record]:
        del epoch
        return Notary.from_state(entries, NotaryRules(notary_key))

    return (
        LoopPlan(
            "admit",
            ADMIT_INPUTS,
            "heal.state.admit",
            admit,
            read_first=("heal.control",),
            pace_s=ADMIT_PACE_S,
            only_with=ADMIT_ONLY_WITH,
            read_at_start=ADMIT_READ_AT_START,
        ),
        LoopPlan("notary", NOTARY_INPUTS, "heal.state.notary", notary, tick_s=1.0, pace_s=NOTARY_PACE_S),
    )


def serve(settings: WorkerSettings, stop: threading.Event) -> None:
    """Run both loops until ``stop``; raises the first error of either."""
    require_topics(settings.brokers)
    # The embedded broker keeps its data there too, and one process that shows the disk is enough.
    metrics = Metrics(settings.state)
    loops = [FencedLoop(plan, settings.brokers, ready_codec(settings.brokers), metrics) for plan in plans(settings)]
    server = MetricsServer(metrics, settings.metrics_port, lambda: "" if all(loop.owns for loop in loops) else "waiting to own the door")
    server.start()
    failures: list[HealstreamError] = []

    def run(loop: FencedLoop) -> None:
        try:
            loop.run(stop)
        except HealstreamError as error:
            failures.append(error)
        except Exception as error:  # noqa: BLE001 - whatever a loop dies of ends the process, and its supervisor starts it anew
            failures.append(FencedError("gatekeeper", f"{type(error).__name__}: {error}", "Report it with the log above"))
        finally:
            stop.set()

    threads = [threading.Thread(target=run, args=(loop,), name="loop") for loop in loops]
    for thread in threads:
        thread.start()
    _log.info("gatekeeper started", next="owns the door once no earlier owner is left", restart="goes on from its stored state")
    for thread in threads:
        thread.join()
    server.stop()
    if failures:
        raise failures[0]


def main() -> int:
    """Run until SIGTERM; return the exit code."""
    stop = threading.Event()
    return run_until_told("gatekeeper", partial(serve, stop=stop), stop.set)


if __name__ == "__main__":
    sys.exit(main())
