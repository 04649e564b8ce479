"""The bar of tabs: drawn from its table, the same on every tab, each with an address of its own that needs a login."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.site.tabs import TABS, Tab
from tests.support.site_world import SiteWorld

NOW = datetime(2026, 1, 2, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.name)
def test_each_tab_has_its_address_and_is_the_current_one_there(tmp_path: Path, tab: Tab) -> None:
    world = SiteWorld(tmp_path, NOW)
    assert world.browser().client.get(tab.path).status_code == 401

    shown = world.browser().log_in("vic").client.get(tab.path)

    assert shown.status_code == 200, shown.text
    assert f'id="tab-{tab.name}" href="{tab.path}" aria-current="page"' in shown.text
    assert [f'href="{one.path}"' in shown.text for one in TABS] == [True] * len(TABS)
    assert shown.text.count('aria-current="page"') == 1
