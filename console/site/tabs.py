"""The tabs of the page as a table: the bar in the template is drawn from it, and each tab is one module and one template.

A tab's module has its own route, answers with ``frame.whole`` and is joined in ``app.py``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: what it is called in code and on the page, its address, and the template that fills its ``main``."""

    name: str
    title: str
    path: str
    template: str


TABS = (
    Tab("overview", "Overview", "/", "page.html"),
    Tab("circuits", "Circuits and budgets", "/circuits", "circuits.html"),
    Tab("freezes", "Freezes and rollout", "/freezes", "freezes.html"),
    Tab("audit", "Audit", "/audit", "audit.html"),
    Tab("patterns", "Patterns", "/patterns", "patterns.html"),
    Tab("learning", "Learning", "/learning", "learning.html"),
)  # fmt: skip
_BY_NAME = {tab.name: tab for tab in TABS}


def tab_named(name: str) -> Tab:
    """Return one tab; raises KeyError for a name that the table does not hold."""
    return _BY_NAME[name]
