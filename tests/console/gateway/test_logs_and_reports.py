"""Logs in parts, packed, huge and half sent; reports that a test runner wrote, and hostile ones."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.gateway.logs import CHUNK_LETTERS, Cutter, place_of
from schemas.errors import UnreachableError, UsageError
from schemas.events import JobFinished, LogChunk
from schemas.ids import id_of
from schemas.vocabulary import Result
from tests.support.gateway import TOKEN, Gateway

PATH = "/ingest/logs/github/acme/shop/7/build"
LINE = "a line of a log that says little\n"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "text/plain"}


def chunks(gateway: Gateway) -> list[LogChunk]:
    return [one for one in gateway.outlet.records if isinstance(one, LogChunk)]


async def test_a_log_becomes_chunks_of_its_job_and_the_last_says_so() -> None:
    gateway, text = Gateway(), LINE * 4000
    answer = await gateway.post(f"{PATH}?attempt=2&step=test", text.encode(), HEADERS)
    found = chunks(gateway)
    assert (answer.status_code, answer.json()["next_seq"], answer.json()["id"]) == (202, len(found), id_of(found[0]))
    assert "".join(one.text for one in found) == text
    assert [one.seq for one in found] == list(range(len(found)))
    assert [one.eof for one in found] == [False] * (len(found) - 1) + [True]
    assert {(one.source, one.project, one.run_id, one.job, one.attempt, one.step) for one in found} == {
        ("github", "acme/shop", "7", "build", 2, "test")
    }
    assert all(one.text.endswith("\n") for one in found)


async def test_a_log_in_parts_goes_on_at_the_seq_that_was_told() -> None:
    gateway = Gateway()
    first = await gateway.post(f"{PATH}?eof=false", (LINE * 2000).encode(), HEADERS)
    second = await gateway.post(f"{PATH}?seq={first.json()['next_seq']}", b"the end\n", HEADERS)
    async with gateway.client() as client:
        asked = await client.get(PATH.replace("logs", "log-positions"), headers=HEADERS)
    assert asked.json() == {"next_seq": second.json()["next_seq"]}
    assert [one.seq for one in chunks(gateway)] == list(range(second.json()["next_seq"]))
    assert [one.eof for one in chunks(gateway)].count(True) == 1


async def test_a_part_that_is_sent_again_has_the_same_ids() -> None:
    gateway, text = Gateway(), (LINE * 40_000).encode()
    gateway.outlet.trouble, gateway.outlet.after = UnreachableError("the broker", "it is away", "Send it again"), 1
    refused = await gateway.post(PATH, text, HEADERS)
    assert (refused.status_code, refused.json()["next_seq"], refused.headers["retry-after"]) == (503, 16, "5")
    taken = [id_of(one) for one in chunks(gateway)]
    gateway.outlet.trouble = None
    assert (await gateway.post(PATH, text, HEADERS)).status_code == 202
    assert [id_of(one) for one in chunks(gateway)][16:32] == taken


async def test_gzip_is_unpacked_and_a_bomb_is_not() -> None:
    gateway, packed = Gateway(), {**HEADERS, "Content-Encoding": "gzip"}
    assert (await gateway.post(PATH, gzip.compress(b"hello\n"), packed)).status_code == 202
    assert [one.text for one in chunks(gateway)] == ["hello\n"]
    bomb = await gateway.post(PATH, gzip.compress(b"\0" * (20 * 1024 * 1024)), packed)
    assert (bomb.status_code, "200 times" in bomb.json()["detail"]) == (413, True)
    for broken in (b"no gzip", gzip.compress(LINE.encode())[:-9]):
        assert (await gateway.post(PATH, broken, packed)).status_code == 422


async def test_a_log_beyond_all_bounds_is_cut_off_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.gateway.logs.MAX_LOG_BYTES", 100_000)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield LINE.encode() * 500

    answer = await Gateway().post(PATH, endless(), HEADERS)
    assert (answer.status_code, "next_seq" in answer.json()["next"]) == (413, True)


async def test_broken_letters_are_replaced_and_secrets_are_masked_even_across_chunks() -> None:
    gateway = Gateway()
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIE\n" * 200 + "-----END RSA PRIVATE KEY-----\n"
    filler = "x" * 79 + "\n"
    text = filler * ((CHUNK_LETTERS - 500) // 80) + key + "password=hunter2hunter2\n"
    assert (await gateway.post(PATH, b"\xff" + text.encode(), HEADERS)).status_code == 202
    shown = "".join(one.text for one in chunks(gateway))
    assert len(chunks(gateway)) == 2
    assert ("MIIE" in shown, "hunter2" in shown, shown[0]) == (False, False, "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("query", ["?seq=-1", "?seq=x", "?eof=maybe", "?attempt=1e9"])
async def test_a_count_that_is_none_is_named(query: str) -> None:
    assert (await Gateway().post(PATH + query, b"x", HEADERS)).status_code == 422


def test_a_path_that_names_no_job_is_refused() -> None:
    for run in ("a/b/c", "a//c/d", "a/b/c/\n"):
        with pytest.raises(UsageError, match="does not name a job"):
            place_of(run, "", "")


@given(st.lists(st.text("ab\n", max_size=60), max_size=8), st.integers(1, 200))
def test_where_a_text_is_cut_depends_on_the_text_only(parts: list[str], times: int) -> None:
    whole, pieces = Cutter(), Cutter()
    texts = [part * times * 20 for part in parts]
    at_once = [*whole.feed("".join(texts)), whole.rest]
    assert [*(piece for text in texts for piece in pieces.feed(text)), pieces.rest] == at_once


async def report(body: bytes, query: str = "?run=github/acme/shop/7/build") -> tuple[int, Gateway]:
    gateway = Gateway()
    answer = await gateway.with_token(f"/ingest/junit{query}", body, "application/xml")
    return answer.status_code, gateway


@pytest.fixture
def written(tmp_path: Path) -> bytes:
    """Return the report that pytest writes of a test that fails and one that does not."""
    tests = "def test_sum():\n    assert 1 + 1 == 3\n\ndef test_fine():\n    pass\n"
    (tmp_path / "test_shop.py").write_text(tests, encoding="utf-8")
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--junitxml=report.xml"]
    subprocess.run(plain, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    return (tmp_path / "report.xml").read_bytes()


async def test_what_pytest_really_writes_becomes_a_failed_job_with_its_failures_as_a_log(written: bytes) -> None:
    status, gateway = await report(written)
    chunk, job = gateway.outlet.records
    assert isinstance(chunk, LogChunk)
    assert isinstance(job, JobFinished)
    assert (status, job.job, job.result, [step.result for step in job.steps]) == (202, "build tests", Result.FAILURE, [Result.FAILURE])
    assert ("FAILED test_shop::test_sum" in chunk.text, "assert (1 + 1) == 3" in chunk.text, chunk.eof) == (True, True, True)


MAVEN = """<testsuite name="shop.CartTest" tests="1" failures="1">
<testcase name="sums" classname="shop.CartTest">
<failure message="expected: &lt;3&gt;" type="Error">at CartTest.java:7</failure></testcase>
</testsuite>"""
JEST = """<testsuites name="jest tests"><testsuite name="cart" tests="2">
<testcase classname="cart sums" name="cart sums"><failure>Error: x</failure></testcase><testcase name="ok"><skipped/></testcase>
</testsuite></testsuites>"""
GREEN = '<testsuites><testsuite name="a"><testcase name="b"/></testsuite></testsuites>'


@pytest.mark.parametrize(("text", "failures"), [(MAVEN, 1), (JEST, 1), (GREEN, 0)])
async def test_reports_in_the_shapes_of_maven_and_jest_are_read(text: str, failures: int) -> None:
    status, gateway = await report(text.encode())
    assert (status, chunks(gateway)[0].text.count("FAILED ")) == (202, failures)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no xml",
        b"<html/>",
        b'<!DOCTYPE t [<!ENTITY a "aaaa">]><testsuites>&a;</testsuites>',
        b'<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuites>&a;</testsuites>',
        b"<testsuite>" * 40 + b"</testsuite>" * 40,
    ],
)
async def test_hostile_and_broken_reports_are_refused(body: bytes) -> None:
    status, gateway = await report(body)
    assert (status, gateway.outlet.records) == (422, [])


async def test_a_report_says_whose_it_is() -> None:
    assert (await report(b"<testsuites/>", ""))[0] == 422
