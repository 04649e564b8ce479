"""Publishes the configuration folder whenever it changes; a folder with a mistake publishes nothing and the old set stays in force.

Called about once a second by ``system.py``; files are read only after one of them was touched.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from console.config_versions import keep
from console.configuration import load_configuration, read_folder
from console.home import Home
from console.keys import component_keys, load_key
from console.publish import publish
from console.system_paths import shipped_patterns
from schemas.errors import ConfigurationError

Stamp = frozenset[tuple[str, int, int, int]]
# A file may change twice within one tick of its file system's clock: what was touched just now is read again.
FRESH_NS = 2_000_000_000
log = structlog.get_logger("supervisor")


def stamp_of(folder: Path) -> Stamp:
    """Return what changes with any file below the folder, without reading one: name, inode, size and time of change."""
    found = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return frozenset((str(path), row.st_ino, row.st_size, row.st_mtime_ns) for path, row in found)


class FolderWatch:
    """The folder as it was last seen: the version that is in force, and why a newer one is refused (empty: it is not)."""

    def __init__(self, home: Home, version: str) -> None:
        """Begin with the version that is published."""
        self.version = version
        self.refused = ""
        self._home = home
        self._stamp: Stamp = frozenset()

    def look(self, brokers: str) -> None:
        """Publish what has changed; raises UnreachableError when the broker does not take it, and tries again at the next look."""
        stamp = self._changed()
        if stamp is None:
            return
        try:
            self._publish(brokers)
        except ConfigurationError as error:
            if error.why != self.refused:
                log.warning("configuration refused", why=error.why, next="the old set stays in force")
            self.refused = error.why
        self._stamp = stamp

    def _changed(self) -> Stamp | None:
        try:
            stamp = stamp_of(self._home.config)
        except OSError:
            # A file went away between its listing and its look: the reading says what is missing.
            return frozenset()
        fresh = any(time.time_ns() - changed < FRESH_NS for _, _, _, changed in stamp)
        return stamp if stamp != self._stamp or fresh or not stamp else None

    def _publish(self, brokers: str) -> None:
        if read_folder(self._home.config, shipped_patterns()).digest() == self.version:
            self.refused = ""
            self.keep()
            return
        loaded = load_configuration(self._home.config, shipped_patterns(), component_keys(self._home.keys))
        names = publish(brokers, loaded, load_key(self._home.keys / "publisher.key"))
        self.version, self.refused = loaded.version, ""
        self.keep()
        log.info("configuration published", entries=names, next="streams and prober go by it in seconds, door and executors when started")

    def keep(self) -> None:
        """Keep the published files, so that they can be put back."""
        keep(self._home, self.version, shipped_patterns(), "publisher", datetime.now(UTC))
