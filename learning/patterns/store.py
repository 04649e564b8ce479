"""Where what takes long to make from pattern files is kept between processes; ``infra/compiled_patterns.py`` keeps it on disk."""

from __future__ import annotations

from typing import Protocol


class Store(Protocol):
    """What is lost is made again."""

    def get(self, key: str) -> bytes | None:
        """Return what was kept under the key, None when it is not there or not whole."""
        ...

    def put(self, key: str, made: bytes) -> None:
        """Keep it; a disk that refuses costs time only."""
        ...
