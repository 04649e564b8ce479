"""Which words of people count, and what a release takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.control_words import SINGLE_OPERATOR_WAIT_S, SwitchRow, switch_after, why_not_counted
from schemas.decisions import Oversight
from schemas.oversight import Approval, Control, KillSwitch, Override, Rollout, RolloutLevel, SwitchMode
from schemas.people import People, Person, Role
from schemas.signing import public_text, sign

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = {name: Ed25519PrivateKey.generate() for name in ("olga", "amir", "vera")}
ROLES = {"olga": Role.OPERATOR, "amir": Role.APPROVER, "vera": Role.VIEWER}
PEOPLE = People(tuple(Person(name, frozenset({role}), public_text(KEYS[name])) for name, role in ROLES.items()))
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
