"""A systemd of their own for the tests of ports; it is started when one asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.user_manager import UserManager, user_manager


@pytest.fixture(scope="session")
def manager() -> Iterator[UserManager]:
    with user_manager() as found:
        yield found
