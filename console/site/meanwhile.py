"""What happened meanwhile to what a page of an old state still asks for: a decision, a freeze, a breaker; as the error that says so."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from console.readmodel import IncidentView
from console.site import views
from console.site.store import controls_in
from schemas.control_words import CIRCUIT_PREFIX, FREEZE_PREFIX
from schemas.decisions import AdmissionState, Decision
from schemas.errors import HealstreamError, NotFoundError, StaleError
from schemas.ids import id_of
from schemas.oversight import Control

_MEND = "Look at the page as it is now"
_ADMITTED = {
    AdmissionState.ADMITTED: "it was let go, and runs",
    AdmissionState.DENIED: "it was refused",
    AdmissionState.EXPIRED: "its time ran out",
    AdmissionState.SELF_HEALED: "the failure healed by itself",
    AdmissionState.QUEUED: "it waits for something else than people",
}


def no_longer_waits(base: sqlite3.Connection, decision: str, now: datetime) -> HealstreamError:
    """Return why a decision does not wait for people: what became of it, or that there is none."""
    ask = "SELECT id, incident FROM owners WHERE id >= ? AND id < ? LIMIT 2"
    found = base.execute(ask, (decision, f"{decision}\U0010ffff")).fetchall()
    if len(found) != 1:
        return NotFoundError(
            f"decision {decision[:64]}", "no such decision waits for people", "List them with `healstream approval list -o json`"
        )
    name, incident = found[0]
    _, view = views.incident_named(base, incident)
    said = [_approval(word) for word in controls_in(base, f"approval/{name}/")]
    return StaleError(f"decision {decision[:64]}", "; ".join([*said, _fate(view, name, now)]), _MEND)


def _approval(word: Control) -> str:
    is_yes = word.approval is not None and word.approval.approve
    return f"{word.by} said {'yes' if is_yes else 'no'} at {word.at:%H:%M:%S} UTC"


def _fate(view: IncidentView, name: str, now: datetime) -> str:
    final = view.final()
    if final is not None:
        return f"it ended {final.status.value.replace('_', ' ')} at {final.finished_at:%H:%M:%S} UTC"
    if id_of(view.decisions[-1]) != name:
        return "another decision took its place"
    return _door(view, view.decisions[-1], now)


def _door(view: IncidentView, decision: Decision, now: datetime) -> str:
    if now >= decision.expires_at:
        return f"it ran out at {decision.expires_at:%H:%M:%S} UTC"
    last = next((row for row in reversed(view.admissions) if row.decision_id == id_of(decision)), None)
    return _ADMITTED[last.state] if last else "the door has not looked at it yet"


def no_such_freeze(base: sqlite3.Connection, name: str, now: datetime) -> HealstreamError:
    """Return why a freeze cannot be ended: it is over, by whose word, or there is none."""
    found = controls_in(base, f"{FREEZE_PREFIX}{name}") if name else []
    freeze = found[0].freeze if len(found) == 1 else None
    if freeze is None:
        return NotFoundError(f"freeze {name[:64]}", "no freeze that is in force begins so", "List them with `healstream freeze list`")
    over = f"it ended at {freeze.until:%H:%M:%S} UTC, by the word of {found[0].by}"
    return StaleError(f"freeze {name[:64]}", over if freeze.until <= now else f"the word of {found[0].by} on it does not count", _MEND)


def no_such_breaker(base: sqlite3.Connection, name: str) -> HealstreamError:
    """Return why a breaker cannot be closed: it is closed already, by whose word or by itself."""
    word = next((one for one in controls_in(base, f"{CIRCUIT_PREFIX}{name}") if one.key == f"{CIRCUIT_PREFIX}{name}"), None)
    why = (
        f"{word.by} closed it at {word.at:%H:%M:%S} UTC"
        if word
        else "it counts no failure: a recovery healed, or there is none of that name"
    )
    return StaleError(f"breaker {name[:120]}", why, _MEND)
