"""Runs one argument list to its end: clean environment, a home of its own, bounded time and output, nothing left behind.

The command is the catalogue's or an adapter's own; text from a log never becomes part of it, and no shell reads it. It ends with the
process that runs it, however that ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from infra.adapters.launch import CLEAN
from infra.parent_death import die_with_parent

TAIL_BYTES = 4096
_CHUNK = 65536
_TOO_LONG = -1
_NOT_STARTED = -2


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit code (negative when it was ended, or never began) and the end of what it said."""

    code: int
    tail: str

    @property
    def passed(self) -> bool:
        """Tell whether it ended well."""
        return self.code == 0


def run_bounded(
    argv: Sequence[str], cwd: Path, timeout_s: float, home: Path, environ: Sequence[tuple[str, str]] = (), *, keep: int = TAIL_BYTES
) -> Ran:
    """Run the command and keep the last bytes that it said; when it takes too long, it and all that it started are ended."""
    env = {**CLEAN, "HOME": str(home), "TMPDIR": str(home), **dict(environ)}
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # The command of an executor that was killed must not go on beside its successor's.
            preexec_fn=die_with_parent,  # noqa: PLW1509 - only prctl runs between fork and exec
        )
    except (OSError, ValueError) as error:
        return Ran(_NOT_STARTED, f"{argv[0]} does not start: {error}")
    kept = bytearray()
    reader = threading.Thread(target=_keep_tail, args=(process.stdout, kept, keep), daemon=True)
    reader.start()
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        code = _TOO_LONG
        kept += f"\nended after {timeout_s:g} s".encode()
    finally:
        # What it left running would hold the pipe open, and has no business any more.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(5.0)
    return Ran(code, bytes(kept[-keep:]).decode("utf-8", "replace").strip())


def _keep_tail(pipe: IO[bytes] | None, kept: bytearray, keep: int) -> None:
    with pipe or open(os.devnull, "rb") as source:  # noqa: PTH123 - the pipe is always there; this is for the types
        while part := os.read(source.fileno(), _CHUNK):
            kept += part
            del kept[: -2 * keep]
