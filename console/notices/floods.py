"""Storms of notices: so many go to a target one by one in a window, the others wait for its end and come as one summary.

window:  |a b c . . . . . . |S . . . . |        most = 3
letters:  a b c d e f g h        i          S stands for d..h, and i waits for the next window's end
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from console.notices.letters import Letter, summary
from console.notices.rules import Dialect, Severity, StormRule


@dataclass(frozen=True, slots=True)
class Flood:
    """What went to one target in the window that is open: how many, and whether more had to wait."""

    began_at: datetime
    count: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """What may go now, and which letters a summary among them replaces."""

    free: tuple[Letter, ...]
    replaced: tuple[str, ...]
    flood: Flood | None


def release(waiting: Sequence[Letter], flood: Flood | None, rule: StormRule, dialect: Dialect, now: datetime) -> Released:
    """Return what may go now of the letters that are due to one target; what is critical never waits for others."""
    urgent = tuple(replace(one, is_free=True) for one in waiting if one.severity is Severity.CRITICAL)
    others = [one for one in waiting if one.severity is not Severity.CRITICAL]
    if not others:
        return Released(urgent, (), flood)
    is_new = flood is None or now >= flood.began_at + rule.window
    has_overflowed = flood is not None and flood.is_over
    if is_new and len(others) > 1 and (has_overflowed or len(others) > rule.most):
        one = summary(others, dialect, now)
        return Released((*urgent, one), one.members, Flood(now, rule.most))
    open_now = Flood(now) if is_new or flood is None else flood
    room = max(0, rule.most - open_now.count)
    free = tuple(replace(one, is_free=True) for one in others[:room])
    return Released((*urgent, *free), (), replace(open_now, count=open_now.count + len(free), is_over=len(others) > room))
