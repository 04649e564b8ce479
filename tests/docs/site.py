"""All generated pages together, and the navigation with its lists spelt out; called by ``hook.py`` and the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from tests.docs.configuration import configuration_pages
from tests.docs.kinds import kind_pages
from tests.docs.reference import reference_pages
from tests.docs.strategies import strategy_pages
from tests.docs.written import ROOT


@cache
def generated_pages() -> Mapping[str, str]:
    """Return every page that is made from the code, by its address."""
    return {**kind_pages(_patterns()), **strategy_pages(), **configuration_pages(), **reference_pages()}


def expanded(nav: Any, known: Sequence[str]) -> Any:
    """Return the navigation with each ``folder/*`` in the place of a page spelt out; an index comes first."""
    if isinstance(nav, dict):
        return {name: _spelt_out(part, known) if _is_list(part) else expanded(part, known) for name, part in nav.items()}
    return [expanded(part, known) for part in nav] if isinstance(nav, list) else nav


def _is_list(part: Any) -> bool:
    return isinstance(part, str) and part.endswith("/*")


def _spelt_out(pattern: str, known: Sequence[str]) -> list[str]:
    found = [name for name in known if fnmatch(name, pattern)]
    return sorted(found, key=lambda name: (PurePosixPath(name).name != "index.md", name))


def _patterns() -> list[dict[str, Any]]:
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "learning/catalogue").glob("*.json"))]
    return [pattern for row in map(json.loads, texts) for pattern in row.get("patterns", ())]
