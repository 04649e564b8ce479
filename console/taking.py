"""A yes or no to a proposal or to another person's pattern as what it changes; one way for the command line and the page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.pattern_files import PatternShelf, with_pattern
from console.pattern_words import Change, Voice, accepted, disabled, wrote
from console.proposals import ProposalView, Wish, row_wanted, word_on
from learning.backtest import BackTest
from learning.patterns.model import Pattern
from schemas.errors import NotFoundError, UsageError
from schemas.people import Right
from schemas.proposals import PROPOSER, ProposalVerdict, ProposalWord

Voices = Callable[[Right], Voice]
Trial = Callable[[Pattern], BackTest]


@dataclass(frozen=True, slots=True)
class Taken:
    """What is to be written and said: the pattern stands before its proposal ends, so one that is cut off between the two goes on."""

    change: Change
    files: Mapping[str, str]
    word: ProposalWord | None = None
    is_as_proposed: bool = True


def taken(shelf: PatternShelf, view: ProposalView, wish: Wish, voices: Voices, trial: Trial) -> Taken:
    """Return what taking a proposal changes; raises UsageError or DeniedError with what to do."""
    row, is_as_proposed = row_wanted(view, wish)
    voice = voices(Right.PROMOTE_MODEL if is_as_proposed else Right.EDIT_PATTERN)
    files = with_pattern(shelf, row)
    # The whole set has been checked with it: it is read once more to have it by itself.
    made = Pattern.model_validate(row)
    if is_as_proposed:
        change, verdict = accepted(shelf, made, trial(made), voice, proposer=PROPOSER), ProposalVerdict.ACCEPTED
    else:
        change, verdict = wrote(shelf, made, voice), ProposalVerdict.EDITED
    return Taken(change, files, word_on(view, verdict, voice), is_as_proposed)


def let_act(shelf: PatternShelf, name: str, voices: Voices, trial: Trial) -> Taken:
    """Return the change by which another person's pattern of the folder acts."""
    voice, found = voices(Right.PROMOTE_MODEL), shelf.named(name)
    return Taken(accepted(shelf, found, trial(found), voice), {})


def turned_down(shelf: PatternShelf, name: str, voices: Voices) -> Taken:
    """Return the change by which a pattern of the folder is matched no more."""
    found = shelf.named(name)
    if shelf.shipped.get(name) == found:
        raise NotFoundError(f"pattern {name}", "it is shipped, nobody proposed it", "Use `healstream pattern disable`")
    return Taken(disabled(shelf, found, voices(Right.EDIT_PATTERN)), {})


def refusal_of(view: ProposalView, why: str, voices: Voices) -> ProposalWord:
    """Return the word that refuses a proposal."""
    if not why:
        raise UsageError(view.proposal.name, "the audit wants to know why", "Say it with --why")
    return word_on(view, ProposalVerdict.REFUSED, voices(Right.VIEW), why)
