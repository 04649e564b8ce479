"""A third party's strategy: found by its entry points, published with the configuration, chosen by decide, carried out by the executor."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from console.configuration import Files, configuration_of, load_configuration, load_policy
from console.plugins import GROUP, known_cards
from console.publish import entries_of
from recoverers.execute import drive
from recoverers.journal import RunState, fold
from recoverers.perform import accept
from recoverers.recipes.table import ENTRY_POINTS
from recoverers.terms import Terms
from schemas.card_bodies import cards_body, cards_from, what_is_wrong
from schemas.catalogue import CARDS, card_named
from schemas.configuration import Configuration, Keys, configuration_from
from schemas.decisions import Mode, Oversight, plan_hash_of
from schemas.errors import ConfigurationError
from schemas.incidents import Incident
from schemas.recoveries import OutcomeStatus
from schemas.services import Services
from schemas.signing import private_key_from, public_text
from schemas.strategy_card import StrategyCard
from schemas.vocabulary import Kind
from streams.healing_history import HealingHistory
from streams.strategy_choice import Asked, choose_strategy
from tests.support.fakes import START, FakeHands
from tests.support.memory_world import SHOP
from tests.support.runs import Sandbox, command, outcomes, service

PLUGIN = Path(__file__).parents[1] / "plugin"
POLICY = "strategies:\n  - {strategy: marker_clear, level: automatic}\n"
KEY = private_key_from(b"publisher".ljust(32, b"."))
OTHER = replace(CARDS[0], name="marker_clear", heals=frozenset({Kind.SERVICE_DEGRADED}), bounds=(("most", 3), ("words", ("a", "b"))))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))


def plugin_package(place: Path, card: str) -> Path:
    """Write a package whose card is the expression."""
    (place / "broken_marker-1.0.dist-info").mkdir(parents=True)
    (place / "broken_marker-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: broken-marker\nVersion: 1.0\n", encoding="utf-8"
    )
    (place / "broken_marker-1.0.dist-info/entry_points.txt").write_text(f"[{GROUP}]\nbroken = broken_marker:CARD\n", encoding="utf-8")
    (place / "broken_marker.py").write_text(
        f"from dataclasses import replace\nfrom schemas.catalogue import CARDS\nCARD = {card}\n", encoding="utf-8"
    )
    return place


def test_without_packages_there_are_only_our_cards() -> None:
    assert known_cards() == CARDS
    assert cards_from(cards_body(CARDS)) == CARDS
    assert cards_from("") == CARDS


@pytest.mark.usefixtures("installed")
def test_a_third_partys_card_is_found_published_and_chosen_by_decide() -> None:
    found = configuration_of(Files({"healstream.yaml": "", "policy/own.yaml": POLICY}, {}), Keys(), known_cards())
    assert isinstance(found, Configuration)
    assert [card.name for card in found.cards][-1] == "marker_clear"

    # A worker has nothing but the signed entries.
    entries = entries_of(replace(found, services=SHOP), KEY, START)
    read = configuration_from(entries, public_text(KEY))
    assert isinstance(read, Configuration)
    assert read.cards == found.cards

    incident = Incident(("x",), Kind.SERVICE_DEGRADED, "runtime", 0.99, "f", "service:web", "group:shop", "high", True, START, START)  # type: ignore[arg-type]
    choice = choose_strategy(read, incident, Asked("x", 1, START), HealingHistory({}, read))
    assert choice is not None
    assert (choice.card.name, choice.parameters) == ("marker_clear", (("service", "web"),))


def test_a_policy_that_names_a_strategy_that_is_not_installed_is_refused_and_says_which_are() -> None:
    found = configuration_of(Files({"healstream.yaml": "", "policy/own.yaml": POLICY}, {}), Keys(), known_cards())
    assert isinstance(found, list)
    assert "marker_clear is no strategy" in str(found[0])


@pytest.mark.usefixtures("installed")
def test_its_recipe_is_carried_out_by_the_executor_and_taken_back(tmp_path: Path) -> None:
    spec = replace(service("web"), cwd=str(tmp_path))
    (tmp_path / "stale.marker").write_text("pid 7", encoding="utf-8")
    services, sandbox = Services(services=(spec,)), Sandbox.for_recipe("rerun_job")
    point = next(iter(entry_points(group=ENTRY_POINTS, name="marker_clear")))
    made = sandbox.recipes(services, (point.load(),))
    card = card_named(known_cards(), "marker_clear")
    assert card is not None
    order = replace(
        command("service_restart", "service:web"),
        strategy=card.name,
        bounds=card.bounds,
        deadline_s=card.deadline_s,
        plan_hash=plan_hash_of(card.name, 1, "service:web", (), card.bounds),
    )

    def run(incident: str) -> OutcomeStatus:
        hands, terms = FakeHands(), Terms(made[card.name], card, 1.0)
        state = RunState(replace(order, incident_id=incident, decision_id=incident, mode=Mode.RUN))
        drive(fold(state, accept(state, terms, hands)), terms, hands)
        return outcomes(hands)[0].status

    sandbox.silent.add("web-http")
    assert run("first") is OutcomeStatus.ROLLED_BACK
    assert [path.name for path in tmp_path.iterdir()] == ["stale.marker"]
    sandbox.silent.clear()
    assert run("second") is OutcomeStatus.HEALED
    assert not (tmp_path / "stale.marker").exists()


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ("replace(CARDS[0])", "shipped"),
        ("replace(CARDS[0], name='own', factors=('one', 'one'))", "two factors"),
        ("replace(CARDS[0], name='own', base_risk=-5.0)", "base_risk"),
        ("'a text'", "no StrategyCard"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_card_that_cannot_be_used_says_whose_it_is_and_publishes_nothing(
    card: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(plugin_package(tmp_path / why.replace(" ", "-"), card)))
    monkeypatch.delitem(sys.modules, "broken_marker", raising=False)
    with pytest.raises(ConfigurationError) as said:
        known_cards()
    assert why in said.value.why
    assert "broken-marker 1.0" in said.value.what
    assert said.value.mend


def test_whoever_stops_healing_does_not_hang_on_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(plugin_package(tmp_path / "broken", "1 / 0")))
    monkeypatch.delitem(sys.modules, "broken_marker", raising=False)
    (tmp_path / "policy").mkdir()
    (tmp_path / "healstream.yaml").write_text("oversight: single_operator\n", encoding="utf-8")
    (tmp_path / "policy/own.yaml").write_text(POLICY, encoding="utf-8")
    assert load_policy(tmp_path).oversight is Oversight.SINGLE_OPERATOR
    with pytest.raises(ConfigurationError):
        load_configuration(tmp_path, tmp_path, Keys())


WRONG: tuple[Callable[[StrategyCard], StrategyCard], ...] = (
    lambda card: replace(card, name="service_restart"),
    lambda card: replace(card, name="../evil"),
    lambda card: replace(card, heals=frozenset({Kind.COMPILE_ERROR})),
    lambda card: replace(card, heals=frozenset()),
    lambda card: replace(card, targets=frozenset()),
    lambda card: replace(card, minimum_confidence=0.0),
    lambda card: replace(card, deadline_s=0.0),
)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_worker_leaves_out_a_published_card_that_cannot_be_used(wrong: Callable[[StrategyCard], StrategyCard]) -> None:
    assert what_is_wrong(OTHER) == ""
    assert cards_from(cards_body([OTHER])) == (*CARDS, OTHER)
    assert what_is_wrong(wrong(OTHER))
    assert cards_from(cards_body([wrong(OTHER)])) == CARDS
