"""What a report counts and what it does not, and that strangers' text stays text in the page and in the tables."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from console.readmodel import IncidentView
from console.report_page import csv_texts, page_of, parquet_files
from console.reports import Asked, Report, report_of
from schemas.decisions import Decision, GateVerdict, Verdict
from schemas.errors import ConfigurationError
from schemas.incidents import HitSeen, Incident, RunRef
from schemas.oversight import Feedback
from schemas.recoveries import HOLDOUT, OutcomeStatus, RecoveryOutcome
from schemas.services import Services, ServiceSpec
from schemas.signing import sign
from schemas.vocabulary import Kind, Result, group_of
from tests.support.failures import KEYS, configuration

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ASKED = Asked(NOW - timedelta(days=7), NOW, 30.0)
SERVICES = Services((ServiceSpec("web", "shop", ("x",), "/", "/p", team="checkout"),))
HOSTILE = "=cmd <script>alert(1)</script> flux regulator stops working"
HEALED, ESCALATED, OBSERVED = OutcomeStatus.HEALED, OutcomeStatus.ESCALATED, OutcomeStatus.OBSERVED


def incident(kind: Kind = Kind.SERVICE_DOWN, *, days_ago: float = 1.0, **more: Any) -> Incident:
    at = NOW - timedelta(days=days_ago)
    plain = Incident(
        origin_key=("x",),
        kind=kind,
        group=group_of(kind),
        confidence=0.9,
        fingerprint="f",
        target="service:web",
        scope="group:shop",
        severity="critical",
        complete=True,
        opened_at=at,
        detected_at=at + timedelta(seconds=2),
    )
    return replace(plain, **more)


def decision_on(one: Incident, verdict: Verdict, strategy: str = "service_restart", gates: Sequence[GateVerdict] = ()) -> Decision:
    return Decision(
        incident_id="i",
        target=one.target,
        scope=one.scope,
        kind=one.kind,
        fingerprint="f",
        opened_at=one.opened_at,
        detected_at=one.detected_at,
        attempt=1,
        max_attempts=2,
        verdict=verdict,
        decided_at=one.detected_at,
        expires_at=NOW,
        strategy=strategy,
        gates=tuple(gates),
    )


def outcome_of(one: Incident, status: OutcomeStatus, took_s: float = 8.0, **more: Any) -> RecoveryOutcome:
    plain = RecoveryOutcome(
        incident_id="i",
        decision_id="d",
        attempt=1,
        final=True,
        target=one.target,
        kind=one.kind,
        status=status,
        reason="because",
        opened_at=one.opened_at,
        detected_at=one.detected_at,
        finished_at=NOW,
        strategy="service_restart",
        started_at=one.detected_at if status in {HEALED, OutcomeStatus.ROLLED_BACK} else None,
        time_to_detect_s=2.0,
        time_to_recover_s=took_s if status is HEALED else None,
    )
    return replace(plain, **more)


def ended(one: Incident, status: OutcomeStatus, verdict: Verdict = Verdict.HEAL, **more: Any) -> IncidentView:
    return IncidentView(one, decisions=[decision_on(one, verdict)], outcomes=[outcome_of(one, status, **more)])


def reported(*views: IncidentView, feedback: Sequence[Feedback] = (), asked: Asked = ASKED) -> Report:
    return report_of({f"i{number}": view for number, view in enumerate(views)}, SERVICES, feedback, configuration().people, asked)


def figure(made: Report, name: str) -> dict[str, Any]:
    [row] = [row for row in made.tables["figures"].to_dict("records") if row["figure"] == name]
    return {str(key): value for key, value in row.items()}


def test_only_what_was_healed_without_a_person_is_an_avoided_intervention() -> None:
    made = reported(
        ended(incident(), HEALED),
        ended(incident(), HEALED, Verdict.ASK),
        ended(incident(), ESCALATED),
        ended(incident(Kind.TEST_FAILURE), OutcomeStatus.REFUSED),
        ended(incident(), OutcomeStatus.SELF_HEALED),
        IncidentView(incident()),
    )
    avoided = figure(made, "interventions avoided")
    assert (avoided["of"], round(avoided["value"], 1)) == (3, 33.3)
    assert figure(made, "healed by themselves")["value"] == 1
    assert figure(made, "open")["value"] == 1


def test_toil_follows_from_the_assumption_that_is_shown() -> None:
    views = [ended(incident(), HEALED) for _ in range(4)]
    short, long = reported(*views, asked=replace(ASKED, toil_minutes=15.0)), reported(*views, asked=replace(ASKED, toil_minutes=60.0))
    assert [figure(made, "toil saved")["value"] for made in (short, long)] == [1.0, 4.0]
    assert "15 minutes of a person" in page_of(short)


def test_the_mean_times_have_intervals_and_nothing_at_all_has_none() -> None:
    made = reported(*(ended(incident(), HEALED, took_s=float(took_s)) for took_s in range(5, 25)))
    recovery = figure(made, "mean time to recovery")
    assert recovery["value"] == 14.5
    assert recovery["low"] < 14.5 < recovery["high"]
    assert figure(made, "mean time to detection")["value"] == 2.0
    assert pd.isna(figure(reported(), "mean time to recovery")["value"])


def test_an_incident_belongs_to_its_team_or_to_the_owner_of_its_repository() -> None:
    run = RunRef("github", "acme/shop", "7", 1, "build")
    job = incident(Kind.DNS_RESOLUTION, target="job:github/acme/shop/7/build", run=run, hits=(HitSeen("dns", Kind.DNS_RESOLUTION, 1, "x"),))
    made = reported(ended(incident(), HEALED), ended(job, HEALED), ended(incident(target="service:other"), ESCALATED))
    assert sorted(made.tables["by_owner"]["owner"]) == ["-", "checkout", "github/acme"]
    assert dict(zip(made.tables["by_pattern"]["pattern"], made.tables["by_pattern"]["incidents"], strict=True)) == {"-": 2, "dns": 1}


@pytest.mark.parametrize("column", ["owner", "pattern", "strategy"])
def test_every_incident_stands_in_one_row_of_each_table(column: str) -> None:
    made = reported(ended(incident(), HEALED), ended(incident(), ESCALATED), ended(incident(target="service:x"), OBSERVED, Verdict.OBSERVE))
    assert int(made.tables[f"by_{column}"]["incidents"].sum()) == len(made.incidents) == 3


def test_to_act_on_a_run_that_was_well_or_against_a_persons_word_is_wrong() -> None:
    said = Feedback("i2", "person", "olga", NOW, correct=False)
    forged = (said, replace(said, incident_id="i0", signature=sign(said, KEYS["olga"]).signature), sign(said, KEYS["vera"]))
    views = [
        ended(incident(), HEALED),
        ended(incident(result=Result.SUCCESS), HEALED),
        ended(incident(), HEALED),
        ended(incident(), ESCALATED),
    ]
    wrong = figure(reported(*views, feedback=[sign(said, KEYS["olga"])]), "acted wrongly")
    assert (wrong["of"], round(wrong["value"], 1)) == (3, 66.7)
    believed = figure(reported(*views, feedback=forged), "acted wrongly")
    assert (believed["of"], round(believed["value"], 1)) == (3, 33.3)


def test_what_was_only_watched_says_what_would_have_been_done() -> None:
    asks = GateVerdict("risk_tier", Verdict.ASK, "high")
    watched = incident()
    views = [ended(watched, OBSERVED, Verdict.OBSERVE), ended(watched, OBSERVED, Verdict.OBSERVE)]
    views.append(
        IncidentView(watched, decisions=[decision_on(watched, Verdict.OBSERVE, gates=[asks])], outcomes=[outcome_of(watched, OBSERVED)])
    )
    views.append(ended(watched, OBSERVED, Verdict.OBSERVE, reason=f"{HOLDOUT}: to see whether it heals by itself"))
    views.append(
        IncidentView(watched, decisions=[decision_on(watched, Verdict.OBSERVE, strategy="")], outcomes=[outcome_of(watched, OBSERVED)])
    )
    rows = reported(*views).tables["observed"].to_dict("records")
    assert rows == [{"strategy": "service_restart", "at_once": 2, "after_a_yes": 1, "toil_h": 1.0}]


def test_members_of_a_storm_and_what_is_older_are_not_counted() -> None:
    made = reported(ended(incident(), HEALED), ended(incident(parent="i0"), HEALED), ended(incident(days_ago=9), HEALED))
    assert len(made.incidents) == 1


def test_a_day_has_its_ends_and_mean_times() -> None:
    made = reported(ended(incident(), HEALED), ended(incident(), ESCALATED), ended(incident(days_ago=3), HEALED, took_s=20.0))
    rows = made.tables["trend"].to_dict("records")
    assert [(row["day"], row["incidents"], row["healed"], row["escalated"]) for row in rows] == [
        ("2026-03-07", 1, 1, 0),
        ("2026-03-09", 2, 1, 1),
    ]
    assert rows[0]["recover_s"] == 20.0


def unexplained(project: str, run: str, line: str) -> IncidentView:
    seen = RunRef("github", project, run, 1, "build")
    return ended(incident(Kind.UNKNOWN, target=f"job:{project}", run=seen, abstained=True, unexplained=(line,)), ESCALATED)


def test_the_next_pattern_is_what_most_repositories_fail_with_unexplained() -> None:
    views = [unexplained("acme/one", str(number), "the quota daemon refused this build") for number in range(5)]
    views += [unexplained(f"acme/{number}", "1", f"flux regulator {number} says 0x1{number} and stops working") for number in range(3)]
    first, second = reported(*views).tables["next_patterns"].to_dict("records")
    assert (first["line"], first["repositories"], first["runs"]) == ("flux regulator <number> says <hex> and stops working", 3, 3)
    assert (second["repositories"], second["runs"]) == (1, 5)


def test_the_page_asks_no_other_host_and_shows_strangers_text_as_text() -> None:
    page = page_of(reported(ended(incident(), HEALED), unexplained("acme/one", "1", HOSTILE)))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 2
    assert re.findall(r"(?:src|href)=\"(?!#)[^\"]*\"", page) == []


def test_every_table_is_written_as_parquet_with_its_types_and_the_texts_as_they_are(tmp_path: Path) -> None:
    hostile = unexplained("acme/one", "1", HOSTILE)
    made = reported(ended(incident(), HEALED), ended(incident(), ESCALATED), hostile)
    for name, content in parquet_files(made).items():
        (tmp_path / name).write_bytes(content)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted([*made.tables, "incidents"])
    read = pd.read_parquet(tmp_path / "incidents.parquet", engine="pyarrow")
    pd.testing.assert_frame_equal(read, made.incidents)
    assert pd.read_parquet(tmp_path / "next_patterns.parquet", engine="pyarrow")["example"].tolist() == [HOSTILE]
    assert set(parquet_files(reported())) == {f"{name}.parquet" for name in [*made.tables, "incidents"]}


def test_without_its_library_parquet_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    made = reported()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'healstream\[parquet\]'"):
        parquet_files(made)


def test_a_report_of_nothing_is_a_page_too() -> None:
    page = page_of(reported())
    assert "Incidents opened from 2026-03-03 12:00 to 2026-03-10 12:00 UTC: 0." in page
    assert "<svg" not in page


def test_tables_are_csv_that_no_spreadsheet_takes_for_formulas() -> None:
    texts = csv_texts(reported(ended(incident(), HEALED), unexplained("acme/one", "1", HOSTILE)))
    assert set(texts) == {
        f"{name}.csv" for name in ("incidents", "figures", "by_owner", "by_pattern", "by_strategy", "observed", "trend", "next_patterns")
    }
    [row] = csv.DictReader(io.StringIO(texts["next_patterns.csv"]))
    assert row["example"] == f"'{HOSTILE}"
    assert len(list(csv.DictReader(io.StringIO(texts["incidents.csv"])))) == 2


def test_no_command_waits_for_the_libraries_of_tables_and_pictures() -> None:
    names = "('pandas', 'pyarrow', 'matplotlib')"
    asked = f"import sys, console.cli.main, console.cli.report; print([name for name in {names} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", asked], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
