"""The kill switch as one deed for the command line and the page: the stop file first, then the word; it works with Kafka down too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from console.configuration import load_people, load_policy
from console.home import Home
from console.words import FLEET, Speaker, require_right, speaker_in, switch_of
from infra.adapters.launch import write_whole
from infra.stop_file import stop_mode
from schemas.authorization import Matter
from schemas.avro_codec import Codec
from schemas.control_words import SwitchRow
from schemas.decisions import Oversight
from schemas.errors import DeniedError, UnreachableError, UsageError
from schemas.oversight import Control, SwitchMode
from schemas.people import Right

_HERE = {SwitchMode.HALT: "are stopped", SwitchMode.DRAIN: "begin nothing new"}
Switches = Mapping[str, tuple[SwitchRow, Control]]
Say = Callable[[Control], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be stopped or let go on, how hard, and why."""

    scope: str
    mode: SwitchMode
    reason: str


def engage(place: Home, who: str, order: Order, say: Say) -> str:
    """Stop healing and return what was said; raises DeniedError, UsageError or UnreachableError."""
    speaker, control = checked_engagement(place, who, order)
    if order.scope == FLEET and order.mode is SwitchMode.HALT:
        # Empty, whatever it said before: an empty file halts, and a full disk takes one.
        place.stop_file.write_bytes(b"")
    try:
        say(control)
    except UnreachableError as error:
        raise _kept_for_later(place, order, control, error) from error
    return f"{order.mode} of {order.scope} is engaged by {speaker.name}; another person releases it with `healstream killswitch release`"


def checked_engagement(place: Home, who: str, order: Order) -> tuple[Speaker, Control]:
    """Return who stops healing and their signed word; raises DeniedError or UsageError, and changes nothing."""
    if order.mode is SwitchMode.OFF:
        raise UsageError("--mode", "off is a release", "Use `healstream killswitch release`")
    speaker = speaker_in(place.people, who)
    require_right(load_people(place.config), speaker, Right.ENGAGE_SWITCH, Matter(order.scope))
    return speaker, switch_of(order.scope, order.mode, order.reason, speaker, datetime.now(UTC))


def _kept_for_later(place: Home, order: Order, control: Control, error: UnreachableError) -> UnreachableError:
    write_whole(place.pending_word(control.key), Codec([Control]).encode(control))
    if order.scope == FLEET and not place.stop_file.exists():
        write_whole(place.stop_file, order.mode.value.encode())
    here = f"the executors of this host {_HERE[stop_mode(place.stop_file)]} by the stop file; " if place.stop_file.exists() else ""
    why = f"{error.why}; {here}other hosts hold no lease without Kafka"
    return UnreachableError(error.what, why, "The supervisor publishes the switch when it answers")


def release(place: Home, who: str, order: Order, switches: Callable[[], Switches], say: Say) -> str:
    """Let healing go on and return what was said: another person than the one who engaged it, and ``order.mode`` is off."""
    return release_by(checked_release(place, who, order, switches), place, order, say)


def release_by(speaker: Speaker, place: Home, order: Order, say: Say) -> str:
    """Let healing go on by the word of one who was checked; return what was said."""
    say(switch_of(order.scope, SwitchMode.OFF, order.reason, speaker, datetime.now(UTC)))
    if order.scope == FLEET:
        place.stop_file.unlink(missing_ok=True)
    return f"{order.scope} is released by {speaker.name}"


def checked_release(place: Home, who: str, order: Order, switches: Callable[[], Switches]) -> Speaker:
    """Return who lets healing go on; raises DeniedError, and changes nothing."""
    speaker = speaker_in(place.people, who)
    require_right(load_people(place.config), speaker, Right.RELEASE_SWITCH, Matter(order.scope))
    found = switches().get(order.scope)
    if found and found[0].by == speaker.name and load_policy(place.config).oversight is Oversight.TWO_PERSON:
        raise DeniedError(speaker.name, "who engaged a switch does not release it", "Ask another person")
    return speaker


def switch_rows(place: Home, switches: Switches) -> list[dict[str, object]]:
    """Return the switches that are on, and this host's stop file, as rows."""
    rows: list[dict[str, object]] = [
        {
            "scope": scope,
            "mode": row.mode.value,
            "by": row.by,
            "at": word.at.isoformat(),
            "reason": word.killswitch.reason if word.killswitch else "",
        }
        for scope, (row, word) in sorted(switches.items())
    ]
    here = stop_mode(place.stop_file)
    if here is not SwitchMode.OFF:
        rows.append({"scope": "this host", "mode": here.value, "by": "stop file", "at": "", "reason": ""})
    return rows
