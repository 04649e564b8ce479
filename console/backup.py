"""The configuration folder - pattern database, words on it, policy, services, people - as a copy that is checked before it comes back.

A backup is a plain folder with a list of checksums, fit for version control as it stands. Keys are no part of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from console.configuration import Files, configuration_of
from console.home import write_file
from learning.patterns.loader import REVIEWS_FILE
from learning.patterns.loader import read_folder as read_patterns
from schemas.configuration import Configuration, Keys
from schemas.errors import ConfigurationError

MANIFEST = "manifest.json"
FORMAT = 1
_PLACES = ("*.yaml", "policy/*.yaml", "patterns/*.json")
_MODE = 0o644


def files_in(folder: Path) -> dict[str, str]:
    """Return the files of a configuration folder by relative name; raises ConfigurationError when one cannot be read."""
    try:
        paths = sorted(path for place in _PLACES for path in folder.glob(place) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(folder), str(error), "Make the files readable UTF-8") from error


def back_up(config: Path, destination: Path) -> tuple[str, ...]:
    """Write the folder's files and their checksums into an empty or earlier backup; return the names.

    Raises ConfigurationError when the destination holds something else.
    """
    files = files_in(config)
    if not files:
        raise ConfigurationError(str(config), "there is no configuration", "Make one with `healstream init`")
    if destination.exists() and any(destination.iterdir()) and not (destination / MANIFEST).is_file():
        raise ConfigurationError(str(destination), "it is not empty and no backup", "Name a new folder")
    for name in _listed(destination) if (destination / MANIFEST).is_file() else ():
        if name not in files:
            (destination / name).unlink(missing_ok=True)
    for name, text in files.items():
        (destination / name).parent.mkdir(parents=True, exist_ok=True)
        write_file(destination / name, text, _MODE)
    sums = {name: sha256(text.encode()).hexdigest() for name, text in sorted(files.items())}
    write_file(destination / MANIFEST, json.dumps({"format": FORMAT, "files": sums}, indent=1) + "\n", _MODE)
    return tuple(sums)


def read_backup(source: Path, shipped_patterns: Path) -> dict[str, str]:
    """Return a backup's files after every check; raises ConfigurationError with what is wrong, and nothing was changed."""
    sums = _listed(source)
    files = {name: text for name, text in files_in(source).items() if name in sums}
    wrong = sorted(name for name, digest in sums.items() if sha256(files.get(name, "").encode()).hexdigest() != digest)
    if wrong:
        raise ConfigurationError(str(source), f"not what was backed up: {', '.join(wrong[:5])}", "Take another backup")
    found = configuration_of(_as_configuration(files, shipped_patterns), Keys())
    if not isinstance(found, Configuration):
        raise ConfigurationError(str(source), "\n".join(map(str, found)), "Restore a backup that this release can read")
    return files


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


def _listed(folder: Path) -> dict[str, str]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sums = {str(name): str(digest) for name, digest in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(str(folder), f"this is no backup: {error}", "Make one with `healstream backup DEST`") from error
    if manifest.get("format") != FORMAT or any(Path(name).is_absolute() or ".." in Path(name).parts for name in sums):
        raise ConfigurationError(str(folder), "its list is of another format or names files outside of it", "Take another backup")
    return sums


def _as_configuration(files: Mapping[str, str], shipped_patterns: Path) -> Files:
    own = {
        name.removeprefix("patterns/"): text
        for name, text in files.items()
        if name.startswith("patterns/") and name != f"patterns/{REVIEWS_FILE}"
    }
    texts = {name: text for name, text in files.items() if name.removeprefix("patterns/") not in own}
    return Files(texts, read_patterns(shipped_patterns) | own)
