"""Composition: each Faust stage of a worker with its door and the rules in force; called by ``streams/app.py``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import cast

from learning.patterns.loader import RESERVED_FILES
from learning.patterns.secret_hints import SecretHints
from schemas.avro_codec import Codec
from schemas.events import Event
from schemas.ids import Record
from schemas.outputs import Output, StageLogic
from streams.agents import Bound
from streams.binding import Incoming, traceparent_in
from streams.classify import Classify
from streams.decide import Decide
from streams.detect import Detect
from streams.doors import IngestDoor, PlainDoor
from streams.flow import Stage
from streams.learn import Learn
from streams.rules import FaustRules, Shipped
from streams.rules_in_force import RulesInForce

_DETECT, _CLASSIFY = "streams.detect.Detect", "streams.classify.Classify"


def shipped() -> Shipped:
    """Return what comes with the program."""
    folder = files("learning").joinpath("catalogue")
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name.endswith(".json")}
    patterns = {name: text for name, text in sorted(texts.items()) if name not in RESERVED_FILES}
    recorded = files("learning").joinpath("corpus")
    recordings = {path.name: path.read_bytes() for path in recorded.iterdir() if path.name.endswith(".xz")}
    return Shipped(patterns, texts["precedence.json"], texts["model.json"], texts["calibration.json"], recordings)


def _feed_detect(logic: StageLogic[Record], event: Record, incoming: Incoming, now: datetime) -> Sequence[Output]:
    # Detections are made later than their events, so detect keeps the trace itself.
    return cast("Detect", logic).on_event(cast("Event", event), incoming.place, now, traceparent_in(incoming.headers))


def bounds_of(stages: Sequence[Stage], force: RulesInForce, codec: Codec) -> list[Bound]:
    """Return the rows of one worker with their doors and rules; rows that read what only we write share a door."""
    plain = PlainDoor(codec)
    builds: dict[str, Callable[[Mapping[str, str]], object]] = {
        _DETECT: lambda entries: Detect.from_state(entries, force.current.detect),
        _CLASSIFY: lambda entries: Classify.from_state(entries, force.current.classify),
        "streams.decide.Decide": lambda entries: Decide.from_state(entries, force.current.decide),
        "streams.learn.Learn": lambda entries: Learn.from_state(entries, force.current.learn),
    }

    def generation() -> int:
        return force.number

    def bound_of(stage: Stage) -> Bound:
        # The door lets only records of the stage's own topics pass, so each logic sees what it is made for.
        build = cast("Callable[[Mapping[str, str]], StageLogic[Record]]", builds[stage.logic])
        if stage.logic != _DETECT:
            return Bound(stage, plain, build, codec, writes_later=True, generation=generation)
        door = IngestDoor(codec, lambda: force.current.detect.configuration.policy, stage.reads, SecretHints())
        return Bound(stage, door, build, codec, _feed_detect, writes_later=True, generation=generation)

    return [bound_of(stage) for stage in stages]


def make_ready(stages: Sequence[Stage], rules: FaustRules) -> None:
    """Make what the stages rest on, so that a defect in it is found before an event meets it; raises ConfigurationError."""
    if any(stage.logic == _DETECT for stage in stages):
        rules.matcher.make_ready()
    if any(stage.logic == _CLASSIFY for stage in stages):
        rules.recognizer()
