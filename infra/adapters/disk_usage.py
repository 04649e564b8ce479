"""How full a file system is, as ``df`` counts it; asked by the prober and by the clean-up's adapter."""

from __future__ import annotations

import os


def used_percent(path: str) -> float:
    """Return the share in use, 0..100, of what an ordinary user may fill: the larger of bytes and inodes; raises OSError.

    Blocks reserved for root do not count as free (statvfs(3): ``f_bavail``), as in ``df``.
    """
    stat = os.statvfs(path)
    return max(_share(stat.f_blocks - stat.f_bfree, stat.f_bavail), _share(stat.f_files - stat.f_ffree, stat.f_favail))


def _share(used: int, free: int) -> float:
    # Some file systems count no inodes at all.
    return 100.0 * used / (used + free) if used + free > 0 else 0.0
