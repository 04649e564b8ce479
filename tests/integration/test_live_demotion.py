"""A pattern that hits green runs is demoted in a running worker: told on its topic, taken up without a restart, lifted by a later word."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from infra.kafka import read_to_end
from learning.green_hits import ACTING, SHADOW, from_signals
from learning.patterns.loader import Catalogue, load_catalogue
from learning.patterns.reviewed import digest_of
from schemas.configuration import PATTERNS_PREFIX, REVIEWS_ENTRY, reviews_body
from schemas.events import JobFinished, LogChunk
from schemas.incidents import Detection, DetectionStatus
from schemas.oversight import EntryKind
from schemas.pattern_review import PatternDemotion, PatternReview, PatternState
from schemas.signing import sign
from schemas.vocabulary import Kind, Result
from tests.integration.test_live_patterns import LOG, OWN, TRUSTED, WORKER, incident_when, publish
from tests.support.whole_system import WholeSystem

GREEN = LOG.replace("exit code 1", "exit code 0")


def let_act(system: WholeSystem) -> None:
    loaded = load_catalogue({"own.json": OWN})
    assert isinstance(loaded, Catalogue)
    word = PatternReview("flux-phase", digest_of(loaded.patterns[0]), PatternState.ACTING, "ada", "bob", datetime.now(UTC), "report")
    publish(system, REVIEWS_ENTRY, EntryKind.CONFIGURATION, reviews_body([sign(word, system.person_keys["bob"])]))


def run_green_until(system: WholeSystem, first: int, is_there: Callable[[], bool]) -> None:
    """Send successful runs whose log the pattern matches until something is seen."""
    for number in range(first, first + 300):
        now, run = datetime.now(UTC), ("github", "acme/api", str(number), 1)
        system.send(LogChunk(*run, "build", 0, GREEN, eof=True, at=now, provenance=TRUSTED))
        time.sleep(0.2)
        system.send(JobFinished(*run, "ci", "build", "c" * 40, "main", "push", Result.SUCCESS, now, log_chunks=1, provenance=TRUSTED))
        if is_there():
            return
    raise AssertionError(system.log(WORKER))


def demotions(system: WholeSystem) -> list[PatternDemotion]:
    return [record for record in read_to_end(system.address, "heal.demotions") if isinstance(record, PatternDemotion)]


def told(system: WholeSystem, prefix: str) -> int:
    """Return how many successful runs tell hits of the pattern, as one that decides or as one in shadow."""
    found = [record for record in read_to_end(system.address, "heal.detections") if isinstance(record, Detection)]
    passed = [dict(record.signals) for record in found if record.status is DetectionStatus.SUMMARY]
    return sum("flux-phase" in from_signals(signals, prefix) for signals in passed)


@pytest.mark.timeout(280)
def test_a_pattern_that_hits_green_runs_is_demoted_in_the_running_worker_and_lifted_by_a_person(system: WholeSystem) -> None:
    # given a pattern that another person than its author lets act
    publish(system, f"{PATTERNS_PREFIX}own.json", EntryKind.PATTERNS, OWN)
    let_act(system)
    _, number, _ = incident_when(system, 1, Kind.DISK_FULL.value)

    # when successful runs hold its text, then it is demoted within two minutes of the first
    began = time.monotonic()
    run_green_until(system, 10_000, lambda: bool(demotions(system)))
    assert time.monotonic() - began < 120
    [row] = demotions(system)
    assert row.pattern == "flux-phase"
    assert 10 <= row.green <= told(system, ACTING)

    # and the worker shows it in shadow, in failures and in successes
    shadowed, number, _ = incident_when(system, number, "in shadow: flux-phase would say disk_full")
    assert shadowed.kind is Kind.UNKNOWN
    run_green_until(system, 20_000, lambda: told(system, SHADOW) > 0)
    assert len(demotions(system)) == 1

    # until a person says a later word
    let_act(system)
    lifted, _, _ = incident_when(system, number, Kind.DISK_FULL.value)
    assert lifted.hits[0].pattern == "flux-phase"
