"""The dead letters as people see them: what a stage could not use, where it lies, why, what may be shown, and how many say the same.

Pure; used by ``healstream deadletter``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from schemas.errors import NotFoundError
from schemas.oversight import DeadLetter

# A line of a list shows the beginning; ``get`` shows all of it.
_SHOWN_CHARS = 200
Row = dict[str, object]
# Topic, stage and the first word of the reason: what follows that word often names the one record.
Complaint = tuple[str, str, str]


def origin_of(letter: DeadLetter) -> str:
    """Return where the record lies, as one word: TOPIC/PARTITION/OFFSET."""
    return f"{letter.origin.topic}/{letter.origin.partition}/{letter.origin.offset}"


def complaint_of(letter: DeadLetter) -> Complaint:
    """Return what makes two letters say the same."""
    return letter.origin.topic, letter.stage, letter.error.partition(":")[0]


def complaint_rows(letters: Iterable[DeadLetter]) -> list[Row]:
    """Return one row for all letters that say the same, with the newest of them; the newest first."""
    newest = _newest_first(letters)
    counts: dict[Complaint, int] = {}
    for letter in newest:
        counts[complaint_of(letter)] = counts.get(complaint_of(letter), 0) + 1
    firsts: dict[Complaint, DeadLetter] = {}
    for letter in newest:
        firsts.setdefault(complaint_of(letter), letter)
    return [_row(letter) | {"count": counts[complaint]} for complaint, letter in firsts.items()]


def letter_rows(letters: Iterable[DeadLetter]) -> list[Row]:
    """Return a row for every letter, the newest first."""
    return [_row(letter) | {"count": 1} for letter in _newest_first(letters)]


def letters_at(letters: Iterable[DeadLetter], origin: str) -> list[Row]:
    """Return all that is known of the record that lies there, a row for each stage that could not use it; raises NotFoundError."""
    found = [letter for letter in _newest_first(letters) if origin_of(letter) == origin]
    if not found:
        why = "no dead letter comes from there, or it is older than the topic keeps"
        raise NotFoundError(f"dead letter {origin}", why, "List them with `healstream deadletter list --each`")
    return [
        {
            **_row(letter),
            "shown": letter.value,
            "key": letter.origin.key,
            "headers": dict(letter.origin.headers),
            "attempts": letter.attempts,
            "sha256": letter.sha256,
        }
        for letter in found
    ]


def _newest_first(letters: Iterable[DeadLetter]) -> Sequence[DeadLetter]:
    return sorted(letters, key=lambda letter: (letter.origin.at, letter.origin.offset), reverse=True)


def _row(letter: DeadLetter) -> Row:
    return {
        "origin": origin_of(letter),
        "at": letter.origin.at.isoformat(),
        "stage": letter.stage,
        "reason": letter.error,
        "shown": letter.value[:_SHOWN_CHARS],
    }
