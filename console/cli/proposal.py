"""``healstream pattern proposals|accept|refuse``: what mining proposes, and a person's word on it or on a pattern of the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from console.cli.pattern_change import FLUSH_S, change_folder, shelf_of, try_stored, voice_of
from console.cli.people_here import people_of
from console.cli.show import AS, DRY, LIVE, NAME, OUTPUT, Output, brokers_of, home, show, talk
from console.pattern_files import PatternShelf, with_pattern
from console.pattern_words import accepted, disabled, wrote
from console.proposals import WAITING, ProposalView, Wish, row_wanted, view_named, views_of, word_on
from infra.kafka import codec_of, deliver, read_to_end
from learning.patterns.model import Pattern
from schemas.errors import NotFoundError, UsageError
from schemas.people import Right
from schemas.proposals import PROPOSER, ProposalVerdict, ProposalWord
from schemas.vocabulary import Kind

_COLUMNS = ("name", "state", "kind", "confidence", "runs", "repositories", "expires_at", "line")
CHANGES = typer.Option(None, "--kind", "--edit", help="of a proposal: another kind, or a JSON file with your own wording of the pattern")
WHY = typer.Option("", "--why", help="of a proposal: why it is refused, for the audit")
ALL = typer.Option(False, "--all", help="also those that were answered or have expired")
ONE = typer.Argument("", help="one proposal, shown in full with its evidence")


def add_proposal_verbs(noun: typer.Typer) -> None:
    """Add the verbs to the noun ``pattern``."""
    for verb in (proposals, accept, refuse):
        noun.command(verb.__name__)(verb)


def _views(name: str) -> tuple[ProposalView, ...]:
    return views_of(read_to_end(brokers_of(name), "learning.models"), people_of(home(name)), datetime.now(UTC))


def proposals(proposal: str = ONE, every: bool = ALL, name: str = NAME, output: Output = OUTPUT) -> None:
    """List the patterns that are proposed for failures which nothing explains, or show one in full."""
    views = _views(name)
    if proposal:
        show([view_named(views, proposal).full()], Output.JSON)
        return
    shown = [view for view in views if every or view.standing in WAITING]
    show([view.brief() if output is Output.TABLE else view.full() for view in shown], output, _COLUMNS)


def accept(pattern: str, changes: list[str] = CHANGES, live: bool = LIVE, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Let another person's pattern act, or take a proposal; what you change of a proposal is yours, and waits for another person."""
    shelf = shelf_of(name)
    if pattern not in shelf.catalogue.by_id():
        _take(shelf, view_named(_views(name), pattern), _wish(changes or ()), Call(name, who, live, dry))
        return
    if changes:
        raise UsageError(f"pattern {pattern}", "--kind and --edit are for proposals", "Change its file, and let its author say so")
    voice, found = voice_of(name, who, Right.PROMOTE_MODEL), shelf.named(pattern)
    change_folder(name, accepted(shelf, found, try_stored(shelf, found, name, live=live), voice), {}, dry=dry)


def _wish(changes: Sequence[str]) -> Wish:
    """Return what is changed: a word of the taxonomy is a kind, anything else a file."""
    kinds = [word for word in changes if word in set(Kind)]
    files = [Path(word) for word in changes if word not in set(Kind)]
    absent = next((path for path in files if not path.is_file()), None)
    if absent or len(kinds) > 1 or len(files) > 1:
        what = str(absent) if absent else "--kind, --edit"
        raise UsageError(what, "it is neither a kind nor a file", "Give at most one kind of the taxonomy and one JSON file")
    return Wish("".join(kinds), "".join(path.read_text(encoding="utf-8", errors="replace") for path in files))


@dataclass(frozen=True, slots=True)
class Call:
    """The options that every path of one call shares."""

    name: str
    who: str
    live: bool
    dry: bool


def _take(shelf: PatternShelf, view: ProposalView, wish: Wish, call: Call) -> None:
    row, is_as_proposed = row_wanted(view, wish)
    voice = voice_of(call.name, call.who, Right.PROMOTE_MODEL if is_as_proposed else Right.EDIT_PATTERN)
    files = with_pattern(shelf, row)
    # The whole set has been checked with it: it is read once more to have it by itself.
    made = Pattern.model_validate(row)
    if is_as_proposed:
        report = try_stored(shelf, made, call.name, live=call.live)
        change, verdict = accepted(shelf, made, report, voice, proposer=PROPOSER), ProposalVerdict.ACCEPTED
    else:
        change, verdict = wrote(shelf, made, voice), ProposalVerdict.EDITED
    word = word_on(view, verdict, voice)
    change_folder(call.name, change, files, dry=call.dry)
    # The pattern stands before its proposal ends: of a call that is cut off between the two the next one goes on.
    _say(call.name, word, dry=call.dry)
    if not is_as_proposed:
        talk(f"the wording is yours: it shadows until another person calls `healstream pattern accept {made.id}`")


def refuse(pattern: str, why: str = WHY, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Refuse a proposal, or a pattern of the folder: it is matched no more."""
    shelf = shelf_of(name)
    found = shelf.catalogue.by_id().get(pattern)
    if found is None:
        _turn_down(view_named(_views(name), pattern), why, name, who, dry=dry)
        return
    if shelf.shipped.get(pattern) == found:
        raise NotFoundError(f"pattern {pattern}", "it is shipped, nobody proposed it", "Use `healstream pattern disable`")
    change_folder(name, disabled(shelf, found, voice_of(name, who, Right.EDIT_PATTERN)), {}, dry=dry)


def _turn_down(view: ProposalView, why: str, name: str, who: str, *, dry: bool) -> None:
    if not why:
        raise UsageError(view.proposal.name, "the audit wants to know why", "Say it with --why")
    _say(name, word_on(view, ProposalVerdict.REFUSED, voice_of(name, who, Right.VIEW), why), dry=dry)


def _say(name: str, word: ProposalWord, *, dry: bool) -> None:
    if dry:
        talk(f"proposal {word.name} {word.verdict}: nothing was changed (--dry-run)")
        return
    brokers = brokers_of(name)
    deliver(brokers, [word], codec_of(brokers, [ProposalWord]), FLUSH_S)
    talk(f"proposal {word.name} {word.verdict}: said; the audit has it as soon as learn has read it")
