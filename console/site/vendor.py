"""``python -m console.site.vendor``: fetches the page's two libraries anew by the npm client, as ``vendored.json`` names them.

A file that is not byte for byte the recorded one is refused: to take a newer release, change version and sha256 there first.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from schemas.errors import HealstreamError

FOLDER = Path(__file__).parent
_FETCH_S = 300.0


def recorded() -> list[dict[str, str]]:
    """Return the rows of ``vendored.json``: package, version, path in it, our file, licence and sha256."""
    return [dict(row) for row in json.loads(files("console").joinpath("site", "vendored.json").read_text(encoding="utf-8"))]


def file_in(packed: bytes, path: str) -> bytes:
    """Return one file of a packed npm package; raises HealstreamError when it is not there."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as pack:
        found = pack.extractfile(f"package/{path}") if f"package/{path}" in pack.getnames() else None
        if found is None:
            raise HealstreamError(f"file {path}", "the package does not hold it", "Correct the path in console/site/vendored.json")
        return found.read()


def checked(row: dict[str, str], body: bytes) -> bytes:
    """Return the bytes when they are the recorded ones; raises HealstreamError otherwise."""
    found = sha256(body).hexdigest()
    if found != row["sha256"]:
        raise HealstreamError(f"file {row['file']}", f"its sha256 is {found}", "Look at what changed, then record it in vendored.json")
    return body


def _packed(package: str, version: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        call = ["npm", "pack", f"{package}@{version}", "--silent", "--pack-destination", folder]
        subprocess.run(call, check=True, timeout=_FETCH_S)
        [path] = Path(folder).glob("*.tgz")
        return path.read_bytes()


def main() -> int:
    """Fetch and write."""
    for row in recorded():
        body = checked(row, file_in(_packed(row["package"], row["version"]), row["path"]))
        (FOLDER / "static" / row["file"]).write_bytes(body)
        sys.stdout.write(f"{row['file']} {row['version']}: {len(body)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
