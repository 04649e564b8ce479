"""Small real wheels, and a package index of one on a loopback port, closed at first and opened later; what the demo's real pip asks."""

from __future__ import annotations

import base64
import hashlib
import threading
import zipfile
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typing_extensions import override

WHEEL = "demo_pkg-1.0-py3-none-any.whl"


def write_wheel(folder: Path, name: str, version: str, needs: Sequence[str] = ()) -> Path:
    """Write a wheel of one module with the record of its files' hashes, the same bytes each time; return its path."""
    module, folder_name = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    wanted = "".join(f"Requires-Dist: {need}\n" for need in needs)
    files = {
        f"{module}.py": "GREETING = 'installed for real'\n",
        f"{folder_name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{wanted}",
        f"{folder_name}/WHEEL": "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_record_hash(text)},{len(text)}\n" for path, text in files.items()]
    made = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as wheel:
        for path, text in {**files, f"{folder_name}/RECORD": "".join([*rows, f"{folder_name}/RECORD,,\n"])}.items():
            wheel.writestr(zipfile.ZipInfo(path), text)
    return made


def _record_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def write_index(folder: Path) -> None:
    """Write ``simple/demo-pkg/`` with one wheel and its page."""
    place = folder / "simple" / "demo-pkg"
    place.mkdir(parents=True)
    write_wheel(place, "demo-pkg", "1.0")
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
