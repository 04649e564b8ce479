"""``healstream restore SRC``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer

from console.backup import read_backup
from console.backup import restore as put_back
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, brokers_of, home, talk
from console.system_paths import shipped_patterns
from console.words import require_right, speaker_in
from infra.kafka import deliver
from schemas.avro_codec import Codec
from schemas.oversight import AuditEntry
from schemas.people import Right

FLUSH_S = 5.0


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("restore", help=text)(restore)


def restore(source: Path, who: str = AS, name: str = NAME, dry: bool = typer.Option(False, "--dry-run", help="check only")) -> None:
    """Put a backup in place after checking all of it; told to the audit first, taken up by the workers within seconds."""
    files = read_backup(source, shipped_patterns())
    if dry:
        talk(f"{len(files)} files are whole and right; nothing was changed (--dry-run)")
        return
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.EDIT_PATTERN)
    entry = AuditEntry(speaker.name, "configuration.restored", str(source.name), datetime.now(UTC), (("files", str(len(files))),))
    deliver(brokers_of(name), [entry], Codec([AuditEntry]), FLUSH_S)
    changed = put_back(files, home(name).config)
    talk(f"{len(changed)} files changed: {', '.join(changed[:10]) or 'none'}")
