"""Rules, times and shares in the files of ``policy/``: what is read, and where a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.configuration import Files, configuration_of
from schemas.configuration import Configuration, Keys, policy_body
from schemas.oversight import RolloutLevel
from schemas.policy import Policy, PolicyRule, RuleThen, StrategyPolicy
from schemas.services import Environment

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"
SERVICE = "services:\n  - {name: web, group: shop, argv: [run], cwd: /srv, pid_file: /run/web"


def read(**texts: str) -> Configuration | list[str]:
    files = Files({"healstream.yaml": "version: 1\n", **{name.replace("__", "/") + ".yaml": text for name, text in texts.items()}}, {})
    found = configuration_of(files, Keys())
    return found if isinstance(found, Configuration) else [str(problem) for problem in found]


def policy_of(text: str) -> Policy:
    found = read(policy__own=text)
    assert isinstance(found, Configuration), found
    assert policy_body(found.policy)
    return found.policy


def rule_file(when: str, then: str = "refuse", name: str = "r") -> str:
    return f"rules:\n  - name: {name}\n    when: {when}\n    then: {then}\n    reason: because\n"


def test_rules_are_read_in_their_order_with_what_follows() -> None:
    found = policy_of(rule_file("complete") + "  - {name: n, when: 'risk > 1.0', then: {risk: 7.5}, reason: why}\n")

    assert found.rules == (
        PolicyRule("r", "complete", RuleThen.REFUSE, "because"),
        PolicyRule("n", "risk > 1.0", RuleThen.RISK, "why", 7.5),
    )


@pytest.mark.parametrize("then", [then for then in RuleThen if then is not RuleThen.RISK])
def test_every_word_of_a_rule_is_read(then: RuleThen) -> None:
    assert policy_of(rule_file("complete", then)).rules[0].then is then


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (rule_file("risk >"), "3:17", "this is no CEL"),
        (rule_file("complete && colour == 'red'"), "3:23", "there is no colour"),
        (rule_file("'colour == 1'"), "3:12", "there is no colour"),
        (rule_file("\"kind == 'nope'\""), "3:20", "kind is never 'nope'"),
        (rule_file("|\n      complete &&\n        colour == 1"), "5:3", "there is no colour"),
        (rule_file(">\n      complete &&\n      colour == 1"), "3:11", "there is no colour"),
        ("rules:\n  - {name: r, when: colour == 1, then: ask, reason: w}\n", "2:21", "there is no colour"),
        (rule_file("complete", "heal"), "4:5", "refuse"),
        (rule_file("complete", "{risk: -5}"), "4:5", "greater than 0"),
        (rule_file("complete", "risk"), "4:5", "refuse"),
        ("rules:\n  - {name: r, when: complete, then: ask}\n", "2:5", "reason"),
        (rule_file("complete") + "  - {name: r, when: complete, then: ask, reason: w}\n", "6:6", "r is there twice"),
        ("zone: Mars/Olympus\n", "1:1", "no time zone Mars/Olympus"),
        ("office_from_hour: 20\n", "1:1", "office_from_hour <= office_until_hour"),
        ("critical_from: 97\n", "1:1", "critical_from <= never_from"),
        ("never_from: 80\n", "1:1", "critical_from <= never_from"),
        ("demote_window: 5\n", "1:1", "greater than or equal to 10"),
        ("strategies:\n  - {strategy: rerun_job, level: canary, canary_share: 1.0}\n", "2:42", "less than 1"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, place: str, what: str) -> None:
    problems = read(policy__own=text)

    assert isinstance(problems, list)
    assert any(problem.startswith(f"policy/own.yaml:{place}: ") and what in problem for problem in problems), problems


def test_times_thresholds_and_shares_are_policy() -> None:
    found = policy_of(
        "zone: Europe/Berlin\noffice_from_hour: 7\noffice_until_hour: 24\nnight_risk: 5\nweekend_risk: 0\nnever_from: 90\n"
        "demote_below: 0.6\ndemote_window: 30\nstrategies:\n  - {strategy: rerun_job, level: canary, canary_share: 0.25}\n"
    )

    assert (found.zone, found.office_from_hour, found.night_risk, found.never_from) == ("Europe/Berlin", 7, 5, 90)
    assert (found.demote_below, found.demote_window) == (0.6, 30)
    assert found.strategies == (StrategyPolicy("rerun_job", RolloutLevel.CANARY, canary_share=0.25),)


def test_a_service_has_an_environment_a_team_and_labels() -> None:
    plain, named = read(services=SERVICE + "}\n"), read(services=SERVICE + ", environment: test, team: shop, labels: {data: orders}}\n")

    assert isinstance(plain, Configuration)
    assert (plain.services.services[0].environment, plain.services.services[0].team) == (Environment.PRODUCTION, "")
    assert isinstance(named, Configuration)
    spec = named.services.services[0]
    assert (spec.environment, spec.team, spec.labels) == (Environment.TEST, "shop", (("data", "orders"),))
    for wrong in ("environment: live", "team: 'a b'", "labels: {data: [a]}"):
        problems = read(services=f"{SERVICE}, {wrong}}}\n")
        assert isinstance(problems, list)
        assert problems[0].startswith("services.yaml:2:")
