"""Starts one service exactly once per key and lets go of it; run as a program of its own so that a dead worker changes nothing.

``python -I -S launch.py PID_FILE LEDGER KEY -- ARGV...``. Under a lock it looks at the pid file and the ledger, forks, and the child
writes both before it becomes the service: whoever dies in between, a second launch with the same key starts nothing more.
Standard library only: it starts in a few milliseconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path

CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
ALREADY = 3
FAILED = 4


def start_ticks(pid: int) -> int | None:
    """Return when a living process began (clock ticks since boot), None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def pid_in(pid_file: Path) -> int | None:
    """Return the number in a pid file."""
    try:
        return int(pid_file.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def ledger_rows(ledger: Path) -> list[dict[str, object]]:
    """Return the effects that the ledger holds; a line cut off by a crash counts as none."""
    if not ledger.exists():
        return []
    rows = []
    for text in ledger.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(text))
        except ValueError:
            continue
    return rows


def append_row(ledger: Path, row: dict[str, object]) -> None:
    """Add one effect, durably."""
    with ledger.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row, sort_keys=True) + "\n")
        out.flush()
        os.fsync(out.fileno())


def write_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file in one step, so that a reader sees the old or the new content and nothing between."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("wb") as out:
            # Before anything is in it: what is secret is never readable for a moment.
            os.fchmod(out.fileno(), mode)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    finally:
        # On a full disk half of it may be there.
        beside.unlink(missing_ok=True)


def _become(pid_file: Path, ledger: Path, key: str, argv: list[str], report: int) -> None:
    os.setsid()
    # Nothing of ours may stay open in the service: not the worker's sockets, not the lock.
    log = os.open(f"{pid_file}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, wanted in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, wanted)
    pid = os.getpid()
    append_row(ledger, {"act": "start", "key": key, "pid": pid, "ticks": start_ticks(pid)})
    write_whole(pid_file, f"{pid}\n".encode("ascii"))
    try:
        os.execvpe(argv[0], argv, CLEAN)  # noqa: S606 - an argument list from the service catalogue, never a shell
    except OSError as error:
        os.write(report, str(error).encode())
        os._exit(FAILED)


def launch(pid_file: Path, ledger: Path, key: str, argv: list[str]) -> int:
    """Start the service unless it lives or the key was used; return the exit code."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{pid_file}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        pid = pid_in(pid_file)
        if (pid is not None and start_ticks(pid) is not None) or any(row.get("key") == key for row in ledger_rows(ledger)):
            return ALREADY
        receive, report = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receive)
            _become(pid_file, ledger, key, argv, report)
        os.close(report)
        # The pipe closes when the child has become the service.
        trouble = os.read(receive, 500)
    if trouble:
        sys.stderr.write(trouble.decode(errors="replace"))
        return FAILED
    return 0


if __name__ == "__main__":
    where, book, by_key, _, *command = sys.argv[1:]
    # os._exit: the service must not be waited for.
    os._exit(launch(Path(where), Path(book), by_key, command))
