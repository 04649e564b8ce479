"""A CI job whose network is away the first times: ``python -I -S job.py PORT COUNTER TIMES``; a program of its own, run by the CI server.

It really asks a port and says what pip says when nobody answers; after so many attempts it finds its package. Standard library only.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def main(port: int, counter: Path, times: int) -> int:
    """Ask as often as the counter does not say that it is enough."""
    attempt = len(counter.read_text(encoding="ascii")) + 1 if counter.exists() else 1
    counter.write_text("x" * attempt, encoding="ascii")
    sys.stdout.write("Collecting demo\n")
    if attempt > times:
        sys.stdout.write("Successfully installed demo-1.0\n")
        return 0
    with socket.socket() as asked:
        said = asked.connect_ex(("127.0.0.1", port))
    why = f"NewConnectionError('<HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno {said}] Connection refused')"
    sys.stdout.write(
        f"WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after {why}: /demo/\n"
        f"ERROR: Could not install packages due to an OSError: HTTPConnectionPool(host='127.0.0.1', port={port}): "
        f"Max retries exceeded with url: /demo/demo-1.0-py3-none-any.whl (Caused by {why})\n"
    )
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
