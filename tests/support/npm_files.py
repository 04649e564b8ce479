"""Files of npm packages that tests need: fetched once by the npm client, kept in the cache folder, held against their sha256 each time."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from console.site.vendor import file_in
from tests.support.tools import give_up, tool

FETCH_S = 300


@dataclass(frozen=True, slots=True)
class NpmFile:
    """One file of one release; ``name`` is what it is kept as."""

    package: str
    version: str
    path: str
    sha256: str
    name: str

    def body(self) -> bytes:
        """Return its bytes; without npm or a registry the test is skipped here and fails in CI."""
        kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "healstream" / self.name
        body = kept.read_bytes() if kept.is_file() else self._fetched()
        assert sha256(body).hexdigest() == self.sha256, f"{self.package} {self.version}: {self.path} is not the locked one"
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(body)
        return body

    def _fetched(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            call = [tool("npm"), "pack", f"{self.package}@{self.version}", "--silent", "--pack-destination", folder]
            if subprocess.run(call, check=False, timeout=FETCH_S).returncode:
                give_up(f"{self.package} could not be fetched")
            [path] = Path(folder).glob("*.tgz")
            return file_in(path.read_bytes(), self.path)
