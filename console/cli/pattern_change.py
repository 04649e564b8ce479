"""What the ``pattern`` commands share: the folder's patterns, who speaks, a change that the audit has first, and a back-test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from console.cli.people_here import people_of
from console.cli.show import brokers_of, home, talk
from console.configuration import load_policy
from console.pattern_files import PatternShelf, read_shelf, write_shelf
from console.pattern_words import Change, Voice
from console.stored import logs_on_topic
from console.system_paths import shipped_patterns
from console.trial import try_on_logs
from console.words import require_right, speaker_in
from infra.kafka import codec_of, deliver
from learning.backtest import BackTest
from learning.patterns.model import Pattern
from learning.recordings import recorded_logs
from schemas.oversight import AuditEntry
from schemas.people import Right

FLUSH_S = 5.0


def shelf_of(name: str) -> PatternShelf:
    """Return the patterns of the named copy; raises ConfigurationError."""
    return read_shelf(home(name).config, shipped_patterns())


def voice_of(name: str, who: str, right: Right) -> Voice:
    """Return who speaks; raises DeniedError without the right."""
    people = people_of(home(name))
    speaker = speaker_in(home(name).people, who)
    require_right(people, speaker, right)
    return Voice(speaker, people, datetime.now(UTC))


def change_folder(name: str, change: Change, files: Mapping[str, str], *, dry: bool) -> None:
    """Write a change after the audit has it: what cannot be told is not done."""
    if dry:
        talk(f"{change.audit.action} {change.audit.subject}: nothing was changed (--dry-run)")
        return
    brokers = brokers_of(name)
    deliver(brokers, [change.audit], codec_of(brokers, [AuditEntry]), FLUSH_S)
    write_shelf(home(name).config, files, change.reviews)
    talk(f"{change.audit.action} {change.audit.subject}: written; workers take it up within seconds")


def try_stored(shelf: PatternShelf, pattern: Pattern, name: str, *, live: bool) -> BackTest:
    """Return the back-test of a pattern over the recorded logs, and with ``live`` over those that the log topic still holds."""
    logs = (*recorded_logs(), *(logs_on_topic(brokers_of(name)) if live else ()))
    return try_on_logs(shelf, pattern, logs, load_policy(home(name).config))
