"""A child that ends with the thread that started it, however that ends; asked for where a child must not outlive its parent."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Ask the kernel to end this child when its parent ends; run in the child between fork and exec (prctl(2)).

    The kernel means the thread that forked: start children from a thread that lives as long as they shall.
    """
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
