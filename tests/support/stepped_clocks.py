"""A wall clock for each process that can be set while it runs (N7), as a broken time service or a hand would; time that passes is true.

By Debian's ``libfaketime``, which is loaded before the C library (its README names the variables). It reads an offset in seconds
from a file, here at most a second after it was written. Waits last as long as they are told, whatever the clock says meanwhile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

# Reading it anew takes a second at most, and a process that only waits reads nothing.
READ_EVERY_S = 1


WAITS = Path(__file__).with_name("true_waits.c")


COMPILER = shutil.which("cc")


def library() -> Path | None:
    """Return the library, None where the package ``faketime`` or a C compiler is not installed."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return found[0] if found and COMPILER else None


def needs_clocks(found: Path | None) -> Path:
    """Skip a test on a developer's machine without the library; CI has it, and there the test fails."""
    if found is None and not os.environ.get("CI"):
        pytest.skip("setting the clocks of processes needs the package faketime and a C compiler")
    assert found is not None
    return found


class SteppedClocks:
    """The clocks of processes by name; each is right until it is set."""

    def __init__(self, folder: Path, found: Path) -> None:
        """Keep the offsets in a folder."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        waits = folder / "true_waits.so"
        subprocess.run([str(COMPILER), "-shared", "-fPIC", "-O1", "-o", str(waits), str(WAITS)], check=True)
        self._libraries = f"{waits} {found}"

    def environ(self, name: str) -> Mapping[str, str]:
        """Return what a process is started with to have the clock of this name."""
        self.set(name, 0)
        return {
            "LD_PRELOAD": self._libraries,
            "FAKETIME_TIMESTAMP_FILE": str(self._file(name)),
            "FAKETIME_CACHE_DURATION": str(READ_EVERY_S),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, name: str, ahead_s: int) -> None:
        """Let a clock be that many seconds ahead of the true time; behind it when negative."""
        written = self._file(name).with_suffix(".new")
        written.write_text(f"{ahead_s:+d}\n", encoding="ascii")
        written.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.clock"
