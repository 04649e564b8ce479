"""A small disk of its own below a folder, which a test can fill: a tmpfs, where mounting is allowed."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

_BALLAST = "ballast"


def needs_disks(are_mounted: bool) -> None:
    """Skip a test on a developer's machine that may not mount; CI may, and there the test fails."""
    if not are_mounted and not os.environ.get("CI"):
        pytest.skip("mounting a small disk needs root")
    assert are_mounted


def fill(folder: Path) -> None:
    """Write a file until the disk takes no more."""
    with (folder / _BALLAST).open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def free(folder: Path) -> None:
    """Take that file away."""
    (folder / _BALLAST).unlink()


@contextmanager
def small_disks(sizes: Mapping[Path, str]) -> Iterator[bool]:
    """Put a disk of this size at each folder and take all away afterwards; yields whether that was allowed."""
    with ExitStack() as mounted:
        for folder, size in sizes.items():
            folder.mkdir(parents=True, exist_ok=True)
            call = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
            if subprocess.run(call, capture_output=True, check=False).returncode:
                yield False
                return
            mounted.callback(subprocess.run, ["umount", str(folder)], capture_output=True, check=False)
        yield True
