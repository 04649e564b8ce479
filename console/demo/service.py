"""A small real service of the sandbox: ``python -I service.py --port N ...``; started by the demo and by the executor.

It answers ``/health`` with 200 when what it needs answers too, reads its configuration at SIGHUP, and ends when the demo is gone.
Standard library only. With ``--liar`` it says that all is well and keeps its own idea of its configuration.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOK_S = 0.3
# Longer than a busy machine takes, and shorter than a probe waits: what is dead refuses at once.
ASK_S = 5.0


def answers(url: str) -> bool:
    """Ask what this service needs."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_S) as answer:  # noqa: S310 - the address is one of the sandbox
            return bool(answer.status == 200)
    except OSError:
        return False


def page_of(needs: list[str]) -> type[BaseHTTPRequestHandler]:
    """Return the page that tells how this service is."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library calls it by this name
            status = 200 if all(answers(url) for url in needs) else 503
            body = b"ok\n" if status == 200 else b"what I need does not answer\n"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:  # type: ignore[explicit-override]  # no third-party import in a service
            """Keep quiet."""

    return Page


def keep_own_idea(config: Path) -> None:
    """Change what was just restored, as a service does that says ok and applies something else."""
    text = config.read_text(encoding="utf-8")
    if "limit = 10\n" in text:
        config.write_text(text.replace("limit = 10\n", "limit = 999\n"), encoding="utf-8")


def leave_with(owner: int) -> None:
    """End this process once the demo has ended, however it ended."""
    while Path(f"/proc/{owner}").exists():
        time.sleep(LOOK_S)
    os._exit(0)


def main() -> None:
    """Serve until a signal."""
    words = argparse.ArgumentParser()
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--owner", type=int, required=True)
    words.add_argument("--warm-up", type=float, default=0.0)
    words.add_argument("--held", type=Path)
    words.add_argument("--need", action="append", default=[])
    words.add_argument("--config", type=Path)
    words.add_argument("--liar", action="store_true")
    told = words.parse_args()
    signal.signal(signal.SIGHUP, lambda *_: keep_own_idea(told.config) if told.liar else None)
    threading.Thread(target=leave_with, args=(told.owner,), daemon=True).start()
    # A service that takes a while to come up is what makes a restart worth waiting for.
    time.sleep(told.warm_up)
    while told.held and told.held.exists():
        time.sleep(LOOK_S)
    ThreadingHTTPServer(("127.0.0.1", told.port), page_of(told.need)).serve_forever()


if __name__ == "__main__":
    main()
