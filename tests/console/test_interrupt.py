"""Ctrl-C is told from a defect, in whatever form a library hands it on."""

from __future__ import annotations

import pytest

from console.cli.main import was_interrupted


@pytest.mark.parametrize(
    ("cause", "told"), [(None, False), (ValueError("broken"), False), (KeyboardInterrupt(), True)], ids=["defect", "other cause", "Ctrl-C"]
)
def test_an_error_of_a_library_is_an_interrupt_when_that_is_its_cause(cause: BaseException | None, told: bool) -> None:
    error = SystemError("returned a result with an exception set")
    error.__cause__ = cause
    assert was_interrupted(error) is told
    assert was_interrupted(KeyboardInterrupt())
