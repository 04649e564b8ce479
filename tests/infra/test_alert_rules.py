"""Rules and alerts: promtool reads them and plays each alert, and each has a page whose commands exist."""

from __future__ import annotations

import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML
from typer.main import get_command

from console.cli.main import NOUNS
from tests.support.tools import tool

ROOT = Path(__file__).parents[2]
RULES = ROOT / "infra/deploy/prometheus"
PLAYS = Path(__file__).parent / "alerts"
RUNBOOKS = ROOT / "docs/runbooks"
MONITORING = ROOT / "docs/monitoring.md"
OPERATIONS = ROOT / "docs/operations.md"
SECTIONS = ["What it means", "What to look at", "What to do", "When to wake somebody"]
_CALL = re.compile(r"\bhealstream ([a-z]+)(?: ([a-z-]+))?")


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def alerts() -> dict[str, Any]:
    found = read(RULES / "alerts.yaml")
    return {rule["alert"]: rule for group in found["groups"] for rule in group["rules"]}


def promtool(*words: str, at: Path = ROOT) -> None:
    told = subprocess.run([tool("promtool"), *words], cwd=at, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def verbs_of(noun: str) -> set[str]:
    app = typer.Typer()
    app.callback()(lambda: None)
    import_module(f"console.cli.{noun}").add_to(app, "")
    command: Any = get_command(app)
    return set(getattr(command.commands[noun], "commands", {}))


def test_the_configuration_and_its_rules_are_ones_that_prometheus_takes() -> None:
    promtool("check", "config", str(RULES / "prometheus.yaml"))


def test_every_alert_fires_when_it_should_and_only_then() -> None:
    promtool("test", "rules", *(path.name for path in sorted(PLAYS.glob("*.yaml"))), at=PLAYS)


@pytest.mark.parametrize("name", alerts())
def test_an_alert_is_played_both_ways_and_leads_to_a_page(name: str) -> None:
    rule = alerts()[name]
    ends = [test["exp_alerts"] for play in read(PLAYS / f"{name}.yaml")["tests"] for test in play["alert_rule_test"]]
    assert {bool(end) for end in ends} == {True, False}
    assert rule["annotations"]["runbook_url"].endswith(f"/runbooks/{name}.md")
    page = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    assert rule["labels"]["severity"] in {"warning", "critical"}


def test_no_page_and_no_play_is_left_of_an_alert_that_is_gone() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(alerts())
    assert {path.stem for path in PLAYS.glob("*.yaml")} == set(alerts())


def test_the_page_for_whoever_connects_it_names_every_alert_with_its_severity() -> None:
    named = dict(re.findall(r"^\| (Healstream\w+) \| (\w+) \|", MONITORING.read_text(encoding="utf-8"), re.MULTILINE))
    assert named == {name: rule["labels"]["severity"] for name, rule in alerts().items()}


def test_every_command_of_the_pages_exists() -> None:
    nouns, called = {noun for noun, _ in NOUNS}, set()
    for path in (*RUNBOOKS.glob("*.md"), MONITORING, OPERATIONS):
        for line in path.read_text(encoding="utf-8").splitlines():
            commands = [line] if line.startswith("    ") else re.findall(r"`(healstream [^`]+)`", line)
            called |= {found for text in commands for found in _CALL.findall(text.partition("#")[0])}
    assert len(called) > 15
    missing = [call for call in called if call[0] not in nouns or (call[1] and verbs_of(call[0]) and call[1] not in verbs_of(call[0]))]
    assert missing == []
