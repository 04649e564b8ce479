"""The requirement map: every id has a status, and what is not open names tests that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAP: dict[str, dict[str, object]] = tomllib.loads((ROOT / "tests" / "requirements.toml").read_text(encoding="utf-8"))
SPECIFICATION = ROOT.parent / "shared" / "requirements.md"
STATUSES = {"open", "partial", "closed"}


@pytest.mark.parametrize("requirement", sorted(MAP))
def test_a_requirement_names_its_proof(requirement: str) -> None:
    entry = MAP[requirement]
    tests = entry["tests"]
    assert entry["status"] in STATUSES
    assert isinstance(tests, list)
    assert bool(tests) == (entry["status"] != "open"), "a proof for what is not open, none for what is"
    for name in tests:
        file, _, function = str(name).partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text, f"{name} does not exist"


def test_every_requirement_of_the_specification_is_in_the_map() -> None:
    if not SPECIFICATION.exists():
        pytest.skip("the specification lies beside the project, not in it")
    listed = set(re.findall(r"^\| ((?:OUT|FR|TR|NF|ML)-[\d.]+) \|", SPECIFICATION.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == set(MAP)
