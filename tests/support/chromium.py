"""A real Chromium for the page's tests, and the page served on loopback for it; without one a test is skipped here and fails in CI."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette

from tests.support.front_door import until
from tests.support.tools import tool

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a running browser."""
    path = tool("chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, who: str, password: str) -> None:
    """Fill in the login that a page shows."""
    page.get_by_label("Name").fill(who)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an application on a free loopback port, and give its address."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([door],), daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "the page is served")
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        door.close()
