"""``healstream restore SRC`` and ``healstream restore --from PLACE``."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import typer

from console.backup import read_backup
from console.backup import restore as put_back
from console.backup_places import store_at
from console.cli.deeds import DRY, YES, require_meant, tell
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, brokers_of, home, talk
from console.system_paths import shipped_patterns
from console.words import require_right, speaker_in
from infra.kafka import codec_of, deliver
from schemas.errors import UsageError
from schemas.oversight import AuditEntry
from schemas.people import Right

FLUSH_S = 5.0
SOURCE = typer.Argument("", help="the same as --from")
FROM = typer.Option("", "--from", help="a folder, git:PATH[@COMMIT], or s3:BUCKET/PREFIX[@BACKUP]")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("restore", help=text)(restore)


def restore(source: str = SOURCE, start: str = FROM, who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Put a backup in place after checking all of it; told to the audit first, taken up by the workers within seconds."""
    if bool(source) is bool(start):
        raise UsageError("restore", "one place is asked for", "Write `healstream restore --from PLACE`")
    place = source or start
    files = read_backup(store_at(place, os.environ), shipped_patterns())
    if dry:
        tell(f"{len(files)} files are whole and right", dry=True)
        return
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.EDIT_PATTERN)
    require_meant(f"put {len(files)} files in the place of those in {home(name).config}", is_sure=yes)
    entry = AuditEntry(speaker.name, "configuration.restored", place.rpartition("/")[2], datetime.now(UTC), (("files", str(len(files))),))
    brokers = brokers_of(name)
    deliver(brokers, [entry], codec_of(brokers, [AuditEntry]), FLUSH_S)
    changed = put_back(files, home(name).config)
    talk(f"{len(changed)} files changed: {', '.join(changed[:10]) or 'none'}")
