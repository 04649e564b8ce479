"""Keeps a tmpfs for as long as its owner lives: ``python -I -S disk_keeper.py PLACE BYTES``; used by ``small_disk.py``.

It mounts, says whether that was allowed, and takes the file system away at the end of its input: that comes also when the owner is
killed. Told to keep it, it leaves it where it is. Standard library only.
"""

from __future__ import annotations

import subprocess
import sys

MOUNTED, REFUSED, KEEP = "mounted\n", "refused\n", "keep\n"
MOUNT_S = 15.0


def is_done(*words: str) -> bool:
    """Run one of the system's own programs; return whether it did it."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=MOUNT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main(place: str, size: str) -> None:
    """Mount, wait, unmount."""
    is_mounted = is_done("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "healstream-demo", place)
    sys.stdout.write(MOUNTED if is_mounted else REFUSED)
    sys.stdout.flush()
    if is_mounted and sys.stdin.readline() != KEEP:
        # At once, also while somebody has a file of it open; the kernel frees it with the last one.
        is_done("umount", "-l", place)


if __name__ == "__main__":
    main(*sys.argv[1:])
