"""What people say of an incident after the fact, signed: it was judged rightly or wrongly, and what it really was; and all such words.

Pure. A word goes to ``learning.feedback``; the stage ``learn`` checks its signature and the right again. Used by ``healstream feedback``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from console.words import Speaker
from schemas.errors import UsageError
from schemas.oversight import Feedback
from schemas.people import People, Right
from schemas.signing import is_said_by, sign
from schemas.vocabulary import Kind

# Our own lessons stand on the topic too, as "outcome".
PERSON = "person"
MAX_NOTE_CHARS = 1000
WRONG = -1.0


@dataclass(frozen=True, slots=True)
class Said:
    """A person's answer to "was this right?"; ``kind`` is what it really was, where they know.

    ``wrong_action`` is the strategy that was the wrong one although the kind was right; empty where nobody says so.
    """

    is_right: bool
    kind: Kind | None = None
    note: str = ""
    wrong_action: str = ""


def said_of(*, is_right: bool | None, kind: str, note: str, judged: Kind, wrong_action: str = "") -> Said:
    """Return the answer as it was typed of an incident that was judged so; raises UsageError when it says two things, or none."""
    if is_right is None:
        raise UsageError("feedback", "it says neither right nor wrong", "Give --right or --wrong")
    if kind and (kind not in set(Kind) or kind == Kind.UNKNOWN):
        known = ", ".join(one for one in Kind if one is not Kind.UNKNOWN)
        raise UsageError(f"kind {kind}", "there is no such kind of failure", f"Name one of {known}")
    if kind and (kind == judged) != is_right:
        said = "right and another kind" if is_right else "wrong and the same kind"
        raise UsageError(
            f"kind {kind}", f"the incident was judged {judged}: {said} cannot both be", "Leave out --kind, or say the other word"
        )
    if wrong_action and not is_right:
        raise UsageError("action", "of a failure that was taken for another one every action is wrong", "Say only that the kind is wrong")
    if len(note) > MAX_NOTE_CHARS:
        raise UsageError("note", f"it is longer than {MAX_NOTE_CHARS} characters", "Say it in fewer words")
    return Said(is_right, Kind(kind) if kind else None, note, wrong_action)


def feedback_of(incident: str, said: Said, speaker: Speaker, at: datetime) -> Feedback:
    """Return a person's signed word on one incident."""
    # The reward is the person's verdict on the strategy, beside the one that its outcome gave.
    reward = WRONG if said.wrong_action else 0.0
    word = Feedback(
        incident, PERSON, speaker.name, at, said.kind, correct=said.is_right, strategy=said.wrong_action, reward=reward, note=said.note
    )
    return sign(word, speaker.key)


def right_to_teach(people: People, name: str) -> Right:
    """Return the right by which a person teaches: whoever approves or overrides may, as ``learn`` asks it."""
    return Right.APPROVE if people.may_somewhere(name, Right.APPROVE) else Right.OVERRIDE


def feedback_rows(records: Iterable[Feedback], people: People) -> list[dict[str, object]]:
    """Return what people have said, the newest first."""
    words = sorted((word for word in records if word.source == PERSON), key=lambda word: word.at, reverse=True)
    return [
        {
            "at": word.at.isoformat(),
            "incident": word.incident_id,
            "by": word.by,
            "said": f"wrong action: {word.strategy}" if word.reward < 0 else {True: "right", False: "wrong", None: ""}[word.correct],
            "kind": word.kind.value if word.kind else "",
            "signed": "yes" if is_said_by(word, word.by, people) else "no",
            "note": word.note,
        }
        for word in words
    ]
