"""What is loaded at the start of a process is not searched for garbage; what comes later still is."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from infra.garbage import keep_what_is_loaded


class Knot:
    """Garbage that only a search finds, once nobody else holds it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_was_loaded_is_not_searched_again() -> None:
    loaded, before = Knot(), len(gc.get_objects())
    keep_what_is_loaded()
    searched = gc.get_objects()
    assert all(found is not loaded for found in searched)
    assert len(searched) < before / 10


def test_garbage_of_before_is_gone_and_that_of_after_is_found() -> None:
    early = weakref.ref(Knot())
    keep_what_is_loaded()
    assert early() is None
    late = weakref.ref(Knot())
    assert late() is not None
    gc.collect()
    assert late() is None
