"""What holds for every test: generated cases are judged by what they find, not by how busy the machine is.

Side by side (``pytest -n 3 --dist loadfile``) a worker takes a file at a time, and a folder whose tests start whole systems as one: two
of those at once would mostly wait for each other. The folder that takes longest comes first, the others when everything else is done. What
of the first folder starts no more than a process or two beside the broker goes by file with all others. The chaos runs go in two lanes, in
which a run that leaves the machine half idle stands beside the one that fills it.
"""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest
from hypothesis import settings
from typing_extensions import override
from xdist.scheduler import LoadFileScheduling

FIRST, LAST = ("tests/integration/",), ("tests/chaos/", "tests/kubernetes/")
_FEW_PROCESSES = (
    *("broker", "containers", "detection_watch", "disks_and_folders", "executor", "kafka_and_topics", "kafka_container", "notices"),
    *("s3_backup", "schema_registry", "site_feed", "site_in_chromium", "workflow_executor"),
)
LIGHT = tuple(f"tests/integration/test_{name}.py" for name in _FEW_PROCESSES)
_CHAOS_LANES = (("invariants_in_a_flood", "invariants_on_kafka"), ("kill_boundaries", "invariants_on_a_bad_machine"))
LANES = {f"tests/chaos/test_{name}.py": f"chaos-{lane}" for lane, names in enumerate(_CHAOS_LANES) for name in names}

settings.register_profile("healstream", deadline=None)
settings.load_profile("healstream")


def _turn(nodeid: str) -> int:
    """Return -1 for what comes first, 1 for what comes last, 0 for all others."""
    return nodeid.startswith(LAST) - (nodeid.startswith(FIRST) and not nodeid.startswith(LIGHT))


class ByFileOrFolder(LoadFileScheduling):  # type: ignore[misc] # it has no types of its own
    """By file, and by folder where systems are started."""

    @override
    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return LANES.get(file) or ("/".join(nodeid.split("/")[:2]) if _turn(nodeid) else file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what starts systems at both ends, and the lanes in their order before what is short."""
    place = {file: number for number, file in enumerate(LANES)}
    items.sort(key=lambda item: (_turn(item.nodeid), place.get(item.nodeid.partition("::")[0], len(place))))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Let coverage look away from a test that is marked so; see ``tests/support/unmeasured.py``."""
    if item.get_closest_marker("unmeasured") is None:
        return (yield)
    # Both changes are made in this frame, so that the tracer sees as many of its calls begin as end.
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFileOrFolder | None:
    """Distribute by file, when that is asked for."""
    return ByFileOrFolder(config, log) if config.getvalue("dist") == "loadfile" else None
