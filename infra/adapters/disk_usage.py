"""How full a disk is: a file system as ``df`` counts it, a folder with a bound by its own files; asked by the prober and the clean-up."""

from __future__ import annotations

import os

from infra.adapters.open_below import opened_folder, walk_files
from schemas.seen_files import DiskUse
from schemas.targets.disk import DiskSpec


def usage_of(disk: DiskSpec) -> DiskUse:
    """Return what is in use of what an ordinary user may fill; raises OSError.

    Blocks reserved for root do not count as free (statvfs(3): ``f_bavail``), as in ``df``.
    """
    if disk.size_bytes:
        with opened_folder(disk.path):
            return DiskUse(sum(seen.st_blocks * 512 for _, seen in walk_files(disk.path, "")), disk.size_bytes)
    seen = os.statvfs(disk.path)
    used, files = seen.f_blocks - seen.f_bfree, seen.f_files - seen.f_ffree
    return DiskUse(used * seen.f_frsize, (used + seen.f_bavail) * seen.f_frsize, files, files + seen.f_favail)
