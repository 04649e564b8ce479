"""The code of the release before, laid out from this clone's history, for processes of two releases on one set of topics."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.tools import tool

ROOT = Path(__file__).parents[2]
# The last state before the schemas of people's words and lessons changed: what ``schemas/avro/earlier`` calls 0.1.0.dev1.
COMMIT = "c0acb9c767165c5df714c749be6f49af36131ec6"


def code_before(folder: Path) -> Path:
    """Return a folder with that code; skips the test where the clone does not reach back so far."""
    if subprocess.run([tool("git"), "cat-file", "-e", f"{COMMIT}^{{commit}}"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip(f"this clone has no commit {COMMIT}: `git fetch --unshallow` brings the release before")
    packed = subprocess.run([tool("git"), "archive", COMMIT], cwd=ROOT, capture_output=True, check=True).stdout
    laid_out = folder / "before"
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        files.extractall(laid_out, filter="data")
    return laid_out
