"""Tools of other makers that a test runs: missing ones skip a test locally, and fail it in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def tool(name: str) -> str:
    """Return where a tool is."""
    found = shutil.which(name)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"{name} is not installed here")
    assert found is not None, f"{name} is not installed"
    return found
