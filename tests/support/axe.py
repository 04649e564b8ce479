"""The script of axe-core, which looks for what keeps people out of a page."""

from __future__ import annotations

from tests.support.npm_files import NpmFile

VERSION = "4.14.1"
_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
_SCRIPT = NpmFile("axe-core", VERSION, "axe.min.js", _SHA256, f"axe-core-{VERSION}.js")


def axe_script() -> str:
    """Return the script; without npm or a registry the test is skipped here and fails in CI."""
    return _SCRIPT.body().decode()
