"""A real Prometheus scrapes a whole running system: every panel's query and every rule's expression has data, or a stated reason not to."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.scraped import scraped_text
from schemas.events import JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.policy import Policy
from schemas.recoveries import OutcomeStatus
from schemas.vocabulary import Result
from tests.dashboards.boards import BOARDS
from tests.support.real_prometheus import RealPrometheus, real_prometheus
from tests.support.whole_system import AUTOMATIC, WholeSystem

# What a small system that works has nothing to show of. Each must be understood by the server all the same, and say nothing yet.
NOTHING_YET = {
    "healstream_rollback_duration_seconds": "no recovery is rolled back here",
    "healstream_model_accuracy_ratio": "a person's lessons are needed, and none is given here",
    "healstream_drift_detected_total": "nothing drifts within a minute",
}
# What an alert reads, and nothing here has.
UNSEEN = {'healstream_verifications_total{outcome="failed"}': "no check says no here"}
SECONDS = 120.0
# A whole system is started, on a machine that others use too.
pytestmark = pytest.mark.timeout(600)
_SELECTOR = re.compile(r"(?:healstream_[a-z_]+|healstream:[a-z0-9_:]+|\bup\b)(?:\{[^}]*\})?")


def queries() -> dict[str, str]:
    """Return where each query stands, by its text."""
    return {query: f"{board.uid}: {panel.title}" for board in BOARDS for panel in board.panels for query, _ in panel.queries}


def why_nothing(query: str) -> str:
    """Return why a query has no data here, empty when it must have some."""
    return next((why for name, why in NOTHING_YET.items() if name in query), "")


def until(what: str, look: Callable[[], object], seconds: float = SECONDS) -> None:
    """Return once what is looked for is empty."""
    end, left = time.monotonic() + seconds, look()
    while left and time.monotonic() < end:
        time.sleep(0.5)
        left = look()
    assert not left, f"{what}: {left}"


@pytest.fixture(scope="module")
def scraped(jars: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    """Yield a Prometheus that watched two recoveries, an unknown failure and poison."""
    system = WholeSystem(tmp_path_factory.mktemp("scraped"), jars)
    try:
        system.start(Policy(strategies=AUTOMATIC))
        targets = scraped_text([{"name": name, "port": port} for name, port in system.ports.items()])
        with real_prometheus(system.folder / "prometheus", targets) as server:
            until("processes not scraped yet", lambda: set(system.ports) - {row["metric"]["process"] for row in server.series("up == 1")})
            play(system)
            yield server
    finally:
        system.close()


def play(system: WholeSystem) -> None:
    """Let a service die twice, a job fail as nothing known fails, and bytes come that are no record."""
    system.producer.produce("ci.logs", b"no record", b"github/acme/shop/9", 0)
    now = datetime.now(UTC)
    trusted = Provenance(Origin.AUTHENTICATED_PRODUCER, Trust.PROTECTED, "ci")
    system.send(LogChunk("github", "acme/shop", "9", 1, "build", 0, "flux regulator says 0x17 and stops\n", True, now, provenance=trusted))
    system.send(
        JobFinished(
            source="github",
            project="acme/shop",
            run_id="9",
            attempt=1,
            workflow="ci",
            job="build",
            commit="c" * 40,
            branch="main",
            trigger="push",
            result=Result.FAILURE,
            finished_at=now,
            log_chunks=1,
            provenance=trusted,
        )
    )
    for name in ("db", "web"):
        system.kill_service(name)
        [outcome] = system.wait_outcomes(f"service:{name}", SECONDS)
        assert outcome.status is OutcomeStatus.HEALED, outcome
    [outcome] = system.wait_outcomes("job:github/acme/shop/9/build", SECONDS)
    assert outcome.status is OutcomeStatus.ESCALATED, outcome


def test_every_query_of_every_dashboard_has_data(scraped: RealPrometheus) -> None:
    wanted = {query: place for query, place in queries().items() if not why_nothing(query)}
    assert len(wanted) > 40
    until("queries without data", lambda: {place: query for query, place in wanted.items() if not scraped.series(query)})


def test_a_query_that_is_said_to_have_no_data_is_understood_and_has_none(scraped: RealPrometheus) -> None:
    said = [query for query in queries() if why_nothing(query)]
    assert {name for name in NOTHING_YET if not any(name in query for query in said)} == set()
    assert [query for query in said if has_value(scraped, query)] == []


def has_value(server: RealPrometheus, query: str) -> bool:
    return any(row["value"][1] != "NaN" for row in server.series(query))


def test_every_recorded_rule_has_data_and_every_alert_reads_series_that_there_are(scraped: RealPrometheus) -> None:
    rules = scraped.rules()
    until("rules that failed", lambda: [rule["lastError"] for rule in scraped.rules() if rule["health"] != "ok"])
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
    read = {found for rule in rules if rule["type"] == "alerting" for found in _SELECTOR.findall(rule["query"])}
    assert len(recorded) == 8
    assert len(read) >= 11
    wanted = [query for query in (*recorded, *read) if not why_nothing(query) and query not in UNSEEN]
    until("rules and alerts without data", lambda: [query for query in wanted if not scraped.series(query)])
    assert [query for query in UNSEEN if query not in read or scraped.series(query)] == []


def test_poison_raises_its_alert_at_once_and_no_rollback_that_failed_is_made_up(scraped: RealPrometheus) -> None:
    # Of those that wait for nothing; how long others were held is a matter of the machine.
    states = {rule["name"]: rule["state"] for rule in scraped.rules() if rule["type"] == "alerting" and not rule["duration"]}
    assert states == {"HealstreamDeadLetters": "firing", "HealstreamRollbackFailed": "inactive"}
