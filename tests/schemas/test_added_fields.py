"""A field that a signed record got later: what was signed before it still counts, and it can be neither added nor taken away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from schemas.canonical import canonical_json
from schemas.ids import micros
from schemas.oversight import CircuitReset, Control, KillSwitch, SwitchMode
from schemas.signing import is_signed_by, private_key_from, public_text, sign, sign_bytes

KEY = private_key_from(bytes(range(32)))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_word_that_was_signed_before_the_field_was_there_still_counts() -> None:
    fields = {"key": "killswitch/fleet", "by": "ada", "at": micros(NOW), "killswitch": {"mode": "halt", "reason": "drill"}}
    empty = {"approval": None, "freeze": None, "rollout": None, "override": None}
    signature = sign_bytes(canonical_json(["Control", {**fields, **empty}]), KEY)
    word = Control("killswitch/fleet", "ada", NOW, killswitch=KillSwitch(SwitchMode.HALT, "drill"), signature=signature)
    assert is_signed_by(word, public_text(KEY))


def test_a_field_that_was_added_to_or_taken_from_a_signed_word_is_noticed() -> None:
    bare = sign(Control("circuit/target/service:web", "ada", NOW), KEY)
    full = sign(replace(bare, circuit=CircuitReset("mended")), KEY)
    assert is_signed_by(full, public_text(KEY))
    assert not is_signed_by(replace(bare, circuit=CircuitReset("mended")), public_text(KEY))
    assert not is_signed_by(replace(full, circuit=None), public_text(KEY))
    assert not is_signed_by(replace(full, circuit=CircuitReset("other")), public_text(KEY))
