"""What holds for every test: generated cases are judged by what they find, not by how busy the machine is.

Side by side (``pytest -n 2 --dist loadfile``) a worker takes a file at a time, and one of them all that starts whole systems: two of
those at once would only wait for each other. They come first, since they take longest.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from typing_extensions import override
from xdist.scheduler import LoadFileScheduling

STARTS_SYSTEMS = ("tests/integration/", "tests/chaos/", "tests/kubernetes/")

settings.register_profile("healstream", deadline=None)
settings.load_profile("healstream")


class OneLane(LoadFileScheduling):  # type: ignore[misc] # it has no types of its own
    """By file; everything that starts systems is one."""

    @override
    def _split_scope(self, nodeid: str) -> str:
        return "systems" if nodeid.startswith(STARTS_SYSTEMS) else str(super()._split_scope(nodeid))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what starts systems first."""
    items.sort(key=lambda item: not item.nodeid.startswith(STARTS_SYSTEMS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneLane | None:
    """Distribute by file, when that is asked for."""
    return OneLane(config, log) if config.getvalue("dist") == "loadfile" else None
