"""``healstream config view|check|diff|publish|rollback|versions``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import typer

from console.backup import restore
from console.cli.deeds import DRY, YES, require_meant, tell
from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import AS, NAME, OUTPUT, brokers_of, home, show, talk
from console.config_diff import differences
from console.config_origins import masked, origin_rows
from console.config_sources import FOLDER, GIT, PUBLISHED, checked, configuration_at, files_of
from console.config_sources import published as published_now
from console.config_versions import chosen, keep, kept_sets
from console.configuration import configuration_of, load_configuration, read_folder
from console.home import Home
from console.keys import component_keys, load_key
from console.plugins import known_cards
from console.publish import publish as publish_all
from console.system_paths import shipped_patterns
from console.words import Speaker, require_right, speaker_in
from infra.kafka import codec_of, deliver
from schemas.configuration import Configuration, Keys
from schemas.errors import ConfigurationError
from schemas.oversight import AuditEntry
from schemas.people import Right

PROBLEMS = 8
FLUSH_S = 5.0
_WHAT = "published, folder, a kept number or version, git:REVISION, or a folder's path"
BEFORE = typer.Argument(PUBLISHED, help=_WHAT)
AFTER = typer.Argument(FOLDER, help=_WHAT)
ORIGIN = typer.Option(False, "--show-origin", help="each value with its file:line:column, `environment` or `default`")
VERSION = typer.Argument("", help="a kept number or version, or git:REVISION; the one before the newest when not given")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("view")(view)
    noun.command("check")(check)
    noun.command("diff")(diff)
    noun.command("publish")(publish)
    noun.command("rollback")(rollback)
    noun.command("versions")(versions)
    app.add_typer(noun, name="config", help=text)


def check(name: str = NAME) -> None:
    """Check the folder; every mistake as file:line:column on standard output, exit 8 when there is one."""
    found = configuration_of(read_folder(home(name).config, shipped_patterns()), Keys(), known_cards())
    if isinstance(found, Configuration):
        counts = f"{len(found.services.services)} services, {len(found.workflows)} workflows, {len(found.patterns)} pattern files"
        talk(f"{home(name).config}: {counts}, version {found.version}")
        return
    for problem in found:
        sys.stdout.write(f"{problem}\n")
    raise typer.Exit(PROBLEMS)


def view(name: str = NAME, show_origin: bool = ORIGIN, output: Output = OUTPUT) -> None:
    """Write the files as they stand without what is secret in them; or each value with where it is from."""
    place = home(name)
    texts = read_folder(place.config, shipped_patterns()).texts
    if show_origin:
        show(origin_rows(texts, os.environ), output, ("setting", "value", "origin"))
        return
    for file, text in masked(texts).items():
        sys.stdout.write(f"# {place.config / file}\n{text}\n")


def diff(before: str = BEFORE, after: str = AFTER, name: str = NAME) -> None:
    """Say what is different in effect, a line for each thing; exit 8 when anything is."""
    brokers = brokers_of(name) if PUBLISHED in {before, after} else ""
    lines = differences(*(configuration_at(source, home(name), brokers) for source in (before, after)))
    _tell(lines)
    if lines:
        raise typer.Exit(PROBLEMS)


def _tell(lines: Sequence[str]) -> None:
    sys.stdout.writelines("".join(letter if letter.isprintable() else " " for letter in line) + "\n" for line in lines)


def _speaker(name: str, who: str) -> Speaker:
    speaker = speaker_in(home(name).people, who)
    require_right(people_of(home(name)), speaker, Right.EDIT_PATTERN)
    return speaker


def publish(who: str = AS, name: str = NAME, dry: bool = DRY) -> None:
    """Check the folder and publish it at once, told to the audit first; a mistake publishes nothing."""
    place, brokers = home(name), brokers_of(name)
    loaded = load_configuration(place.config, shipped_patterns(), component_keys(place.keys))
    speaker = _speaker(name, who)
    if dry:
        talk(f"version {loaded.version} is right; nothing was published (--dry-run)")
        return
    _publish(place, brokers, loaded, speaker)


def _publish(place: Home, brokers: str, loaded: Configuration, speaker: Speaker) -> None:
    names = publish_all(brokers, loaded, load_key(place.keys / "publisher.key"), speaker.name)
    keep(place, loaded.version, shipped_patterns(), speaker.name, datetime.now(UTC))
    talk(f"version {loaded.version}: {len(names)} entries published; workers go by it within seconds")


def rollback(version: str = VERSION, who: str = AS, name: str = NAME, dry: bool = DRY, yes: bool = YES) -> None:
    """Put an earlier version back into the folder and publish it, told to the audit first; all of it is checked before."""
    place, brokers = home(name), brokers_of(name)
    source = version if version.startswith(GIT) else str(chosen(kept_sets(place), version).number)
    files = files_of(source, place)
    wanted = checked(source, files)
    # Who speaks is judged by the people of today, not by those whom the rollback brings back.
    speaker = _speaker(name, who)
    _tell(differences(published_now(place, brokers), wanted))
    if dry:
        tell(f"version {wanted.version} is whole and right", dry=True)
        return
    require_meant(f"put version {wanted.version[:12]} in the place of what is in {place.config}", is_sure=yes)
    details = (("files", str(len(files))), ("to", wanted.version))
    entry = AuditEntry(speaker.name, "configuration.rolled_back", "configuration", datetime.now(UTC), details)
    deliver(brokers, [entry], codec_of(brokers, [AuditEntry]), FLUSH_S)
    changed = restore(files, place.config)
    talk(f"{len(changed)} files changed: {', '.join(changed[:10]) or 'none'}")
    if read_folder(place.config, shipped_patterns()).digest() != wanted.version:
        raise ConfigurationError(str(place.config), "somebody changed it meanwhile", "Look at it, then run `healstream config publish`")
    _publish(place, brokers, replace(wanted, keys=component_keys(place.keys)), speaker)


def versions(name: str = NAME, output: Output = OUTPUT) -> None:
    """List the published versions that are kept, the newest last."""
    rows: list[dict[str, object]] = [
        {"number": one.number, "version": one.version, "at": one.at, "by": one.by} for one in kept_sets(home(name))
    ]
    show(rows, output, ("number", "version", "at", "by"))
