"""A CI server of ``services.yaml``: what is said of it, what is refused, and which processes it gives something to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from console.ci_shapes import CiRow
from console.home import Home
from console.system import FETCHER, REPORTER, WORKERS, workers_of
from schemas.services import CiApp, CiReport, CiServer

ROW = {"source": "github", "api_url": "https://api.example", "projects": ["acme/shop"]}
APP = {"app_id": "12", "installation_id": "345", "key_file": "/etc/healstream/app.pem"}


def test_without_more_nothing_is_asked_for_and_nothing_written() -> None:
    assert CiRow.model_validate(ROW).record() == CiServer("github", "https://api.example", "", ("acme/shop",))


def test_all_that_can_be_said_of_one() -> None:
    more = {"app": APP, "fetch_logs": True, "log_hosts": ["*.logs.example"], "reports": ["checks", "issues"]}
    app, reports = CiApp("12", "345", "/etc/healstream/app.pem"), (CiReport.CHECKS, CiReport.ISSUES)
    assert CiRow.model_validate({**ROW, **more}).record() == CiServer(
        "github", "https://api.example", "", ("acme/shop",), app, True, ("*.logs.example",), reports
    )


@pytest.mark.parametrize(
    "more",
    [
        {"app": APP, "token_file": "/etc/token"},
        {"app": {**APP, "installation_id": "../1"}},
        {"app": {**APP, "key_file": ""}},
        {"log_hosts": ["https://logs.example"]},
        {"log_hosts": ["*"]},
        {"reports": ["statuses"]},
    ],
)
def test_what_makes_no_sense_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CiRow.model_validate({**ROW, **more})


def test_a_process_runs_only_where_something_asks_for_it(tmp_path: Path) -> None:
    home = Home("demo", tmp_path / "state", tmp_path / "config")
    home.config.mkdir()
    (home.config / "healstream.yaml").write_text("", encoding="utf-8")
    said = 'ci: [{source: github, api_url: "https://api.example", projects: [acme/shop]%s}]\n'
    for more, workers in (("", ()), (", fetch_logs: true", (FETCHER,)), (", reports: [checks]", (REPORTER,))):
        (home.config / "services.yaml").write_text(said % more, encoding="utf-8")
        assert workers_of(home) == (*WORKERS, *workers)
