"""Where the guard's cases come from: recordings that no model is trained on, and examples of every pattern; used by ``streams/rules.py``.

Half of the recorded logs guard, told by a hash of what made them, and the other half may teach; a recipe's recordings are on one side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

from learning.classification import Recognizer
from learning.evidence import rank_candidates
from learning.features import make_features
from learning.guard import GuardCase
from learning.reading import read_log
from learning.stored_logs import StoredLog, load_stored_logs
from schemas.vocabulary import Group, Kind, Result, group_of

# Reading a log takes some milliseconds, and the stage that asks must not stand still for seconds.
MAX_EXAMPLES, MAX_RECORDINGS = 200, 300
_EXIT = "##[error]Process completed with exit code 1."


def guard_case(
    case_id: str, text: str, kind: Kind, result: Result | None, recognizer: Recognizer, splits: tuple[str, ...] = ()
) -> GuardCase:
    """Return the guard case of a stored log's text."""
    read = read_log(text, recognizer.matcher)
    evidence = rank_candidates(read.hits, read.structure, result, recognizer.matcher.by_id, recognizer.precedence)
    features = make_features(read.hits, read.structure.block, result, read.structure.end)
    return GuardCase(case_id, kind, evidence, features, read.structure, splits)


def unexplained(case: GuardCase, result: Result | None, recognizer: Recognizer) -> GuardCase:
    """Return the case as it would be if no pattern knew a line of it: only then is a model asked, and so this is where it can do harm."""
    structure = case.structure
    evidence = rank_candidates((), structure, result, recognizer.matcher.by_id, recognizer.precedence)
    features = make_features((), structure.block, result, structure.end)
    return replace(case, id=f"{case.id}#unexplained", evidence=evidence, features=features, splits=(f"unexplained:{group_of(case.kind)}",))


def is_guarding(log: StoredLog) -> bool:
    """Tell whether a recorded log guards: then nothing may be trained on it."""
    return blake2b((log.recipe or log.id).encode(), digest_size=1).digest()[0] % 2 == 0


def cases_of_recordings(recognizer: Recognizer, recordings: Mapping[str, bytes]) -> tuple[GuardCase, ...]:
    """Return at most ``MAX_RECORDINGS`` guarding logs, evenly chosen, of compressed files by name; split by family, tool and kind.

    Each failed one is there twice, the second time as if no pattern knew it.
    """
    guarding = [log for log in load_stored_logs(recordings) if is_guarding(log)]
    found: list[GuardCase] = []
    for log in guarding[:: max(1, -(-len(guarding) // MAX_RECORDINGS))]:
        splits = (f"family:{log.family}", f"tool:{log.tool}", f"kind:{log.kind}")
        found.append(guard_case(log.id, log.text, log.kind, log.result, recognizer, splits))
        if group_of(log.kind) is not Group.NONE:
            found.append(unexplained(found[-1], log.result, recognizer))
    return tuple(found)


def cases_of_examples(recognizer: Recognizer) -> tuple[GuardCase, ...]:
    """Return the first example of at most ``MAX_EXAMPLES`` patterns, evenly chosen, as short failing logs; split by tool and kind.

    The shipped model was trained on them, but they speak of tools that nobody has recorded.
    """
    patterns = recognizer.matcher.catalogue.patterns
    chosen = patterns[:: max(1, -(-len(patterns) // MAX_EXAMPLES))]
    return tuple(
        guard_case(
            pattern.id,
            f"{pattern.examples[0]}\n{_EXIT}",
            pattern.kind,
            Result.FAILURE,
            recognizer,
            (f"example_kind:{pattern.kind}", *([f"example_tool:{pattern.anchors.tool}"] if pattern.anchors.tool else [])),
        )
        for pattern in chosen
    )
