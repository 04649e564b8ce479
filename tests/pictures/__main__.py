"""``make screenshots``: the page with a busy day behind it, driven in Chromium, as small PNG files in ``docs/pictures``.

The clock of the page stands still, so that the same page gives the same pictures.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect

from console.site.app import site_app
from console.site.tabs import TABS
from tests.support.busy_world import make_busy
from tests.support.chromium import WAIT_MS, chromium, log_in, served
from tests.support.site_world import PASSWORD, SiteWorld

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
NOW = datetime(2026, 1, 15, 14, 20, tzinfo=UTC)
MOST_BYTES, COLOURS, WIDTH, HEIGHT = 1_500_000, 256, 1280, 1100


def logged_in(browser: Browser, address: str, scheme: str, width: int) -> Page:
    """Return the page of a person who may approve, in one colour scheme and width."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": HEIGHT}, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}/login")
    log_in(page, "ada", PASSWORD)
    expect(page.locator("body[data-live=yes]")).to_be_attached()
    expect(page.locator("#day canvas")).to_be_visible()
    return page


def pictures(browser: Browser, address: str, incident: str) -> Iterator[tuple[str, bytes]]:
    """Yield each picture's name and its PNG as the browser takes it."""
    for name, scheme, width in (("overview", "light", WIDTH), ("overview-dark", "dark", WIDTH), ("overview-narrow", "light", 720)):
        page = logged_in(browser, address, scheme, width)
        yield name, page.screenshot()
        if scheme == "dark":
            page.goto(f"{address}/freezes")
            yield "freezes-dark", page.screenshot()
        page.context.close()
    page = logged_in(browser, address, "light", WIDTH)
    for tab in TABS[1:]:
        page.goto(address + tab.path)
        yield tab.name, page.screenshot()
    page.goto(f"{address}/?incident={incident}")
    expect(page.locator("#drawer ol.line")).to_be_visible()
    yield "drawer", page.screenshot()
    page.goto(f"{address}/circuits?close=target/service:web-7")
    yield "circuits-close", page.screenshot()
    page.context.close()


def small(png: bytes) -> bytes:
    """Return the picture with few colours, which is what such a page has."""
    out = io.BytesIO()
    # The one way of choosing that keeps a colour which few points have, as that of a single red word.
    few = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    """Write the pictures; return 1 when they are too large together."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        world = SiteWorld(Path(folder), NOW)
        incident = make_busy(world)
        with served(site_app(world.site())) as address:
            sizes = {name: (FOLDER / f"{name}.png").write_bytes(small(png)) for name, png in pictures(browser, address, incident)}
    for name, size in sizes.items():
        sys.stdout.write(f"docs/pictures/{name}.png {size / 1000:.0f} kB\n")
    sys.stdout.write(f"{sum(sizes.values()) / 1000:.0f} kB in all\n")
    return int(sum(sizes.values()) > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
