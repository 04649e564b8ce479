"""What a systemd that started us with ``Type=notify`` hears: that all is ready, that we still look, that we end (sd_notify(3)).

Called by ``console/system.py``; started by somebody else there is nobody to tell, and nothing is done.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

VARIABLE = "NOTIFY_SOCKET"
READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"


def tell_systemd(environ: Mapping[str, str], word: str) -> None:
    """Send one word; raises OSError when the socket that systemd named does not take it."""
    place = environ.get(VARIABLE, "")
    if not place:
        return
    # A name with @ in front stands for one that lies in no folder.
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        # A manager that hangs must not hold up what is told.
        out.settimeout(1.0)
        out.sendto(word.encode("ascii"), address)
