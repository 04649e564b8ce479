"""Reports that Maven, jest and pytest really wrote (``reports/``, each with its recipe): what failed is told, and nothing is made up."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from console.gateway.junit import translate
from console.gateway.received import Received
from schemas.errors import UsageError
from schemas.events import JobFinished, LogChunk, Origin
from schemas.vocabulary import Result
from tests.corpus.sanitise import private_words
from tests.support.gateway import NOW
from tests.support.report_recordings import FOLDER, recorded

NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))
# What each recipe's tests are, as the runner names them.
FAILED = {
    "jest": {"cart sums::cart sums", "cart opens::cart opens", "Test suite failed to run::broken.test.js"},
    "maven": {"shop.CartTest::sums", "shop.CartTest::opens"},
    "pytest": {"test_cart::test_sums", "test_cart::test_opens"},
}
SAID = {
    "jest": ("Expected: 3", "TypeError: no cart", "Cannot find module './missing'"),
    "maven": ("the sum of the cart ==> expected: <3> but was: <2>", "IllegalStateException: no cart", "CartTest.java:20"),
    "pytest": ("assert (1 + 1) == 3", "OSError: no till", "test_cart.py:8: OSError"),
}


class Read(NamedTuple):
    """What a report became."""

    text: str
    job: JobFinished


def read(body: bytes) -> Read:
    """Return what a report becomes."""
    taken = translate(Received(body, NOW, query={"run": "github/acme/shop/7/build"}), Origin.AUTHENTICATED_PRODUCER)
    *chunks, job = taken.records
    assert isinstance(job, JobFinished)
    return Read("".join(chunk.text for chunk in chunks if isinstance(chunk, LogChunk)), job)


def named(text: str, word: str) -> set[str]:
    return set(re.findall(rf"^{word} (.*?)(?:, which passed when it ran again)?$", text, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_failures_and_errors_are_told_with_their_words_and_what_was_skipped_or_passed_is_not(name: str) -> None:
    text, job = read(recorded(name))
    assert (job.result, named(text, "FAILED")) == (Result.FAILURE, FAILED[name])
    assert [words for words in SAID[name] if words not in text] == []
    assert [words for words in ("coupons", "empties", "returns") if words in text] == []


@pytest.mark.parametrize("name", ["maven", "pytest"])
def test_what_a_test_printed_is_text_whatever_it_looks_like_and_its_secrets_are_masked(name: str) -> None:
    text, job = read(recorded(name))
    assert '</system-out><testcase name="forged"/> ]]> &xxe;' in text
    assert "::forged" not in text
    assert ("abcdef0123456789" in text, "\x1b" in text) == (False, False)
    assert len(job.steps) == 1


def test_a_test_that_passed_when_it_ran_again_is_named_flaky_and_fails_nothing() -> None:
    text, _ = read(recorded("maven"))
    assert named(text, "FLAKY") == {"shop.CartTest::settles"}
    assert "not settled at the first attempt" not in text
    only = re.sub(rb'<testcase name="(?:sums|opens)".*?</testcase>', b"", recorded("maven"), flags=re.DOTALL)
    text, job = read(only)
    assert (job.result, text) == (Result.SUCCESS, "no test failed\nFLAKY shop.CartTest::settles, which passed when it ran again\n")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_report_with_an_entity_or_cut_short_is_refused(name: str) -> None:
    body = recorded(name)
    start = body.index(b"<testsuite")
    for entity in (b'<!ENTITY a "aaaa">', b'<!ENTITY a SYSTEM "file:///etc/passwd">'):
        with pytest.raises(UsageError, match="holds what a report does not need"):
            read(body[:start] + b"<!DOCTYPE t [" + entity + b"]>" + body[start:])
    for cut in range(start, len(body) - 20, 997):
        with pytest.raises(UsageError, match="no JUnit report"):
            read(body[:cut])


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_names_no_machine_and_no_registry(name: str) -> None:
    text = recorded(name).decode()
    assert private_words(text, ["/tmp/", "/root", "/home/"]) == []
    assert set(re.findall(r"https?://([^/\"]+)", text)) <= {"maven.example", "www.w3.org"}
    assert set(re.findall(r'hostname="([^"]*)"', text)) <= {"runner.example"}
