"""What a recipe answers, held to its shape and size: what does not fit raises, and so is the recipe's failure and not the executor's.

Called inside attempts by every file that asks a recipe; a journal's record has at most a megabyte, and all of this is kept there.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

from recoverers.ports import Answer, Facts, Found
from schemas.attempts import StepResult, StepStatus

MAX_LETTERS = 256 * 1024
MAX_STEPS = 200
MAX_NAME = 200
MAX_OUTPUTS = 50
# A pending step that is asked more often would do nothing else, and one that is asked more seldom has been forgotten.
SHORTEST_DELAY_S, LONGEST_DELAY_S = 0.02, 3600.0


def checked_result(said: object) -> StepResult:
    """Return the result of an act or an undo; raises TypeError or ValueError."""
    if not isinstance(said, StepResult) or not _are((said.status, StepStatus), (said.detail, str)):
        raise TypeError(f"it returned {type(said).__name__}, no StepResult")
    if not math.isfinite(said.delay_s):
        raise ValueError(f"it asks to be asked again after {said.delay_s} s")
    outputs = tuple(said.outputs)
    if len(outputs) > MAX_OUTPUTS or not all(_is_output(name, value) for name, value in outputs):
        raise ValueError(f"its outputs are not at most {MAX_OUTPUTS} texts, numbers or truths by name")
    return replace(said, delay_s=min(max(said.delay_s, SHORTEST_DELAY_S), LONGEST_DELAY_S), outputs=outputs)


def _are(*rows: tuple[object, type]) -> bool:
    """Tell whether each value is of its type: a stranger's record may hold anything."""
    return all(isinstance(value, kind) for value, kind in rows)


def _is_output(name: object, value: object) -> bool:
    fits = isinstance(value, str | int | float) and (not isinstance(value, float) or math.isfinite(value))
    return fits and isinstance(name, str) and len(name) <= MAX_NAME


def checked_found(said: object) -> Found:
    """Return what a probe found; raises TypeError."""
    if not isinstance(said, Found):
        raise TypeError(f"probe returned {type(said).__name__}, no Found")
    return said


def checked_facts(said: object) -> Facts:
    """Return what a recipe gathered; raises TypeError or ValueError."""
    if not isinstance(said, Facts) or not _are((said.refusal, str), (said.for_people, bool)):
        raise TypeError(f"gather returned {type(said).__name__}, no Facts")
    if not all(_are((name, str), (value, str)) for name, value in said.values):
        raise TypeError("a fact's value is a text")
    letters = sum(len(name) + len(value) for name, value in said.values)
    if letters > MAX_LETTERS:
        raise ValueError(f"its facts have {letters} letters, and a journal keeps {MAX_LETTERS}")
    return said


def checked_steps(said: object) -> tuple[str, ...] | None:
    """Return a plan; raises TypeError or ValueError."""
    if said is None:
        return None
    if not isinstance(said, tuple) or not all(isinstance(step, str) and 0 < len(step) <= MAX_NAME for step in said):
        raise TypeError(f"a plan is a tuple of names of at most {MAX_NAME} letters")
    if len(said) > MAX_STEPS or len(set(said)) != len(said):
        raise ValueError(f"a plan has at most {MAX_STEPS} steps, each once")
    return said


def checked_pre_image(said: object) -> str:
    """Return what a step will change; raises TypeError or ValueError."""
    if not isinstance(said, str):
        raise TypeError(f"pre_image returned {type(said).__name__}, no text")
    if len(said) > MAX_LETTERS:
        raise ValueError(f"what it would change has {len(said)} letters, and a journal keeps {MAX_LETTERS}")
    json.loads(said or "{}")
    return said


def checked_answer(said: object) -> Answer:
    """Return what a factor says; raises TypeError."""
    if not isinstance(said, Answer) or not _are((said.passed, bool), (said.source, str)):
        raise TypeError(f"check returned {type(said).__name__}, no Answer")
    return replace(said, source=said.source[:MAX_NAME], detail=str(said.detail))
