"""The configuration folder - pattern database, words on it, policy, services, people - as a copy that is checked before it comes back.

A backup is these files with a list of checksums; where it is kept is the store's. Keys are no part of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Protocol

from console.configuration import Files, configuration_of
from console.home import write_file
from console.plugins import known_cards
from learning.patterns.loader import REVIEWS_FILE
from learning.patterns.loader import read_folder as read_patterns
from schemas.configuration import Configuration, Keys
from schemas.errors import ConfigurationError

MANIFEST = "manifest.json"
FORMAT = 1
BACKUP = "backup"
_PLACES = ("*.yaml", "policy/*.yaml", "policy/*.cedar", "workflows/*.yaml", "patterns/*.json")
_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Backup:
    """The name under which a backup comes back, and the files that it holds."""

    name: str
    files: tuple[str, ...]


def files_in(folder: Path) -> dict[str, str]:
    """Return the files of a configuration folder by relative name; raises ConfigurationError when one cannot be read."""
    try:
        paths = sorted(path for place in _PLACES for path in folder.glob(place) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(folder), str(error), "Make the files readable UTF-8") from error


class Store(Protocol):
    """Where backups are kept: a folder, a git repository or a bucket; see ``infra/adapters/*_store.py``."""

    def put(self, files: Mapping[str, bytes], at: datetime) -> str:
        """Keep exactly these files; return the name under which they come back."""
        ...

    def get(self) -> Mapping[str, bytes]:
        """Return the files that are kept, by name."""
        ...


def back_up(config: Path, store: Store, at: datetime) -> Backup:
    """Put the folder's files and their checksums into a store; raises ConfigurationError when it cannot take them."""
    files = files_to_keep(config)
    sums = {name: sha256(content).hexdigest() for name, content in sorted(files.items())}
    manifest = json.dumps({"format": FORMAT, "files": sums}, indent=1) + "\n"
    return Backup(store.put({**files, MANIFEST: manifest.encode()}, at), tuple(sums))


def files_to_keep(config: Path) -> dict[str, bytes]:
    """Return the folder's files; raises ConfigurationError when there is none."""
    files = {name: text.encode("utf-8") for name, text in files_in(config).items()}
    if not files:
        raise ConfigurationError(str(config), "there is no configuration", "Make one with `healstream init`")
    return files


def read_backup(store: Store, shipped_patterns: Path) -> dict[str, str]:
    """Return a backup's files after every check; raises ConfigurationError with what is wrong, and nothing was changed."""
    files = whole_files(store)
    configuration = configuration_of(as_files(files, shipped_patterns), Keys(), known_cards())
    if not isinstance(configuration, Configuration):
        raise ConfigurationError(BACKUP, "\n".join(map(str, configuration)), "Restore a backup that this release can read")
    return files


def whole_files(store: Store) -> dict[str, str]:
    """Return a backup's files when each is what its digest says; raises ConfigurationError. What they say is not looked at."""
    found = store.get()
    sums = _listed(found)
    wrong = sorted(name for name, digest in sums.items() if name not in found or sha256(found[name]).hexdigest() != digest)
    if wrong:
        raise ConfigurationError(BACKUP, f"not what was backed up: {', '.join(wrong[:5])}", "Take another backup")
    try:
        return {name: found[name].decode("utf-8") for name in sums}
    except UnicodeDecodeError as error:
        raise ConfigurationError(BACKUP, f"a file is no UTF-8: {error}", "Take another backup") from error


def restore(files: Mapping[str, str], config: Path) -> tuple[str, ...]:
    """Put the files in place, each in one step, and remove those that the backup has not; return the names that changed."""
    known = files_in(config) if config.is_dir() else {}
    changed = tuple(sorted(name for name in {*known, *files} if known.get(name) != files.get(name)))
    for name in changed:
        if name in files:
            (config / name).parent.mkdir(parents=True, exist_ok=True)
            write_file(config / name, files[name], _MODE)
        else:
            (config / name).unlink(missing_ok=True)
    return changed


def _listed(found: Mapping[str, bytes]) -> dict[str, str]:
    try:
        manifest = json.loads(found[MANIFEST])
        sums = {str(name): str(digest) for name, digest in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(BACKUP, f"this is none: {error}", "Make one with `healstream backup`") from error
    if manifest.get("format") != FORMAT or not all(is_ours(name) for name in sums):
        raise ConfigurationError(BACKUP, "its list is of another format or names files outside of it", "Take another backup")
    return sums


def is_ours(name: str) -> bool:
    """Tell whether a name is one that a configuration folder has: what a store hands over never says where it is written."""
    path = PurePosixPath(name)
    is_place = any(path.match(place) and len(path.parts) == len(PurePosixPath(place).parts) for place in _PLACES)
    return is_place and ".." not in path.parts and not path.is_absolute()


def as_files(files: Mapping[str, str], shipped_patterns: Path) -> Files:
    """Return a folder's files by relative name as what a configuration is made of."""
    own = {
        name.removeprefix("patterns/"): text
        for name, text in files.items()
        if name.startswith("patterns/") and name != f"patterns/{REVIEWS_FILE}"
    }
    texts = {name: text for name, text in files.items() if name.removeprefix("patterns/") not in own}
    return Files(texts, read_patterns(shipped_patterns) | own)
