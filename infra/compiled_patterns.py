"""Keeps what is made of pattern files in the cache folder, each with its checksum: a thousand patterns take seconds."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

_SUM_BYTES = 32
# Old catalogues' forms, four files each, are of no use; a few are kept for copies that run side by side.
KEPT_FILES = 48


@dataclass(frozen=True, slots=True)
class CompiledPatterns:
    """Fits ``learning.patterns.store.Store``; a missing, broken or foreign file is nothing, and a full disk no error."""

    folder: Path

    @classmethod
    def in_cache(cls, environ: Mapping[str, str]) -> CompiledPatterns:
        """Return the store in the cache folder (XDG)."""
        return cls(Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "healstream" / "patterns")

    def get(self, key: str) -> bytes | None:
        """Return what was kept, None when its checksum does not fit."""
        path = self.folder / f"{key}.hsdb"
        try:
            raw = path.read_bytes()
            # What is used stays, however many others are made meanwhile.
            os.utime(path)
        except OSError:
            return None
        kept = raw[_SUM_BYTES:]
        return kept if kept and sha256(kept).digest() == raw[:_SUM_BYTES] else None

    def put(self, key: str, made: bytes) -> None:
        """Replace the file in one step; of many files those that were used last stay."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            number, beside = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(number, "wb") as out:
                out.write(sha256(made).digest() + made)
            Path(beside).replace(self.folder / f"{key}.hsdb")
            self._sweep()
        except OSError:
            # Without it the next process compiles again, no more.
            return

    def _sweep(self) -> None:
        files = sorted(self.folder.glob("*.hsdb"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[KEPT_FILES:]:
            path.unlink(missing_ok=True)
