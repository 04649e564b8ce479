"""A small disk of its own below a folder, which a test can fill: a tmpfs, where mounting is allowed."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

_BALLAST = "ballast"


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
