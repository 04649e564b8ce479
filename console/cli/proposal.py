"""``healstream pattern proposals|accept|refuse``: what mining proposes, and a person's word on it or on a pattern of the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from console.cli.deeds import DRY
from console.cli.formats import Output
from console.cli.pattern_change import FLUSH_S, change_folder, shelf_of, try_stored, voice_of
from console.cli.people_here import people_of
from console.cli.show import AS, LIVE, NAME, OUTPUT, brokers_of, home, show, talk
from console.pattern_files import PatternShelf
from console.pattern_words import Voice
from console.proposals import WAITING, ProposalView, Wish, view_named, views_of
from console.taking import Taken, Trial, let_act, refusal_of, taken, turned_down
from infra.kafka import codec_of, deliver, read_to_end
from schemas.errors import UsageError
from schemas.people import Right
from schemas.proposals import ProposalWord
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
        show([view_named(views, proposal).full()], Output.JSON if output is Output.TABLE else output)
        return
    shown = [view for view in views if every or view.standing in WAITING]
    show([view.brief() if output is Output.TABLE else view.full() for view in shown], output, _COLUMNS)


def accept(pattern: str, changes: list[str] = CHANGES, live: bool = LIVE, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Let another person's pattern act, or take a proposal; what you change of a proposal is yours, and waits for another person."""
    shelf, call = shelf_of(name), Call(name, who, live, dry)
    if pattern not in shelf.catalogue.by_id():
        _write(taken(shelf, view_named(_views(name), pattern), _wish(changes or ()), call.voice, call.trial(shelf)), call)
        return
    if changes:
        raise UsageError(f"pattern {pattern}", "--kind and --edit are for proposals", "Change its file, and let its author say so")
    _write(let_act(shelf, pattern, call.voice, call.trial(shelf)), call)


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

    def voice(self, right: Right) -> Voice:
        """Return who speaks; raises DeniedError without the right."""
        return voice_of(self.name, self.who, right)

    def trial(self, shelf: PatternShelf) -> Trial:
        """Return how a pattern is tried."""
        return lambda pattern: try_stored(shelf, pattern, self.name, live=self.live)


def _write(done: Taken, call: Call) -> None:
    change_folder(call.name, done.change, done.files, dry=call.dry)
    if done.word is not None:
        _say(call.name, done.word, dry=call.dry)
    if not done.is_as_proposed:
        talk(f"the wording is yours: it shadows until another person calls `healstream pattern accept {done.change.audit.subject}`")


def refuse(pattern: str, why: str = WHY, who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Refuse a proposal, or a pattern of the folder: it is matched no more."""
    shelf, call = shelf_of(name), Call(name, who, live=False, dry=dry)
    if pattern in shelf.catalogue.by_id():
        _write(turned_down(shelf, pattern, call.voice), call)
        return
    _say(name, refusal_of(view_named(_views(name), pattern), why, call.voice), dry=dry)


def _say(name: str, word: ProposalWord, *, dry: bool) -> None:
    if dry:
        talk(f"proposal {word.name} {word.verdict}: nothing was changed (--dry-run)")
        return
    brokers = brokers_of(name)
    deliver(brokers, [word], codec_of(brokers, [ProposalWord]), FLUSH_S)
    talk(f"proposal {word.name} {word.verdict}: said; the audit has it as soon as learn has read it")
