"""A package index of one package on a loopback port: closed at first, opened later; what the demo's real ``pip install`` asks."""

from __future__ import annotations

import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

WHEEL = "demo_pkg-1.0-py3-none-any.whl"
_INFO = "demo_pkg-1.0.dist-info"


def write_index(folder: Path) -> None:
    """Write ``simple/demo-pkg/`` with one wheel and its page."""
    place = folder / "simple" / "demo-pkg"
    place.mkdir(parents=True)
    with zipfile.ZipFile(place / WHEEL, "w") as wheel:
        wheel.writestr("demo_pkg.py", "GREETING = 'installed for real'\n")
        wheel.writestr(f"{_INFO}/METADATA", "Metadata-Version: 2.1\nName: demo-pkg\nVersion: 1.0\n")
        wheel.writestr(f"{_INFO}/WHEEL", "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{_INFO}/RECORD", f"demo_pkg.py,,\n{_INFO}/METADATA,,\n{_INFO}/WHEEL,,\n{_INFO}/RECORD,,\n")
    (place / "index.html").write_text(f'<!DOCTYPE html><html><body><a href="{WHEEL}">{WHEEL}</a></body></html>', encoding="utf-8")


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def open_index(folder: Path, port: int) -> ThreadingHTTPServer:
    """Serve the folder on the port that was closed until now."""
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, name="index", daemon=True).start()
    return server
