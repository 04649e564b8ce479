"""The targets of the catalogue as people see them: whose, healing on or off, and the strategies that decide would choose among."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.configuration import Files, configuration_of
from console.targets import target_card, target_named, target_row, target_story, targets_of
from schemas.configuration import Configuration, Keys
from schemas.errors import NotFoundError
from schemas.oversight import RolloutLevel
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Environment, UpstreamSpec
from tests.console.test_target_shapes import CI, DISK, LOCK
from tests.support.failures import SHOP, configuration


def catalogue() -> Configuration:
    found = configuration_of(Files({"healstream.yaml": "", "services.yaml": f"{CI}disks:\n{DISK}lockfiles:\n{LOCK}"}, {}), Keys())
    assert isinstance(found, Configuration)
    return found


def owned() -> Configuration:
    web = replace(SHOP.services[2], team="blue", environment=Environment.TEST, probes=(ProbeSpec("alive", ProbeKind.PROCESS, ""),))
    registry = UpstreamSpec("registry", ("registry.example",), (ProbeSpec("answers", ProbeKind.HTTP, "https://registry.example"),))
    known = configuration(RolloutLevel.CANARY)
    return replace(known, services=replace(SHOP, services=(*SHOP.services[:2], web, SHOP.services[3]), upstreams=(registry,)))


def test_everything_in_the_catalogue_is_a_target_and_a_project_stands_for_its_jobs() -> None:
    assert targets_of(catalogue().services) == ["disk:db-1:/srv/db", "repo:shop", "job:github/acme/shop/*"]
    assert targets_of(owned().services)[2:] == ["service:web", "service:frozen", "config:web.yaml:web.yaml", "upstream:registry"]


@pytest.mark.parametrize(
    ("target", "scope", "team", "environment", "healing"),
    [
        ("service:web", "group:shop", "blue", "test", "on"),
        ("config:web.yaml:web.yaml", "group:shop", "blue", "test", "on"),
        ("service:frozen", "group:shop", "", "production", "off"),
        ("upstream:registry", "upstream:registry", "", "", "on"),
    ],
)
def test_a_line_says_whose_it_is_and_whether_it_is_healed(target: str, scope: str, team: str, environment: str, healing: str) -> None:
    row = target_row(owned(), target)
    assert (row["scope"], row["team"], row["environment"], row["healing"]) == (scope, team, environment, healing)


def test_the_strategies_stand_by_kind_with_the_level_that_the_policy_gives_them() -> None:
    known = owned()
    assert "service_restart=canary" in str(target_row(known, "service:web")["strategies"])
    by_kind = target_card(known, "service:web")["strategies"]
    assert isinstance(by_kind, dict)
    heals = next(card.heals for card in known.cards if card.name == "service_restart")
    assert set(by_kind) >= set(heals)
    assert all(rows[0]["level"] == "canary" for kind, rows in by_kind.items() if kind in heals)


def test_a_job_of_a_known_repository_shows_what_may_be_done_there_too() -> None:
    known = catalogue()
    there = {card.name for card in known.cards if card.targets == frozenset({"repo"})}
    named = str(target_row(known, "job:github/acme/shop/*")["strategies"])
    assert there
    assert all(f"{name}=observe" in named for name in (*there, "rerun_job"))


def test_a_strategy_that_the_policy_keeps_to_other_targets_is_left_out_and_said() -> None:
    known = configuration(targets=("service:api",))
    assert target_card(known, "service:web")["left_out"] == ["service_restart"]
    assert "service_restart" not in str(target_row(known, "service:web")["strategies"])
    assert "service_restart heals such targets, but the policy names others for it." in list(target_story(known, "service:web"))
    assert target_card(known, "service:api")["left_out"] == []


def test_a_target_is_explained_in_words() -> None:
    first, healing, looked, *kinds = target_story(owned(), "service:web")
    assert first == "service:web: conflicts are judged by group:shop; it belongs to blue in test."
    assert (healing, looked) == ("Healing is on.", "It is looked at by alive (process).")
    assert any(line.endswith(": service_restart (canary)") for line in kinds)
    assert "It is looked at by answers (http)." in list(target_story(owned(), "upstream:registry"))
    assert any("switched off" in line for line in target_story(owned(), "service:frozen"))


def test_a_target_is_named_whole_or_by_a_beginning_that_only_it_has() -> None:
    assert target_named(SHOP, "service:web") == "service:web"
    assert target_named(SHOP, "config:") == "config:web.yaml:web.yaml"
    for text, why in (("service:", "4 targets begin so"), ("service:webb", "nothing of that name"), ("", "nothing of that name")):
        with pytest.raises(NotFoundError, match=why):
            target_named(SHOP, text)
