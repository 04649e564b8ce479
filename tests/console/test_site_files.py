"""The page's own files: small, the recorded ones, from nowhere else, and without anything that a strict policy would forbid."""

from __future__ import annotations

import gzip
import re
import tarfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from console.site.looks import amount, span, visible
from console.site.pages import STATIC
from console.site.vendor import checked, file_in, recorded
from schemas.errors import HealstreamError

FOLDER = Path(__file__).parents[2] / "console" / "site"
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))


def test_libraries_are_byte_for_byte_the_recorded_ones() -> None:
    for row in recorded():
        assert sha256((FOLDER / "static" / row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]


def test_everything_that_a_browser_loads_is_below_sixty_kilobytes_compressed() -> None:
    # A page is drawn from several templates and comes as one stream.
    page = b"".join(path.read_bytes() for path in TEMPLATES)
    assert sum(len(gzip.compress(body, 9)) for body in (*((FOLDER / "static" / name).read_bytes() for name in STATIC), page)) < 60_000


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_or_style_or_turns_escaping_off(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son[a-z]+=|javascript:|\|\s*safe\b|autoescape|hx-on|hx-vals=.js", text)
    assert not re.search(r"(src|href|action)=.(https?:)?//", text)


def test_our_own_files_name_no_other_host() -> None:
    for name in ("site.js", "site.css"):
        assert not re.search(r"https?://|url\(|@import|innerHTML\s*=|eval\(", (FOLDER / "static" / name).read_text(encoding="utf-8"))


def test_a_changed_library_and_a_package_without_the_file_are_refused() -> None:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as pack:
        body = b"other"
        row = tarfile.TarInfo("package/dist/x.js")
        row.size = len(body)
        pack.addfile(row, BytesIO(body))
    assert file_in(packed.getvalue(), "dist/x.js") == b"other"
    with pytest.raises(HealstreamError, match="does not hold it"):
        file_in(packed.getvalue(), "dist/y.js")
    with pytest.raises(HealstreamError, match="sha256"):
        checked({"file": "x.js", "sha256": "0" * 64}, b"other")


def test_letters_that_are_not_seen_become_signs_that_are() -> None:
    assert visible("a\x00\x1b\x7f\u200b\u202eb\u2028") == "a\u2400\u241b\u2421\ufffd\ufffdb\ufffd"
    assert visible("plain <b> text") == "plain <b> text"


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "-"), (0.2, "200 ms"), (5.25, "5.25 s"), (61.0, "1 min 1 s"), (3600.0, "1 h"), (200_000.0, "2 d 7 h")]
)
def test_spans_are_said_in_two_units_at_most(seconds: float | None, said: str) -> None:
    assert span(seconds) == said


def test_what_nobody_could_tell_is_said_so() -> None:
    assert (amount(None, "%"), amount(99.5, "%"), amount(30.0, "s")) == ("no word yet", "99.5 %", "30 s")
