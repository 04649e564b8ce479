"""The page on policy says what is so: its examples load, its cases are kept, and its tables are those of the code."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from console.cli.main import run
from console.configuration import Files, configuration_of
from console.home import home_of
from console.init import init
from console.policy_cases import Cases, broken_cases, read_cases
from console.policy_story import story_of
from schemas.authorization import DEFAULT_RULES, SCHEMA
from schemas.configuration import Configuration, Keys
from schemas.decisions import Decision
from schemas.people import Right
from schemas.policy import Policy, PolicyRule, RuleThen
from schemas.rule_variables import VARIABLES
from schemas.vocabulary import Kind
from streams.decide import Decide, DecideRules
from tests.support.failures import PLACE, at, configuration, incident, records

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
[CEDAR] = [text for language, text in BLOCKS if language == "cedar"]
POLICY, CASES = [text for language, text in BLOCKS if language == "yaml"]


def of_page(policy: str = POLICY, cedar: str = CEDAR) -> Configuration:
    texts = {"healstream.yaml": "version: 1\n", "policy/own.yaml": policy, "policy/people.cedar": DEFAULT_RULES, "policy/own.cedar": cedar}
    found = configuration_of(Files(texts, {}), Keys())
    assert isinstance(found, Configuration), found
    return found


def cases_in(text: str) -> Cases:
    found = read_cases("cases.yaml", text)
    assert isinstance(found, Cases), found
    return found


def test_the_pages_policy_loads_and_keeps_the_pages_cases() -> None:
    found, cases = of_page(), cases_in(CASES)

    assert [rule.name for rule in found.policy.rules] == ["orders-need-two", "friday-evening", "risky-alone", "release-branches"]
    assert cases.count() == 6
    assert broken_cases(cases, found.policy, found.people) == []


def test_the_page_lists_every_variable_and_action() -> None:
    for row in VARIABLES:
        assert f"| `{row.name}` | {row.type} | {row.meaning} |" in PAGE
    assert all(f"`{right}`" in PAGE for right in Right)
    assert all(f"`{word}`" in PAGE for word in re.findall(r"(\w+): String", SCHEMA))


def test_a_changed_policy_breaks_the_cases_that_relied_on_it_and_says_where() -> None:
    loose = of_page(POLICY.replace("then: ask_two", "then: refuse").replace("hour >= 16", "hour >= 22"), "// nothing of our own\n")

    told = [str(problem) for problem in broken_cases(cases_in(CASES), loose.policy, loose.people)]

    assert told[0].startswith("cases.yaml:5:5: rules.0.verdict: a restart of the store by day asks two: the verdict is refuse")
    assert any("rules.1.holds" in line and "no rule, not friday-evening, risky-alone" in line for line in told)
    assert any("another approver does not: bob may approve on service:store" in line for line in told)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("{colour: red}", "a case gives no colour"),
        ("{risk: 10}", "a case gives no risk"),
        ("{attempt: true}", "attempt is of type int"),
        ("{attempt: '2'}", "attempt is of type int"),
        ("{kind: disk_ful}", "kind is one of"),
        ("{labels: x}", "labels is of type map"),
    ],
)
def test_a_case_that_gives_what_cannot_be_is_told_with_its_place(given: str, what: str) -> None:
    found = read_cases("c.yaml", f"rules:\n  - name: n\n    given: {given}\n    holds: []\n")

    assert isinstance(found, list)
    assert str(found[0]).startswith("c.yaml:3:13: ")
    assert what in str(found[0])


@pytest.mark.parametrize("text", ["rules: [\n", "cases: []\n", "people:\n  - {name: n, roles: [boss], action: view, allowed: true}\n"])
def test_a_file_that_is_no_file_of_cases_is_told(text: str) -> None:
    assert isinstance(read_cases("c.yaml", text), list)


def test_a_decision_is_told_with_its_points_its_gates_and_what_another_policy_makes_of_it() -> None:
    rule = PolicyRule("busy", "dependents >= 2", RuleThen.ASK_TWO, "much rests on it")
    stage = Decide.from_state({}, DecideRules(configuration(policy=Policy(rules=(rule,)))))
    [decision] = records(stage.on_event(incident("service:store", Kind.SERVICE_DOWN), PLACE, at(0)), Decision)
    other = Policy(rules=(replace(rule, then=RuleThen.REFUSE), replace(rule, name="odd", when="labels.x == 'y'")))

    told = "\n".join(story_of(cast("Decision", decision), other))

    assert "decided     ask, 2 to approve: rules: busy: much rests on it" in told
    assert "+15.00   strategy: service_restart" in told
    assert "gate        rules says ask: busy: much rests on it" in told
    assert "this folder refuse, another verdict" in told
    assert "rule      busy holds: refuse, much rests on it" in told
    assert "rule      odd failed: KeyError" in told


def test_the_command_checks_a_file_of_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("HEALSTREAM_HOME", "HEALSTREAM_STATE", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    home = home_of({"HOME": str(tmp_path), **{name: str(tmp_path) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME")}}, "")
    init(home, "ada")
    (home.config / "policy" / "own.cedar").write_text(CEDAR, encoding="utf-8")
    (home.config / "policy" / "own.yaml").write_text(POLICY.partition("strategies:")[0], encoding="utf-8")
    cases = tmp_path / "cases.yaml"
    cases.write_text(CASES, encoding="utf-8")
    for text, code in ((CASES, 0), (CASES.replace("allowed: true", "allowed: false"), 8), ("rules: [", 8)):
        cases.write_text(text, encoding="utf-8")
        with pytest.raises(SystemExit) as ended:
            run(["policy", "test", str(cases)])
        assert ended.value.code == code
    with pytest.raises(SystemExit) as ended:
        run(["policy", "test", str(tmp_path / "nothing.yaml")])
    assert ended.value.code == 3
    told = capsys.readouterr()
    assert "6 cases are kept" in told.err
    assert "the lead approves in production: ada may approve on service:store" in told.out
