"""A published pattern acts in a running worker without a restart; a broken file changes nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from infra.kafka import read_to_end
from learning.patterns.loader import Catalogue, load_catalogue
from learning.patterns.reviewed import digest_of
from schemas.configuration import PATTERNS_PREFIX, REVIEWS_ENTRY, reviews_body
from schemas.events import JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.incidents import Incident
from schemas.oversight import CatalogueEntry, EntryKind
from schemas.pattern_review import PatternReview, PatternState
from schemas.signing import sign
from schemas.vocabulary import Kind, Result
from tests.support.own_pattern import own_file
from tests.support.whole_system import WholeSystem

WORKER = "streams.app"
# Runs are spread over the partitions of the log topic by their key: so many in a row have met each of them.
IN_A_ROW = 40
TRUSTED = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
LOG = "step one\nfrobnicator: the flux is out of phase\n##[error]Process completed with exit code 1.\n"
OWN = own_file(kind="disk_full")


def publish(system: WholeSystem, name: str, kind: EntryKind, body: str) -> None:
    version = sha256(body.encode()).hexdigest()
    system.send(sign(CatalogueEntry(name, version, kind, body, datetime.now(UTC), "publisher"), system.keys["publisher"]))


def incident_of(system: WholeSystem, number: int) -> Incident:
    """Send a failed run and return its incident."""
    now, run = datetime.now(UTC), ("github", "acme/api", str(number), 1)
    system.send(LogChunk(*run, "build", 0, LOG, eof=True, at=now, provenance=TRUSTED))
    system.send(JobFinished(*run, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, now, log_chunks=1, provenance=TRUSTED))
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = [record for record in read_to_end(system.address, "heal.incidents") if isinstance(record, Incident)]
        own = [incident for incident in found if incident.run and incident.run.run_id == str(number)]
        if own:
            return own[0]
    raise AssertionError(system.log(WORKER))


def incident_when(system: WholeSystem, first: int, holds: str) -> tuple[Incident, int, float]:
    """Send runs until an incident's reasons or kind hold the words; return it, the next number and the seconds that it took."""
    began = time.monotonic()
    for number in range(first, first + 200):
        incident = incident_of(system, number)
        if holds in (incident.kind.value, *incident.reasons):
            return incident, number + 1, time.monotonic() - began
    raise AssertionError(system.log(WORKER))


def settled_after(system: WholeSystem, number: int, kind: Kind) -> int:
    """Send runs until enough in a row are of the kind; return the next number: each partition takes up the rules at its own tick."""
    in_a_row, end = 0, time.monotonic() + 60
    while in_a_row < IN_A_ROW and time.monotonic() < end:
        in_a_row = in_a_row + 1 if incident_of(system, number).kind is kind else 0
        number += 1
    assert in_a_row == IN_A_ROW, system.log(WORKER)
    return number


@pytest.mark.timeout(240)
def test_a_pattern_is_published_shadows_acts_by_another_persons_word_and_survives_a_broken_file(system: WholeSystem) -> None:
    # given a failure that nothing explains
    assert incident_of(system, 1).kind is Kind.UNKNOWN

    # when a pattern for it is published, then it shadows
    publish(system, f"{PATTERNS_PREFIX}own.json", EntryKind.PATTERNS, OWN)
    shadowed, number, took = incident_when(system, 2, "in shadow: flux-phase would say disk_full")
    assert shadowed.kind is Kind.UNKNOWN
    assert took < 60

    # when another person than its author lets that wording act, then it decides
    loaded = load_catalogue({"own.json": OWN})
    assert isinstance(loaded, Catalogue)
    word = PatternReview("flux-phase", digest_of(loaded.patterns[0]), PatternState.ACTING, "ada", "bob", datetime.now(UTC), "report")
    publish(system, REVIEWS_ENTRY, EntryKind.CONFIGURATION, reviews_body([sign(word, system.person_keys["bob"])]))
    decided, number, _ = incident_when(system, number, Kind.DISK_FULL.value)
    assert decided.catalogue != shadowed.catalogue
    assert decided.hits[0].pattern == "flux-phase"
    number = settled_after(system, number, Kind.DISK_FULL)

    # and a broken file leaves it in force
    publish(system, f"{PATTERNS_PREFIX}broken.json", EntryKind.PATTERNS, "{")
    end = time.monotonic() + 30
    while "cannot be used" not in system.log(WORKER) and time.monotonic() < end:
        assert incident_of(system, number).kind is Kind.DISK_FULL
        number += 1
    assert "broken.json:1:2" in system.log(WORKER)
    assert incident_of(system, number).kind is Kind.DISK_FULL
