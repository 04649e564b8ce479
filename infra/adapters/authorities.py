"""The certificate authorities that looks over HTTP trust: read once a process, because reading them takes longer than an answer.

Used by every adapter that looks at somebody often.
"""

from __future__ import annotations

from functools import cache
from ssl import SSLContext

import httpx


@cache
def trusted() -> SSLContext:
    """Return the context for ``httpx``'s clients."""
    return httpx.create_ssl_context(trust_env=False)
