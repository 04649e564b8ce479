"""What is measured without the help of what is measured: folds by project, one CI system, one language, one tool family left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from learning.calibration import CalibrationError, Example, fit
from learning.classification import Recognizer, tools_of
from tests.accuracy.asking import Asked
from tests.accuracy.scores import Judged
from tests.accuracy.splits import Labelled

FOLDS = 5
# A group of fewer named failures says nothing by itself; its logs stay in the whole.
LEAST_LOGS = 5


def fold_of(row: Labelled) -> str:
    """Return the fold of a log's project; a project is in one fold only."""
    return str(blake2b(row.project.encode(), digest_size=4).digest()[0] % FOLDS)


def recalibrated(asked: Sequence[Asked], group: Callable[[Labelled], str], recognizer: Recognizer) -> list[Judged]:
    """Judge each group with a confidence and an acting threshold that were fitted on the other groups alone.

    A group that nothing else is left to fit on is left out. Patterns are no part of it: they were not made from any one group.
    """
    said = [(group(one.row), one, one.judge(recognizer)) for one in asked]
    found: list[Judged] = []
    for name in sorted({name for name, _, _ in said}):
        others = [Example(judged.said.factors, judged.is_right) for other, _, judged in said if other != name and judged.said.factors]
        try:
            calibration = fit(others, recognizer.calibration.act_threshold)
        except CalibrationError:
            continue
        without = replace(recognizer, calibration=calibration)
        found += [one.judge(without) for other, one, _ in said if other == name]
    return found


@dataclass(frozen=True, slots=True)
class ToolLeftOut:
    """The logs that a tool's own patterns decide, judged as if nobody had written these patterns."""

    tool: str
    judged: tuple[Judged, ...]
    guesses_right: int
    guesses: int


def tools_left_out(asked: Sequence[Asked], recognizer: Recognizer) -> Iterator[ToolLeftOut]:
    """Yield each tool that decides logs of a split; ``guesses`` are the classifier's likeliest kinds where it then abstains."""
    tools = tools_of(recognizer)
    by_tool: dict[str, list[Asked]] = {}
    for one in asked:
        decided = one.judge(recognizer).said.pattern
        if decided and tools[decided]:
            by_tool.setdefault(tools[decided], []).append(one)
    for tool, ones in sorted(by_tool.items()):
        own = {pattern for pattern, of in tools.items() if of == tool}
        judged = tuple(replace(one, read=one.read.without(own.__contains__)).judge(recognizer) for one in ones)
        guessed = [row for row in judged if row.said.abstained and row.said.alternatives]
        right = sum(row.said.alternatives[0][0] is row.kind for row in guessed)
        yield ToolLeftOut(tool, judged, right, len(guessed))
