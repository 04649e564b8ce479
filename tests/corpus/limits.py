"""From a recipe's limit to the lines of shell that put it in force around the step: full disks, memory, signals, permissions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from tests.corpus.recipe import Limit

_NOBODY = 65534
CONTROL_GROUPS = Path("/sys/fs/cgroup/memory")


def needs_namespace(limit: Limit) -> bool:
    """Tell whether the limit needs mounts, control groups or another user, which only root may make."""
    return bool(limit.full or limit.read_only or limit.memory_mib or limit.is_plain_user)


def frame(limit: Limit, root: Path, names: Mapping[str, Path], command: str) -> str:
    """Return the shell lines that run ``command`` under the limit; ``names`` holds files to be seen in the place of the machine's own."""
    lines = [f"mount --bind {shlex.quote(str(path))} {shlex.quote(name)}" for name, path in names.items()]
    lines += [line for name in limit.full for line in _small_disk(root / name, limit)]
    if limit.is_plain_user:
        lines += [f"chown -R {_NOBODY}:{_NOBODY} {shlex.quote(str(root))}"]
    for name in limit.read_only:
        place = shlex.quote(str(root / name))
        lines += [f"mount --bind {place} {place}", f"mount -o remount,bind,ro {place}"]
    if limit.memory_mib:
        lines += _control_group(limit.memory_mib, root)
    return "\n".join([*lines, f"cd {shlex.quote(str(root / 'app'))}", "exec " + " ".join([*_prefix(limit), command])]) + "\n"


def _small_disk(place: Path, limit: Limit) -> list[str]:
    quoted, seed = shlex.quote(str(place)), shlex.quote(f"{place}.seed")
    inodes = f",nr_inodes={limit.inodes}" if limit.inodes else ""
    return [
        f"cp -a {quoted} {seed}",
        f"mount -t tmpfs -o mode=1777,size={limit.room_kib}k{inodes} tmpfs {quoted}",
        f"cp -a {seed}/. {quoted}",
    ]


def _control_group(mebibytes: int, root: Path) -> list[str]:
    group = shlex.quote(str(CONTROL_GROUPS / f"healstream-{root.name}"))
    return [
        f"mkdir -p {group}",
        f"echo {mebibytes}M > {group}/memory.limit_in_bytes",
        f"echo $$ > {group}/cgroup.procs",
    ]


def _prefix(limit: Limit) -> list[str]:
    words: list[str] = []
    if limit.is_plain_user:
        words += ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    asked = {"--as": limit.address_kib * 1024, "--fsize": limit.file_kib * 1024, "--nofile": limit.files}
    held = [f"{option}={value}" for option, value in asked.items() if value]
    return [*words, *(["prlimit", *held, "--"] if held else [])]
