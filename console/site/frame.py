"""What stands around every tab: the header with its values, the bar of tabs, the session's token; used by each tab's module."""

from __future__ import annotations

import sqlite3

from fastapi.responses import HTMLResponse

from console.site import views
from console.site.entrance import Visitor
from console.site.looks import draw
from console.site.place import Site
from console.site.tabs import TABS, tab_named
from console.switching import switch_rows
from schemas.ids import Record
from schemas.oversight import ModelChange, ModelRecord
from schemas.people import Right


def whole(tab: str, site: Site, visitor: Visitor, values: dict[str, object]) -> HTMLResponse:
    """Return a tab of the table as a whole page; htmx takes from it what it swaps."""
    found = tab_named(tab)
    with site.base() as base:
        head = head_values(site, visitor, base)
    return HTMLResponse(draw(found.template, **head, **values, tab=found, tabs=TABS, csrf=visitor.session.csrf))


def head_values(site: Site, visitor: Visitor, base: sqlite3.Connection) -> dict[str, object]:
    """Return what the header shows, and what the person may do."""
    people = site.people()
    return {
        "who": visitor.name,
        "may": {right.value: people.may_somewhere(visitor.name, right) for right in Right},
        "switches": switch_rows(site.home, site.switches()),
        "processes": site.processes(),
        "model": _model([row for _, row in views.newest(base, ModelRecord.RECORD, 200)]),
    }


def _model(newest_first: list[Record]) -> str:
    acting = (row.version for row in newest_first if isinstance(row, ModelRecord) and row.change is ModelChange.ACTING)
    return next(acting, "shipped")
