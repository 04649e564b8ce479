"""How soon a person sees the page: its first contentful paint in a real Chromium on loopback, each time with an empty cache."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, StorageState

from console.site.app import site_app
from tests.bench.figures import Figure, below, quantile
from tests.support.chromium import WAIT_MS, chromium, log_in, served
from tests.support.many_incidents import decision_on, incident_of, waiting, whole_story
from tests.support.site_world import PASSWORD, SiteWorld, few_patterns

LOADS, LIMIT_MS = 21, 300.0
INCIDENTS, WAITING = 40, 3
# What any paint costs on this machine: a small file, shown as the text that it is.
BARE = "/static/site.css"
# From the start of the navigation, all by the browser's own clock: the paint, the first byte of the answer, and its end.
_TIMES = """() => {
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    const page = performance.getEntriesByType('navigation')[0];
    return paint && page.responseEnd ? [paint.startTime, page.responseStart, page.responseEnd] : null;
}"""


def measure() -> list[Figure]:
    """Load the page once to warm the server and the browser, then ``LOADS`` times; the target is the median's."""
    with tempfile.TemporaryDirectory() as folder, _served_page(Path(folder)) as address, chromium() as browser:
        login = _logged_in(browser, address)
        _load(browser, address, login)
        rounds = [(_load(browser, address, login), _load(browser, f"{address}{BARE}", login)[0]) for _ in range(LOADS)]
    paint, begun, ended = ([load[number] for load, _ in rounds] for number in range(3))
    how = (
        f"median of {LOADS} loads with an empty cache, p95 {quantile(paint, 0.95):.0f} ms; of it the answer's first byte after "
        f"{statistics.median(begun):.0f} ms, its end after {statistics.median(ended):.0f} ms; {INCIDENTS} incidents, {WAITING} wait; "
        f"a bare text of the same server, by turns: {statistics.median(bare for _, bare in rounds):.0f} ms"
    )
    return [below("first paint of the page", statistics.median(paint), "ms", LIMIT_MS, how)]


@contextmanager
def _served_page(folder: Path) -> Iterator[str]:
    world = SiteWorld(folder, datetime.now(UTC), shipped=few_patterns(folder / "shipped"))
    world.tell(*(row for number in range(INCIDENTS) for row in whole_story(number, world.moment - timedelta(minutes=30 * number + 5))))
    for number in range(WAITING):
        incident = incident_of(INCIDENTS + number, world.moment - timedelta(minutes=1))
        decision = decision_on(incident)
        world.tell(incident, decision, *waiting(decision))
    with served(site_app(world.site())) as address:
        yield address


def _logged_in(browser: Browser, address: str) -> StorageState:
    """Return the cookies of a person who has logged in: nobody else sees more than the login."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{address}/login")
        log_in(page, "bob", PASSWORD)
        page.get_by_role("heading", name="Needs you").wait_for()
        return context.storage_state()


def _load(browser: Browser, address: str, login: StorageState) -> list[float]:
    # A context has a cache of its own, so a new one has an empty one.
    with browser.new_context(storage_state=login) as context:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(address, wait_until="commit")
        return [float(value) for value in page.wait_for_function(_TIMES).json_value()]
