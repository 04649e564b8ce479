"""A backup as a plain folder, fit for version control as it stands: fits ``console.backup.Store``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.adapters.launch import write_whole
from schemas.errors import ConfigurationError

_MODE = 0o644


@dataclass(frozen=True, slots=True)
class FolderStore:
    """The real adapter; ``manifest`` is the file that tells a backup from a folder with other things."""

    folder: Path
    manifest: str

    def put(self, files: Mapping[str, bytes], at: datetime) -> str:
        """Hold exactly these files in place of an earlier backup's, the list of them last."""
        del at
        try:
            if self.folder.exists() and any(self.folder.iterdir()) and not (self.folder / self.manifest).is_file():
                raise ConfigurationError(str(self.folder), "it is not empty and no backup", "Name a new folder")
            earlier = self._listed()
            for name in sorted(files, key=lambda name: name == self.manifest):
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                write_whole(self.folder / name, files[name], _MODE)
            # What else somebody keeps in the folder stays.
            for path in self._paths():
                name = path.relative_to(self.folder).as_posix()
                if name in earlier and name not in files:
                    path.unlink()
        except OSError as error:
            raise ConfigurationError(str(self.folder), error.strerror or str(error), "Free or mend the disk, then try again") from error
        return str(self.folder)

    def get(self) -> Mapping[str, bytes]:
        """Return the files of the folder by relative name; raises ConfigurationError when one cannot be read."""
        try:
            return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in self._paths()}
        except OSError as error:
            raise ConfigurationError(str(self.folder), error.strerror or str(error), "Make the files readable") from error

    def _listed(self) -> frozenset[str]:
        """Return the names that an earlier backup lists; of a list that cannot be read, none."""
        try:
            return frozenset(json.loads((self.folder / self.manifest).read_bytes())["files"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return frozenset()

    def _paths(self) -> list[Path]:
        """Return what a backup consists of; version control beside it, and links to elsewhere, are no part of it."""
        found = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and not path.is_symlink())
        return [path for path in found if not any(part.startswith(".") for part in path.relative_to(self.folder).parts)]
