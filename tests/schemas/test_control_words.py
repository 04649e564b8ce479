"""Which words of people count, and what a release takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.authorization import Matter
from schemas.control_words import SINGLE_OPERATOR_WAIT_S, SwitchRow, switch_after, why_not_counted
from schemas.decisions import Oversight
from schemas.oversight import Approval, Control, Freeze, KillSwitch, Override, Rollout, RolloutLevel, SwitchMode
from schemas.people import People, Person, Role
from schemas.signing import public_text, sign

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = {name: Ed25519PrivateKey.generate() for name in ("olga", "amir", "vera")}
ROLES = {"olga": Role.OPERATOR, "amir": Role.APPROVER, "vera": Role.VIEWER}
PEOPLE = People(tuple(Person(name, frozenset({role}), public_text(KEYS[name])) for name, role in ROLES.items()))
FREEZE = Freeze("service:web", NOW, NOW + timedelta(hours=1), "a release")
HALT, OFF = KillSwitch(SwitchMode.HALT, "drill"), KillSwitch(SwitchMode.OFF, "over")


def word(by: str, **said: object) -> Control:
    return sign(Control(str(said.pop("key", "killswitch/fleet")), by, NOW, **said), KEYS[by])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("control", "why"),
    [
        (word("olga", killswitch=HALT), None),
        (word("vera", killswitch=HALT), "no right"),
        (word("vera", killswitch=OFF), "no right"),
        (Control("killswitch/fleet", "olga", NOW, killswitch=HALT), "not signed"),
        (word("amir", override=Override("n", cancel=True), key="override/i/n"), "no right"),
        (word("amir", rollout=Rollout(RolloutLevel.OBSERVE), key="rollout/rerun_job"), None),
        (word("vera", rollout=Rollout(RolloutLevel.OBSERVE), key="rollout/rerun_job"), "no right"),
        (word("olga", freeze=FREEZE, key="freeze/f"), None),
        (word("amir", freeze=FREEZE, key="freeze/f"), "no right to override"),
        (word("amir", approval=Approval("h", True, NOW, "n"), key="approval/d/amir"), None),
        (word("amir", approval=Approval("h", True, NOW, "n"), key="approval/d/olga"), "own person's name"),
    ],
)
def test_a_word_counts_by_its_signature_and_its_persons_rights(control: Control, why: str | None) -> None:
    found = why_not_counted(control, PEOPLE)
    assert found is None if why is None else why in str(found)


def test_two_people_release_a_switch_that_one_engaged() -> None:
    engaged = switch_after(None, word("olga", killswitch=HALT), Oversight.TWO_PERSON, NOW)
    assert engaged == SwitchRow(SwitchMode.HALT, "olga")
    assert "another person" in str(switch_after(engaged, word("olga", killswitch=OFF), Oversight.TWO_PERSON, NOW))
    assert switch_after(engaged, word("amir", killswitch=OFF), Oversight.TWO_PERSON, NOW) is None


def test_a_single_operators_release_waits() -> None:
    engaged = SwitchRow(SwitchMode.HALT, "olga")
    row = switch_after(engaged, word("olga", killswitch=OFF), Oversight.SINGLE_OPERATOR, NOW)
    assert isinstance(row, SwitchRow)
    assert row.is_on(NOW + timedelta(seconds=SINGLE_OPERATOR_WAIT_S - 1))
    assert not row.is_on(NOW + timedelta(seconds=SINGLE_OPERATOR_WAIT_S))


ON_WEB, ON_STORE = Matter("service:web", "shop", "production"), Matter("service:store", "store", "production")
SHOP_ONLY = """
permit (principal == Person::"vera", action in [Action::"approve", Action::"override"], resource) when { resource.team == "shop" };
permit (principal == Person::"vera", action == Action::"engage_switch", resource) when { resource.name == "shop" };
permit (principal == Person::"vera", action == Action::"engage_switch", resource) when { resource.strategy == "rerun_job" };
"""


def test_a_yes_and_an_override_count_first_anywhere_and_then_on_their_target() -> None:
    people = replace(PEOPLE, rules=SHOP_ONLY)
    for said in (
        word("vera", approval=Approval("h", True, NOW, "n"), key="approval/d/vera"),
        word("vera", override=Override("n", cancel=True), key="override/i/n"),
    ):
        assert why_not_counted(said, people) is None
        assert why_not_counted(said, people, ON_WEB) is None
        assert "on service:store" in str(why_not_counted(said, people, ON_STORE))


def test_a_switch_and_a_level_are_judged_by_the_scope_and_strategy_that_they_name() -> None:
    people = replace(PEOPLE, rules=SHOP_ONLY)
    observe = Rollout(RolloutLevel.OBSERVE)

    assert why_not_counted(word("vera", killswitch=HALT, key="killswitch/group:shop"), people) is None
    assert why_not_counted(word("vera", killswitch=HALT), people) is not None
    assert why_not_counted(word("vera", rollout=observe, key="rollout/rerun_job"), people) is None
    assert why_not_counted(word("vera", rollout=observe, key="rollout/service_restart"), people) is not None
