"""Calls one URL by POST with nothing in it, in bounded time, following nowhere and reading no more than the head of the answer.

Used by the heartbeat from one thread. The URL is a secret: no word of an answer or an error that could hold it is handed on.
"""

from __future__ import annotations

import asyncio
import os
from urllib.parse import urlsplit

from infra.adapters.authorities import trusted
from infra.adapters.dial import status_of

TIMEOUT_S = 5.0


class Beats:
    """Keeps its event loop between calls, so that the end of a call waits for no name server."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        """Prepare; nothing is opened yet."""
        self._timeout_s = timeout_s
        self._runner = asyncio.Runner()

    def post(self, url: str) -> str:
        """Return why the call was not taken, empty when the answer was of the 200s."""
        try:
            status = self._runner.run(asyncio.wait_for(status_of(urlsplit(url), trusted, "POST"), self._timeout_s))
        except TimeoutError:
            return f"no answer in {self._timeout_s:g} s"
        except OSError as error:
            return f"{type(error).__name__}: {os.strerror(error.errno) if error.errno and error.errno > 0 else 'no connection'}"
        except ValueError:
            return "what answers there speaks no HTTP"
        return "" if 200 <= status < 300 else f"it answered {status}"

    def close(self) -> None:
        """Let the loop go."""
        self._runner.close()
