"""The stop file of a host: a kill switch that needs no broker and no tool. Read by the executors and shown by ``healstream killswitch``."""

from __future__ import annotations

from pathlib import Path

from schemas.oversight import SwitchMode

_LONGEST = 100


def stop_mode(path: Path) -> SwitchMode:
    """Return what the file says: ``drain`` when that is its one word, ``halt`` for any other content, ``off`` when there is none."""
    try:
        with path.open("rb") as file:
            said = file.read(_LONGEST).strip()
    except (FileNotFoundError, NotADirectoryError):
        return SwitchMode.OFF
    except OSError:
        # It is there and cannot be read: whoever made it wanted to stop something.
        return SwitchMode.HALT
    return SwitchMode.DRAIN if said == SwitchMode.DRAIN.value.encode() else SwitchMode.HALT
