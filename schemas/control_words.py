"""Which words on ``heal.control`` count: signed by a person of ``people.yaml`` who has the right, and when a release of a switch holds.

Pure; admit keeps its book by it and the executors judge every switch by it, so that no two disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.authorization import Matter
from schemas.decisions import Oversight
from schemas.oversight import Control, SwitchMode
from schemas.people import People, Right
from schemas.signing import is_said_by

# With one operator only, a release waits this long after it was typed, so that a slip can be taken back.
SINGLE_OPERATOR_WAIT_S = 60.0
SWITCH_PREFIX = "killswitch/"
ROLLOUT_PREFIX = "rollout/"
# What people say of a decision or an incident, whose target not every reader of the word knows.
HANGS_ON_TARGET = frozenset({Right.APPROVE, Right.OVERRIDE})


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A switch: who engaged it and how hard; a release that must wait counts from ``released_at`` on."""

    mode: SwitchMode
    by: str
    released_at: datetime | None = None

    def is_on(self, now: datetime) -> bool:
        """Tell whether it stops anything now."""
        return self.released_at is None or now < self.released_at


def right_for(control: Control) -> Right:
    """Return the right that saying this word takes."""
    if control.killswitch is not None:
        return Right.RELEASE_SWITCH if control.killswitch.mode is SwitchMode.OFF else Right.ENGAGE_SWITCH
    if control.rollout is not None:
        # A level can only be lowered so: whoever may stop everything may stop one strategy.
        return Right.ENGAGE_SWITCH
    return Right.APPROVE if control.approval is not None else Right.OVERRIDE


def why_not_counted(control: Control, people: People, about: Matter | None = None) -> str | None:
    """Return why a word does not count, None when it does.

    A yes and an override name a decision or an incident: who keeps them only asks whether the person may say so of anything, and
    whoever knows the target asks again with ``about``.
    """
    if not is_said_by(control, control.by, people):
        return "not signed by a person of people.yaml"
    right = right_for(control)
    if not _is_allowed(control, people, right, about):
        where = f" on {about.target}" if about else ""
        return f"{control.by} has no right to {right}{where}"
    if (control.approval is not None or control.ack is not None) and control.key.rpartition("/")[2] != control.by:
        return "such a word stands under its own person's name"
    return _why_misplaced(control)


def _why_misplaced(control: Control) -> str | None:
    """Return why a word does not stand under its key: on a compacted topic it would hide the word that belongs there."""
    said = {name: getattr(control, name) is not None for name in _KINDS}
    kind = control.key.partition("/")[0]
    return None if sum(said.values()) == 1 and said.get(kind) else f"a word under {kind}/ holds a {kind} and nothing else"


# The first part of a word's key is the name of its one value.
_KINDS = ("approval", "killswitch", "freeze", "rollout", "override", "circuit", "ack")
FREEZE_PREFIX, CIRCUIT_PREFIX, ACK_PREFIX = "freeze/", "circuit/", "ack/"
FLEET = "fleet"


def switch_covers(switched: str, scope: str, target: str, strategy: str) -> bool:
    """Tell whether a switch reaches a command: by the whole fleet, its scope, its target or its strategy."""
    return switched in {FLEET, scope, target, f"strategy:{strategy}"}


def _is_allowed(control: Control, people: People, right: Right, about: Matter | None) -> bool:
    if about is None and right in HANGS_ON_TARGET and control.freeze is None:
        return people.may_somewhere(control.by, right)
    return people.may(control.by, right, about or _matter_in(control))


def _matter_in(control: Control) -> Matter:
    if control.freeze is not None:
        return Matter(control.freeze.target)
    if control.rollout is not None:
        return Matter(strategy=control.key.removeprefix(ROLLOUT_PREFIX))
    return Matter(control.key.removeprefix(SWITCH_PREFIX))


def switch_after(engaged: SwitchRow | None, control: Control, oversight: Oversight, now: datetime) -> SwitchRow | str | None:
    """Return a switch as it stands after a counted word: its row, None when it is off, or why a release does not count."""
    mode = control.killswitch.mode if control.killswitch else SwitchMode.OFF
    if mode is SwitchMode.DRAIN and engaged is not None and engaged.mode is SwitchMode.HALT and engaged.by == control.by:
        return "a drain is weaker than the halt that is on: that takes another person than the one who engaged it"
    if mode is not SwitchMode.OFF:
        return SwitchRow(mode, control.by)
    if engaged is not None and oversight is Oversight.TWO_PERSON and engaged.by == control.by:
        return "releasing takes another person than the one who engaged it"
    if engaged is not None and oversight is Oversight.SINGLE_OPERATOR:
        return SwitchRow(engaged.mode, engaged.by, now + timedelta(seconds=SINGLE_OPERATOR_WAIT_S))
    return None
