"""The script of axe-core, fetched once by the npm client and kept in the cache folder; what was fetched is held against its sha256."""

from __future__ import annotations

import os
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

from console.site.vendor import file_in
from tests.support.tools import give_up, tool

VERSION = "4.14.1"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
FETCH_S = 300


def axe_script() -> str:
    """Return the script; without npm or a registry the test is skipped here and fails in CI."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "healstream" / f"axe-core-{VERSION}.js"
    body = kept.read_bytes() if kept.is_file() else _fetched()
    assert sha256(body).hexdigest() == SHA256
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(body)
    return body.decode()


def _fetched() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        call = [tool("npm"), "pack", f"axe-core@{VERSION}", "--silent", "--pack-destination", folder]
        if subprocess.run(call, check=False, timeout=FETCH_S).returncode:
            give_up("axe-core could not be fetched")
        [path] = Path(folder).glob("*.tgz")
        return file_in(path.read_bytes(), "axe.min.js")
