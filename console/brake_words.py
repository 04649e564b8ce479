"""What people say to the brakes, signed: hands off a target, a breaker's reset, and their word on one incident; and what of it is in force.

Called by the commands ``freeze``, ``circuit``, ``incident`` and ``killswitch``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from console.readmodel import IncidentView, ReadModel
from console.words import Speaker
from schemas.control_words import (
    ACK_PREFIX,
    CIRCUIT_PREFIX,
    FREEZE_PREFIX,
    SWITCH_PREFIX,
    SwitchRow,
    switch_after,
    switch_covers,
    why_not_counted,
)
from schemas.decisions import Admission, AdmissionState, Decision, Oversight
from schemas.errors import NotFoundError
from schemas.ids import id_of
from schemas.oversight import Acknowledgement, CircuitReset, Control, Freeze, Override, SwitchMode
from schemas.people import People
from schemas.policy import Policy
from schemas.signing import sign
from schemas.windows import open_until
from streams.breakers import MAX_ROWS, Circuit, Failures, circuit_state
from streams.holds import SWITCHED
from streams.rows import Rows


@dataclass(frozen=True, slots=True)
class FreezeView:
    """One freeze that counts: its id and its newest word."""

    name: str
    word: Control
    freeze: Freeze


def freeze_of(name: str, freeze: Freeze, speaker: Speaker, at: datetime) -> Control:
    """Return the signed word that a target is to be left alone."""
    return sign(Control(f"{FREEZE_PREFIX}{name}", speaker.name, at, freeze=freeze), speaker.key)


def lifted_of(view: FreezeView, speaker: Speaker, at: datetime) -> Control:
    """Return the signed word that ends a freeze now."""
    return freeze_of(view.name, replace(view.freeze, until=at), speaker, at)


def reset_of(circuit: str, reason: str, speaker: Speaker, at: datetime) -> Control:
    """Return the signed word that what opened a breaker is mended."""
    return sign(Control(f"{CIRCUIT_PREFIX}{circuit}", speaker.name, at, circuit=CircuitReset(reason)), speaker.key)


def override_of(incident: str, override: Override, speaker: Speaker, at: datetime) -> Control:
    """Return the signed word of a person on one incident."""
    return sign(Control(f"override/{incident}/{override.nonce}", speaker.name, at, override=override), speaker.key)


def acknowledgement_of(incident: str, note: str, speaker: Speaker, at: datetime) -> Control:
    """Return the signed word of a person that they look after an incident."""
    return sign(Control(f"{ACK_PREFIX}{incident}/{speaker.name}", speaker.name, at, ack=Acknowledgement(note)), speaker.key)


def freezes_in(controls: Mapping[str, Control], people: People, now: datetime) -> list[FreezeView]:
    """Return the freezes that count and are not over, the one that ends first at the front."""
    words = (word for key, word in controls.items() if key.startswith(FREEZE_PREFIX) and why_not_counted(word, people) is None)
    found = [
        FreezeView(word.key.removeprefix(FREEZE_PREFIX), word, word.freeze) for word in words if word.freeze and now < word.freeze.until
    ]
    return sorted(found, key=lambda view: view.freeze.until)


def freeze_named(views: Sequence[FreezeView], name: str) -> FreezeView:
    """Return the freeze whose id begins so; raises NotFoundError unless there is exactly one."""
    found = [view for view in views if view.name.startswith(name)]
    if len(found) != 1:
        why = f"{len(found)} freezes begin so" if found else "no freeze that is in force begins so"
        raise NotFoundError(f"freeze {name}", why, "List them with `healstream freeze list`")
    return found[0]


def freeze_rows(views: Sequence[FreezeView], policy: Policy, now: datetime) -> list[dict[str, object]]:
    """Return people's freezes and the policy's windows that are open, as rows."""
    rows: list[dict[str, object]] = [
        {
            "id": view.name,
            "kind": "hands off",
            "what": view.freeze.target,
            "state": "in force" if view.freeze.from_at <= now else f"from {view.freeze.from_at.isoformat()}",
            "until": view.freeze.until.isoformat(),
            "by": view.word.by,
            "reason": view.freeze.reason,
        }
        for view in views
    ]
    for rule in policy.windows:
        until = open_until(rule, now)
        what = ", ".join((*rule.targets, *(f"team:{one}" for one in rule.teams), *(f"environment:{one}" for one in rule.environments)))
        if until is not None:
            row: dict[str, object] = {"id": rule.name, "kind": f"{rule.kind} window", "what": what or "everything", "state": "in force"}
            rows.append({**row, "until": until.isoformat(), "by": "policy", "reason": ""})
    return rows


def circuit_rows(entries: Mapping[str, str], policy: Policy, now: datetime) -> list[dict[str, object]]:
    """Return the breakers in admit's state that have counted a failure, the open ones first."""
    known = Rows(CIRCUIT_PREFIX, Failures, MAX_ROWS)
    known.load(entries)
    rows = [(circuit_state(name, row, policy, now), name, row) for name, row in known.items()]
    return [
        {
            "circuit": name,
            "state": state.name.lower(),
            "failures": row.count,
            "last_failure": row.last_at.isoformat(),
            "tried_by": row.probe if state is Circuit.HALF_OPEN else "",
        }
        for state, name, row in sorted(rows, key=lambda found: (-found[0], found[1]))
    ]


def switches_in(words: Iterable[Control], people: People, oversight: Oversight, now: datetime) -> dict[str, tuple[SwitchRow, Control]]:
    """Return the switches that are on by scope, with the word that engaged each: what admit and the executors go by."""
    rows: dict[str, tuple[SwitchRow, Control]] = {}
    for word in words:
        if word.killswitch is None or why_not_counted(word, people):
            continue
        scope = word.key.removeprefix(SWITCH_PREFIX)
        before = rows.get(scope)
        after = switch_after(before[0] if before else None, word, oversight, word.at)
        if after is None:
            rows.pop(scope, None)
        elif isinstance(after, SwitchRow):
            rows[scope] = (after, before[1] if before and after.released_at else word)
    return {scope: (row, word) for scope, (row, word) in rows.items() if row.is_on(now)}


def refused_rows(model: ReadModel, switches: Mapping[str, tuple[SwitchRow, Control]]) -> list[dict[str, object]]:
    """Return what a kill switch kept from going, and the runs that stand still by one now, the newest first."""
    rows: list[dict[str, object]] = []
    for name, view in model.newest_first():
        for decision in view.decisions:
            said = [row for row in view.admissions if row.decision_id == id_of(decision)]
            held = next((row for row in said if row.state is AdmissionState.QUEUED and row.reason.startswith(SWITCHED)), None)
            if held is not None:
                rows.append(_refused(name, decision, held, _now_of(said, view)))
            elif said and said[-1].state is AdmissionState.ADMITTED and not _has_ended(view, decision):
                rows += [
                    _refused(name, decision, said[-1], f"stands still at a safe point: {why}") for why in _halts(switches, decision)[:1]
                ]
    return rows


def _now_of(said: Sequence[Admission], view: IncidentView) -> str:
    last = said[-1]
    if last.state is AdmissionState.QUEUED:
        return "held" if last.reason.startswith(SWITCHED) and view.final() is None else f"waits: {last.reason}"
    final = view.final()
    went = f"went later, ended {final.status}" if final else "went later"
    return went if last.state is AdmissionState.ADMITTED else last.state.value


def _has_ended(view: IncidentView, decision: Decision) -> bool:
    return any(outcome.decision_id == id_of(decision) for outcome in view.outcomes)


def _halts(switches: Mapping[str, tuple[SwitchRow, Control]], decision: Decision) -> list[str]:
    return [
        f"halt of {scope} by {row.by}"
        for scope, (row, _) in switches.items()
        if row.mode is SwitchMode.HALT and switch_covers(scope, decision.scope, decision.target, decision.strategy)
    ]


def _refused(incident: str, decision: Decision, said: Admission, now: str) -> dict[str, object]:
    reason = said.reason if said.state is AdmissionState.QUEUED else "was admitted before"
    return {
        "at": said.at.isoformat(),
        "incident": incident,
        "target": decision.target,
        "strategy": decision.strategy,
        "reason": reason,
        "now": now,
        "decision": id_of(decision),
        "command": said.command_id or "",
    }
