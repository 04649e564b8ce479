"""The site: it builds with every warning an error, has a page for each kind and recipe, and asks nobody else for anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from typing_extensions import override

from schemas.catalogue import CARDS
from schemas.vocabulary import Kind
from tests.docs.configuration import VARIABLES, variables_in_code
from tests.docs.reference import raised_in_code
from tests.docs.site import generated_pages
from tests.docs.strategies import RIGHTS, family_page, ports_of
from tests.docs.written import ROOT
from tests.support.runs import Sandbox

# What a browser fetches by itself; a link that a reader follows is none of it.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Fetches(HTMLParser):
    """Collects what a page has a browser fetch, and the classes of its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.classes: set[str] = set()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.classes |= set((given.get("class") or "").split())
        if tag in FETCHED and given.get("rel") != "canonical":
            self.addresses.append(given.get(FETCHED[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built site."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
        build(config)
    return folder


def test_it_builds_with_every_warning_an_error_and_every_page_is_in_the_navigation(site: Path) -> None:
    written = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert written - {"progress"} <= built
    assert "progress" not in built
    assert {address.removesuffix(".md") for address in generated_pages()} <= built


def test_no_page_has_a_browser_fetch_anything_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        page = Fetches()
        page.feed(path.read_text(encoding="utf-8"))
        assert [address for address in page.addresses if re.match(r"(https?:)?//", address)] == [], path
        # The theme would fetch the program that draws these from elsewhere.
        assert "mermaid" not in page.classes, path
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"url\(\s*[\"']?https?:", styles) == []


def test_every_kind_has_a_page_that_says_what_heals_it() -> None:
    pages = generated_pages()
    for kind in Kind:
        page = pages[f"kinds/{kind.value}.md"]
        healers = [card.name for card in CARDS if kind in card.heals]
        assert [name for name in healers if f"../strategies/{name}.md" not in page] == []
        assert ("Which recipes heal it" in page) == bool(healers)


def test_every_recipe_has_a_page_with_its_factors_and_rights() -> None:
    pages = generated_pages()
    for card in CARDS:
        page = pages[f"strategies/{card.name}.md"]
        ports = ports_of(Sandbox.for_recipe(card.name).recipes()[card.name])
        assert ports, card.name
        assert all(RIGHTS[port] in page for port in ports)
        assert "the plan is:\n\n1. " in page, card.name
        assert not family_page(card.name) or f"../recipes/{family_page(card.name)}" in page


def test_what_comes_from_a_pattern_is_escaped() -> None:
    page = generated_pages()["kinds/build_config_error.md"]
    assert not re.search(r"<(?!/?(?:table|thead|tbody|tr|th|td|code)>)[a-z]", page)


def test_every_variable_that_the_code_reads_is_in_the_reference_and_no_other_one() -> None:
    assert variables_in_code() == set(VARIABLES)


def test_every_error_has_a_next_step() -> None:
    found = raised_in_code()
    assert len(found) > 100
    assert [one.place for one in found if not one.mend.strip()] == []
