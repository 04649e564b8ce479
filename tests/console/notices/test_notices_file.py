"""``notices.yaml`` as people spell it: into its records, or refused at its line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.configuration import Files, configuration_of, load_notices
from console.notices.rules import Ladder, NoticeTarget, Route, Rung, Severity, SlackRule, StormRule
from schemas.configuration import Configuration, Keys
from schemas.errors import ConfigurationError
from schemas.windows import WindowRule

WHOLE = """\
base_url: https://heal.example
targets:
  - {name: ops, url_file: /etc/healstream/ops.url, quiet: [night], breaks: error}
  - {name: lead, url: "mailto://mail.example"}
hours:
  - {name: night, zone: Europe/Berlin, from: "20:00", to: "07:00"}
routes:
  - {name: shop, severity: error, teams: [shop], targets: [ops], ladder: duty}
ladders:
  - {name: duty, rungs: [{after_minutes: 10, targets: [lead]}]}
otherwise: [ops]
storm: {window_s: 60, most: 3}
slack: {signing_secret_file: /etc/healstream/slack, people: {}}
"""


def told(text: str) -> list[str]:
    found = configuration_of(Files({"healstream.yaml": "", "notices.yaml": text}, {}), Keys())
    return [] if isinstance(found, Configuration) else [str(problem) for problem in found]


def test_each_row_becomes_its_record(tmp_path: Path) -> None:
    (tmp_path / "healstream.yaml").write_text("")
    (tmp_path / "notices.yaml").write_text(WHOLE)
    rules = load_notices(tmp_path)
    assert rules.target("ops") == NoticeTarget("ops", "", "/etc/healstream/ops.url", ("night",), Severity.ERROR)
    assert rules.routes == (Route("shop", ("ops",), Severity.ERROR, ("shop",), ladder="duty"),)
    assert rules.hours == (WindowRule("night", zone="Europe/Berlin", from_time="20:00", to_time="07:00"),)
    assert rules.ladder("duty") == Ladder("duty", (Rung(10.0, ("lead",)),))
    assert (rules.storm, rules.slack) == (StormRule(60.0, 3), SlackRule("/etc/healstream/slack"))
    assert told(WHOLE) == []


def test_without_the_file_nobody_is_told(tmp_path: Path) -> None:
    (tmp_path / "healstream.yaml").write_text("")
    assert load_notices(tmp_path).targets == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ladder: duty", "ladder: none", "notices.yaml:8:66: routes.0.ladder: none is no ladder; name one of duty"),
        ("targets: [ops],", "targets: [opps],", "opps is no target; name one of ops, lead"),
        ("quiet: [night]", "quiet: [nigt]", "nigt is no row of hours"),
        ("name: lead,", "name: ops,", "ops is there twice"),
        ("Europe/Berlin", "Europe/Berlyn", "notices.yaml:6:19: hours.0.zone: there is no such time zone"),
        ("severity: error", "severity: loud", "notices.yaml:8:18: routes.0.severity"),
        (", url: ", ", url_file: /x, url: ", "give either url or url_file"),
        ("mailto://mail.example", "secret-token", "this is no Apprise URL"),
        ("after_minutes: 10", "after_minutes: 0", "greater than 0"),
        ("people: {}", "people: {U1: ada}", "ada is no person of people.yaml"),
        ("otherwise: [ops]", "", "what fits no route would be told to nobody; list targets under `otherwise`"),
        ("https://heal.example", "javascript://x", "base_url"),
        ("most: 3", "moost: 3", "there is no such field"),
    ],
)
def test_a_mistake_is_named_at_its_line(old: str, new: str, words: str) -> None:
    [problem, *_] = told(WHOLE.replace(old, new, 1))
    assert problem.startswith("notices.yaml:")
    assert words in problem
    assert "secret-token" not in problem


def test_a_folder_with_a_mistake_starts_nobody(tmp_path: Path) -> None:
    (tmp_path / "healstream.yaml").write_text("")
    (tmp_path / "notices.yaml").write_text(WHOLE.replace("night]", "nigt]"))
    with pytest.raises(ConfigurationError, match=r"notices\.yaml:3:\d+: targets"):
        load_notices(tmp_path)
