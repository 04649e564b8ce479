"""What a Ctrl-C or SIGTERM does to the demo: it leaves at the first one, and what must be whole is done whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)


def interrupt_once(number: int, frame: FrameType | None) -> None:
    """Leave at the first signal, and take no more of them to the very end of the process: leaving is done whole."""
    del number, frame
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def undisturbed() -> Iterator[None]:
    """Take no further signal: what is being cleaned up is cleaned up whole."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def to_its_end() -> Iterator[None]:
    """Do a short thing to its end; a signal that comes meanwhile is taken right after it."""
    came: list[int] = []

    def keep(number: int, frame: FrameType | None) -> None:
        del frame
        came.append(number)

    before = {number: signal.signal(number, keep) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
