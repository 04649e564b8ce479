"""Tools of other makers that a test runs: missing ones skip a test locally, and fail it in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def tool(name: str) -> str:
    """Return where a tool is."""
    found = shutil.which(name)
    if found is None:
        give_up(f"{name} is not installed here")
    return found


def give_up(why: str) -> NoReturn:
    """Skip the test here, and fail it in CI, where everything is installed."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
