"""The sets that were published, kept beside the state: what ``healstream config rollback`` puts back and ``config versions`` lists.

The topic holds only the newest of each entry, so whoever publishes keeps the folder's files here with their digests: the last fifty.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from console.backup import MANIFEST, files_in
from console.configuration import read_folder
from console.home import Home
from infra.adapters.folder_store import FolderStore
from schemas.errors import NotFoundError

FORMAT = 1
KEPT_SETS = 50
LEAST_DIGITS = 7
_FOLDER = "published"
_MEND = "List them with `healstream config versions`"


@dataclass(frozen=True, slots=True)
class KeptSet:
    """One published set: its number here, the version of exactly these files, when it was published and by whom."""

    number: int
    version: str
    at: str
    by: str
    folder: Path

    def store(self) -> FolderStore:
        """Return the files as a backup that is checked before it comes back."""
        return FolderStore(self.folder, MANIFEST)


def kept_sets(home: Home) -> tuple[KeptSet, ...]:
    """Return the kept sets, the oldest first; what is damaged is left out."""
    found = (_kept_in(path) for path in (home.state / _FOLDER).glob("[0-9]*"))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.number))


def _kept_in(folder: Path) -> KeptSet | None:
    try:
        row = json.loads((folder / MANIFEST).read_bytes())
        return KeptSet(int(folder.name), str(row["version"]), str(row["at"]), str(row["by"]), folder)
    except (OSError, ValueError, KeyError, TypeError):
        # Cut short while it was written: it was never a set.
        return None


def keep(home: Home, version: str, shipped_patterns: Path, by: str, at: datetime) -> KeptSet | None:
    """Keep the folder's files as the set of that version; None when it is the newest already, or the files are others by now."""
    known = kept_sets(home)
    if known and known[-1].version == version:
        return None
    files = {name: text.encode("utf-8") for name, text in files_in(home.config).items()}
    folder = _new_folder(home, known)
    sums = {name: sha256(content).hexdigest() for name, content in sorted(files.items())}
    manifest = {"format": FORMAT, "files": sums, "version": version, "at": at.isoformat(), "by": by}
    FolderStore(folder, MANIFEST).put({**files, MANIFEST: json.dumps(manifest, indent=1).encode() + b"\n"}, at)
    if read_folder(folder, shipped_patterns).digest() != version:
        # Somebody saved a file between its check and now: that set is published, and kept, with the next look.
        shutil.rmtree(folder)
        return None
    for old in kept_sets(home)[:-KEPT_SETS]:
        shutil.rmtree(old.folder)
    return _kept_in(folder)


def _new_folder(home: Home, known: Sequence[KeptSet]) -> Path:
    number = known[-1].number + 1 if known else 1
    while True:
        folder = home.state / _FOLDER / f"{number:06}"
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            # The supervisor and a person may publish at once; each set has its own number.
            number += 1
        else:
            return folder


def chosen(sets: Sequence[KeptSet], name: str) -> KeptSet:
    """Return the set of that number or version, the one before the newest without a name; raises NotFoundError."""
    if not name:
        if len(sets) < 2:
            raise NotFoundError("an earlier version", "none was published before this one", _MEND)
        return sets[-2]
    if name.isdecimal() and len(name) < LEAST_DIGITS:
        found = [one for one in sets if one.number == int(name)]
    else:
        found = [one for one in sets if len(name) >= LEAST_DIGITS and one.version.startswith(name)]
    if not found:
        raise NotFoundError(f"version {name}", f"none of the {len(sets)} kept sets is it", _MEND)
    # Of sets with the same files any will do.
    return found[-1]
