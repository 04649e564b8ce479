"""The map: every stage as a row of data, in the order an event passes them; next stop ``streams/ingest.py``.

``docs/flow.md`` is rendered from it, ``streams/app.py`` binds the rows of its loop, and a test holds page and rows equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Loop(StrEnum):
    """The loop that carries a stage."""

    FAUST = "Faust"
    FENCED = "fenced"


class Role(StrEnum):
    """Which rows one Faust worker carries."""

    DETECT = "detect"
    MIDDLE = "middle"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: the topics it reads, the class that decides, the topics it writes, what its state is keyed by, and its loop."""

    name: str
    reads: tuple[str, ...]
    logic: str
    writes: tuple[str, ...]
    key: str
    loop: Loop

    @property
    def state_topic(self) -> str:
        """The compacted topic with the stage's entries."""
        return f"heal.state.{self.name}"


_DETECTED = ("heal.detections", "heal.side", "heal.deadletter")

FLOW: tuple[Stage, ...] = (
    Stage("detect-runs", ("ci.logs", "ci.events"), "streams.detect.Detect", _DETECTED, "source/project/run_id", Loop.FAUST),
    Stage("detect-targets", ("infra.metrics", "infra.health", "infra.alerts"), "streams.detect.Detect", _DETECTED, "target", Loop.FAUST),
    Stage(
        "classify",
        ("heal.detections", "heal.admissions", "recovery.outcomes", "heal.control"),
        "streams.classify.Classify",
        ("heal.incidents", "heal.demotions", "heal.audit.entries"),
        "scope",
        Loop.FAUST,
    ),
    Stage(
        "decide",
        ("heal.incidents", "heal.admissions", "recovery.outcomes", "heal.control"),
        "streams.decide.Decide",
        ("heal.decisions", "heal.audit.entries"),
        "incident",
        Loop.FAUST,
    ),
    Stage(
        "admit",
        ("heal.decisions", "heal.control", "recovery.outcomes", "heal.incidents", "heal.detections"),
        "streams.admit.Admit",
        ("recovery.commands", "heal.admissions", "heal.lease", "heal.control", "recovery.outcomes", "heal.audit.entries"),
        "decision",
        Loop.FENCED,
    ),
    Stage(
        "execute",
        ("recovery.commands", "heal.lease", "heal.control"),
        "recoverers.execute",
        ("recovery.journal", "recovery.outcomes", "heal.audit.entries"),
        "scope",
        Loop.FENCED,
    ),
    Stage(
        "learn",
        ("recovery.outcomes", "heal.decisions", "heal.incidents", "learning.feedback", "learning.models"),
        "streams.learn.Learn",
        ("learning.feedback", "learning.models", "heal.audit.entries"),
        "incident",
        Loop.FAUST,
    ),
    Stage("notary", ("heal.audit.entries",), "streams.notary.Notary", ("heal.audit",), "chain", Loop.FENCED),
)


def stages_of(role: Role) -> tuple[Stage, ...]:
    """Return the rows that a Faust worker of this role carries."""
    carried = tuple(stage for stage in FLOW if stage.loop is Loop.FAUST)
    if role is Role.ALL:
        return carried
    return tuple(stage for stage in carried if stage.name.startswith("detect-") is (role is Role.DETECT))


def topics_of(stages: tuple[Stage, ...]) -> tuple[str, ...]:
    """Return each topic that the stages read, write or keep their state in, once."""
    named = [topic for stage in stages for topic in (*stage.reads, *stage.writes, stage.state_topic)]
    return tuple(dict.fromkeys((*named, "heal.deadletter")))


def render_drawing(flow: tuple[Stage, ...]) -> str:
    """Return the flow as a mermaid drawing: boxes are stages, rounded boxes topics."""
    topics = dict.fromkeys(topic for stage in flow for topic in (*stage.reads, *stage.writes))
    lines = ["flowchart LR"]
    lines += [f"    {_node(topic)}([{topic}])" for topic in topics]
    lines += [f"    {_node(stage.name)}[{stage.name}]" for stage in flow]
    for stage in flow:
        lines += [f"    {_node(topic)} --> {_node(stage.name)}" for topic in stage.reads]
        lines += [f"    {_node(stage.name)} --> {_node(topic)}" for topic in stage.writes]
    return "\n".join(lines)


def render(flow: tuple[Stage, ...]) -> str:
    """Return the page ``docs/flow.md``: the drawing, then one line per stage."""
    rows = [
        f"| {stage.name} | {_listed(stage.reads)} | `{stage.logic}` | {_listed(stage.writes)} | {stage.key} | {stage.loop} |"
        for stage in flow
    ]
    return "\n".join(
        [
            "# The flow",
            "",
            "Rendered from `streams/flow.py`; change it there and run `python -m streams.flow > docs/flow.md`.",
            "",
            "```mermaid",
            render_drawing(flow),
            "```",
            "",
            "| stage | reads | logic | writes | state by | loop |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _node(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _listed(topics: tuple[str, ...]) -> str:
    return ", ".join(f"`{topic}`" for topic in topics)


if __name__ == "__main__":
    print(render(FLOW), end="")  # noqa: T201 - the page goes to standard output
