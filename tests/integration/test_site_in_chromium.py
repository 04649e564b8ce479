"""The page in a real Chromium: it lives without reload, a second person approves, the switch stops, hostile text stays text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from console.site.app import site_app
from console.site.tabs import TABS
from schemas.decisions import Decision
from schemas.ids import id_of
from schemas.oversight import SwitchMode
from tests.support.axe import axe_script
from tests.support.busy_world import make_busy
from tests.support.chromium import WAIT_MS, chromium, log_in, served
from tests.support.many_incidents import decision_on, ended, incident_of, waiting, whole_story
from tests.support.oidc_provider import Provider, trust
from tests.support.site_world import PASSWORD, SiteWorld, few_patterns

HOSTILE = "<script>document.title='owned'</script><img src=http://evil.example/x onerror=\"document.title='owned'\"> \x1b[31m \u202etxt.exe"
expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def world(tmp_path: Path) -> SiteWorld:
    """Return a page with a day of incidents behind it and one decision that waits."""
    found = SiteWorld(tmp_path, datetime.now(UTC), shipped=few_patterns(tmp_path / "shipped"))
    found.tell(*(row for number in range(40) for row in whole_story(number, found.moment - timedelta(minutes=37 * number + 5))))
    return found


@pytest.fixture
def address(world: SiteWorld) -> Iterator[str]:
    with served(site_app(world.site())) as found:
        yield found


def ask(world: SiteWorld, text: str = "main process exited, code=killed") -> Decision:
    incident = incident_of(1007, world.moment, text)
    decision = decision_on(incident)
    world.tell(incident, decision, *waiting(decision))
    return decision


def logged_in(browser: Browser, address: str, who: str, **look: object) -> Page:
    """Return the page of one person, with every request's host and every error noted on it."""
    page = browser.new_context(**look).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{address}/login")
    log_in(page, who, PASSWORD)
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    expect(page.locator("body[data-live=yes]")).to_be_attached()
    return page


def test_a_second_person_approves_what_came_while_the_page_was_open_and_its_end_is_shown(
    browser: Browser, world: SiteWorld, address: str
) -> None:
    bob, vic = logged_in(browser, address, "bob"), logged_in(browser, address, "vic")
    expect(bob.get_by_text("Nothing waits for you.")).to_be_visible()

    decision = ask(world)

    card = bob.get_by_role("article", name="service restart on service:web-7")
    expect(card).to_contain_text("Risk 42")
    expect(card).to_contain_text("tier: critical +30")
    expect(vic.get_by_role("article")).to_be_visible()
    expect(vic.get_by_role("button", name="Approve")).to_have_count(0)
    card.get_by_role("button", name="Approve").click()
    expect(bob.locator("#said")).to_have_text("bob approves service_restart on service:web-7")
    expect(vic.get_by_role("article")).to_contain_text("1 of 1 yes (bob)")
    assert [(word.by, word.key) for word in world.said] == [("bob", f"approval/{id_of(decision)}/bob")]
    world.tell(ended(decision))
    expect(vic.get_by_text("Nothing waits for you.")).to_be_visible()
    expect(vic.locator("#history tbody tr").first).to_contain_text("healed")
    assert vic.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_the_kill_switch_is_engaged_by_one_and_released_by_another_and_all_see_it(browser: Browser, world: SiteWorld, address: str) -> None:
    olga, bob = logged_in(browser, address, "olga"), logged_in(browser, address, "bob")
    expect(olga.locator("#head .state")).to_have_text("Healing")

    olga.get_by_role("button", name="Kill switch").click()
    olga.get_by_label("Why").fill("a bad day")
    olga.get_by_role("button", name="Stop healing").click()

    expect(bob.locator("#head .state")).to_have_text("Stopped")
    olga.get_by_role("button", name="Let fleet go on").click()
    expect(olga.locator("#said")).to_contain_text("who engaged a switch does not release it")
    bob.get_by_role("button", name="Let fleet go on").click()
    expect(olga.locator("#head .state")).to_have_text("Healing")
    assert [(word.by, word.killswitch.mode) for word in world.said if word.killswitch] == [
        ("olga", SwitchMode.HALT),
        ("bob", SwitchMode.OFF),
    ]


def test_hostile_text_stays_text_and_no_request_leaves_the_host(browser: Browser, world: SiteWorld, address: str) -> None:
    decision = ask(world, HOSTILE)
    page = logged_in(browser, address, "bob")
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(str(urlsplit(request.url).hostname)))
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))

    page.goto(f"{address}/?incident={decision.incident_id}")

    evidence = page.locator("#drawer pre").first
    expect(evidence).to_be_visible()
    assert evidence.inner_text().startswith("<script>document.title='owned'</script><img src=")
    assert page.title() == "healstream"
    assert set(asked) == {"127.0.0.1"}
    assert said == []
    assert page.locator("#drawer img, #drawer script").count() == 0


def test_filters_stand_in_the_address_and_the_keyboard_is_enough(browser: Browser, world: SiteWorld, address: str) -> None:
    assert world
    page = logged_in(browser, address, "vic")
    page.keyboard.press("/")
    page.keyboard.type("service:web-3")
    page.keyboard.press("Enter")
    page.wait_for_url("**target=service*")
    expect(page.locator("#history tbody tr")).to_have_count(11)
    page.reload()
    expect(page.locator("#history tbody tr")).to_have_count(11)
    page.locator("#history a[data-incident]").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("#drawer ol.line")).to_contain_text("recognised")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()


@pytest.mark.parametrize(("name", "scheme", "width"), [("light", "light", 1280), ("dark", "dark", 1280), ("narrow", "light", 720)])
def test_it_fits_and_axe_finds_nothing(browser: Browser, world: SiteWorld, address: str, name: str, scheme: str, width: int) -> None:
    decision = ask(world)
    page = logged_in(
        browser, address, "bob", color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce", bypass_csp=True
    )
    expect(page.locator("#day canvas")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shots = os.environ.get("HEALSTREAM_SCREENSHOTS")
    if shots:
        page.screenshot(path=f"{shots}/page-{name}.png", full_page=True)
    faults = [*axe_faults(page)]
    page.locator(f'a[data-incident="{decision.incident_id}"]').first.click()
    expect(page.locator("#drawer ol.line")).to_be_visible()
    if shots:
        page.screenshot(path=f"{shots}/drawer-{name}.png")
    assert [*faults, *axe_faults(page)] == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 720)])
def test_every_tab_fits_and_axe_finds_nothing(browser: Browser, tmp_path: Path, scheme: str, width: int) -> None:
    world = SiteWorld(tmp_path, datetime.now(UTC))
    make_busy(world)
    with served(site_app(world.site())) as address:
        page = logged_in(browser, address, "ada", color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
        faults = []
        for tab in TABS[1:]:
            page.goto(address + tab.path)
            expect(page.locator("nav a[aria-current=page]")).to_have_text(tab.title)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, tab.name
            faults += [f"{tab.name}: {fault}" for fault in axe_faults(page)]
        assert faults == []


def test_a_session_that_ended_leads_to_the_login_and_back_and_a_freeze_is_begun_and_ended(
    browser: Browser, world: SiteWorld, address: str
) -> None:
    page = logged_in(browser, address, "olga")
    page.get_by_role("link", name="Freezes and rollout").click()
    expect(page.get_by_role("heading", name="Left alone")).to_be_visible()
    world.later(timedelta(minutes=31))

    # The open page hears of it by itself.
    page.wait_for_url("**/login?onward=%2Ffreezes")
    log_in(page, "olga", PASSWORD)
    page.wait_for_url("**/freezes")
    page.locator("form[data-send='/api/v1/freezes']").get_by_label("What").fill("fleet")
    page.locator("form[data-send='/api/v1/freezes']").get_by_label("Why").fill("we look")
    page.get_by_role("button", name="Leave it alone").click()
    expect(page.locator("#freezes tbody tr")).to_contain_text("we look")
    page.get_by_role("button", name="End the freeze of fleet").click()
    expect(page.locator("#freezes")).to_contain_text("every target may be healed")
    assert [(word.by, word.key.split("/")[0]) for word in world.said] == [("olga", "freeze"), ("olga", "freeze")]


def test_the_way_through_an_identity_provider_at_another_site_ends_logged_in(browser: Browser, world: SiteWorld, address: str) -> None:
    provider = Provider(lambda: world.moment)
    with served(provider.app()) as there:
        # By another name it is another site, whose answers bring no strict cookie along.
        provider.issuer = there.replace("127.0.0.1", "localhost")
        trust(world, provider)
        page = browser.new_context().new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{address}/login?onward=%2Faudit")
        page.get_by_role("link", name="identity provider").click()
        page.wait_for_url("**/audit")
        expect(page.get_by_role("heading", name="The chain")).to_be_visible()
        expect(page.locator("footer")).to_contain_text("bob")


def test_feedback_is_given_in_the_drawer_and_shown_to_all_who_look(browser: Browser, world: SiteWorld, address: str) -> None:
    incident = incident_of(2007, world.moment)
    decision = decision_on(incident)
    world.tell(incident, decision, ended(decision))
    olga, vic = logged_in(browser, address, "olga"), logged_in(browser, address, "vic")
    for page in (olga, vic):
        page.goto(f"{address}/?incident={decision.incident_id}")
        expect(page.locator("#given")).to_contain_text("Nobody has said so far.")
    expect(vic.locator("#drawer form")).to_have_count(0)
    olga.get_by_label("Right", exact=True).focus()
    olga.keyboard.press("ArrowDown")
    expect(olga.get_by_label("Wrong kind")).to_be_checked()
    olga.get_by_label("what it really was").select_option("disk_full")
    olga.get_by_role("textbox", name="Why").last.fill("<b>the disk</b>")
    olga.get_by_role("button", name="Say so").click()

    expect(olga.locator("#drawer output")).to_have_text("olga says wrong of service_down on service:web-7")
    for page in (olga, vic):
        expect(page.locator("#given")).to_contain_text("olga said wrong, it was disk full")
        expect(page.locator("#given")).to_contain_text("<b>the disk</b>")


def test_a_pasted_log_is_tried_as_it_is_typed_by_keyboard_alone_and_the_tabs_swap(browser: Browser, world: SiteWorld, address: str) -> None:
    assert world
    page = logged_in(browser, address, "vic", viewport={"width": 720, "height": 900}, color_scheme="dark", bypass_csp=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(str(urlsplit(request.url).hostname)))
    page.locator("#tab-patterns").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/patterns")
    expect(page.locator("#tab-patterns")).to_have_attribute("aria-current", "page")
    expect(page.locator("#tried")).to_contain_text("is shown here")

    page.locator("#pasted").focus()
    page.keyboard.insert_text(f"{HOSTILE}\ntar: write error: No space left on device\n##[error]Process completed with exit code 2.\n")

    expect(page.locator("#tried mark").first).to_have_text("No space left on device")
    expect(page.locator("#tried")).to_contain_text("disk full")
    expect(page.locator("#tried")).to_contain_text("<script>document.title")
    assert page.locator("#tried img, #tried script").count() == 0
    assert page.title() == "Patterns - healstream"
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    faults = axe_faults(page)
    page.locator("#tab-learning").click()
    expect(page.get_by_role("heading", name="Recognised right")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    faults += axe_faults(page)
    page.go_back()
    expect(page.locator("#tab-patterns")).to_have_attribute("aria-current", "page")
    page.locator("#tab-overview").click()
    expect(page.locator("#day canvas")).to_be_visible()
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
    assert set(asked) == {"127.0.0.1"}
    assert faults == []


def axe_faults(page: Page) -> list[str]:
    """Return what axe-core has to say against the page as it is."""
    page.evaluate(axe_script())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags}).then(told => told.violations)", tags)
    return [f"{row['id']}: {node['target']} {node['failureSummary']}" for row in found for node in row["nodes"]]
