"""A job's log from a server that answers as GitHub does: its end first, in bounded memory, and never to a host that nobody listed."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.adapters.ci_answers import Heard, Trouble
from infra.adapters.ci_login import CiLogins
from infra.adapters.ci_logs import MIB, CiLogs, LogBounds, LogEnd, may_follow
from infra.adapters.ci_server import CiServers
from schemas.services import CiServer, Services
from tests.support.github_api import GithubApi, Mood, StoredLog, serve

END = b"npm error network read ECONNRESET\n##[error]Process completed with exit code 1.\n"
JOB = 70


@pytest.fixture
def api() -> Iterator[GithubApi]:
    with serve() as found:
        found.logs[JOB] = StoredLog(END)
        yield found


def server_at(api: GithubApi, *log_hosts: str) -> CiServer:
    return CiServer("github", api.url, "", ("acme/shop",), fetch_logs=True, log_hosts=log_hosts or ("127.0.0.1",))


def asked(api: GithubApi, bounds: LogBounds | None = None, *log_hosts: str, now_s: float = 1000.0) -> LogEnd | Trouble:
    return CiLogs(CiLogins(), bounds or LogBounds(), lambda: now_s).end_of(server_at(api, *log_hosts), "acme/shop", JOB)


def test_a_small_log_is_read_whole_from_where_the_server_points_to(api: GithubApi) -> None:
    assert asked(api) == LogEnd(END, is_whole=True)


def test_the_token_stays_with_the_api(api: GithubApi, tmp_path: object) -> None:
    file = f"{tmp_path}/token"
    with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123 - the shortest way
        out.write("ghs_secret\n")
    found = CiLogs(CiLogins()).end_of(replace(server_at(api), token_file=file), "acme/shop", JOB)
    assert isinstance(found, LogEnd)
    assert [(method, word) for method, _, word in api.asked] == [("GET", "Bearer ghs_secret"), ("STORE", "")]


@pytest.mark.parametrize("hosts", [("logs.example",), ("*.0.0.1",)])
def test_only_a_listed_host_is_followed_to(api: GithubApi, hosts: tuple[str, ...]) -> None:
    found = asked(api, None, *hosts)
    if hosts == ("*.0.0.1",):
        assert isinstance(found, LogEnd)
        return
    assert isinstance(found, Trouble)
    assert (found.heard, "log_hosts" in found.why) == (Heard.REFUSED, True)
    assert api.asked_of("STORE", "/") == []


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://api.example/raw/1", True),
        ("https://a.logs.example/1?sig=x", True),
        ("https://logs.example.evil.example/1", False),
        ("https://evil-logs.example/1", False),
        ("http://a.logs.example/1", False),
        ("https://api.example:8443/1", False),
        ("https://user:word@a.logs.example/1", False),
        ("file:///etc/passwd", False),
        ("https://169.254.169.254/latest", False),
        ("//", False),
    ],
)
def test_a_redirect_leads_to_the_api_itself_or_a_listed_host_and_never_to_less_protection(url: str, is_allowed: bool) -> None:
    server = CiServer("github", "https://api.example", "", ("acme/shop",), log_hosts=("*.logs.example",))
    assert may_follow(server, url) is is_allowed


def test_of_a_large_log_only_the_end_travels_where_the_store_gives_parts(api: GithubApi) -> None:
    api.logs[JOB] = StoredLog(END, size=1024 * MIB)
    found = asked(api, LogBounds(kept=64 * 1024))
    assert isinstance(found, LogEnd)
    assert (len(found.content), found.content.endswith(END), found.is_whole) == (64 * 1024, True, False)
    # The first answer is let go once its size is known: what was on its way in the meantime is some buffers' worth.
    assert api.sent < 20 * MIB


def test_a_log_of_a_gigabyte_is_streamed_in_bounded_memory(api: GithubApi) -> None:
    api.logs[JOB] = StoredLog(END, size=1024 * MIB, ranges=False, tells_size=False)
    tracemalloc.start()
    try:
        found = asked(api, LogBounds(kept=256 * 1024, read=64 * MIB))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Trouble)
    assert (found.heard, "64 MiB" in found.why) == (Heard.REFUSED, True)
    assert peak < 8 * MIB


def test_a_store_without_parts_is_read_to_its_end_and_the_end_is_kept(api: GithubApi) -> None:
    api.logs[JOB] = StoredLog(END, size=3 * MIB, ranges=False)
    found = asked(api, LogBounds(kept=64 * 1024))
    assert isinstance(found, LogEnd)
    assert (found.content.endswith(END), found.is_whole) == (True, False)


def test_a_packed_log_is_unpacked(api: GithubApi) -> None:
    api.logs[JOB] = StoredLog(END, packed=True)
    assert asked(api) == LogEnd(END, is_whole=True)


def test_a_bomb_is_left_where_it_is(api: GithubApi) -> None:
    bomb = gzip.compress(b"\0" * (16 * MIB))
    api.moods.append(Mood("/logs/70?", 200, {"Content-Encoding": "gzip"}, bomb))
    tracemalloc.start()
    try:
        found = asked(api, LogBounds(kept=256 * 1024))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Trouble)
    assert (found.heard, "unpacks" in found.why, peak < 16 * MIB) == (Heard.REFUSED, True, True)


def test_a_half_sent_packed_log_is_asked_for_again(api: GithubApi) -> None:
    api.moods.append(Mood("/logs/70?", 200, {"Content-Encoding": "gzip"}, gzip.compress(END * 100)[:-20]))
    found = asked(api)
    assert isinstance(found, Trouble)
    assert found.heard is Heard.AWAY


ANSWERS = [
    (401, {}, Heard.DENIED, 0.0),
    (403, {}, Heard.DENIED, 0.0),
    (404, {}, Heard.MISSING, 0.0),
    (410, {}, Heard.GONE, 0.0),
    (422, {}, Heard.REFUSED, 0.0),
    (429, {"Retry-After": "7"}, Heard.LIMITED, 7.0),
    (429, {}, Heard.LIMITED, 60.0),
    (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1234"}, Heard.LIMITED, 235.0),
    (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "999999999"}, Heard.LIMITED, 3900.0),
    (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, Heard.LIMITED, 60.0),
    (500, {}, Heard.AWAY, 0.0),
    (503, {"Retry-After": "x"}, Heard.AWAY, 0.0),
]


@pytest.mark.parametrize(("status", "headers", "heard", "wait_s"), ANSWERS)
def test_each_refusal_says_whether_and_when_to_ask_again(
    api: GithubApi, status: int, headers: dict[str, str], heard: Heard, wait_s: float
) -> None:
    api.moods.append(Mood("/actions/jobs/70/logs", status, headers))
    found = asked(api)
    assert isinstance(found, Trouble)
    assert (found.heard, found.wait_s) == (heard, wait_s)


def test_a_secondary_limit_is_known_by_its_words(api: GithubApi) -> None:
    api.moods.append(Mood("/actions/jobs/70/logs", 403, {}, b'{"message": "You have exceeded a secondary rate limit"}'))
    found = asked(api)
    assert isinstance(found, Trouble)
    assert (found.heard, found.wait_s) == (Heard.LIMITED, 60.0)


def test_the_last_request_of_a_window_says_how_long_to_ask_nothing_more(api: GithubApi) -> None:
    place = f"http://127.0.0.1:{api.store_port}/logs/70?sig=secret"
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1100", "Location": place}
    api.moods.append(Mood("/actions/jobs/70/logs", 302, spent, b""))
    assert asked(api) == LogEnd(END, is_whole=True, pause_s=101.0)


@pytest.mark.parametrize("status", [403, 400])
def test_an_address_that_the_store_refuses_is_old_and_a_new_one_is_asked_for(api: GithubApi, status: int) -> None:
    api.moods.append(Mood("/logs/70?", status))
    found = asked(api)
    assert isinstance(found, Trouble)
    assert (found.heard, "sig" in found.why) == (Heard.AWAY, False)


def test_a_dead_server_is_said_to_be_away() -> None:
    server = CiServer("github", "http://127.0.0.1:9", "", ("acme/shop",))
    found = CiLogs(CiLogins()).end_of(server, "acme/shop", JOB)
    assert isinstance(found, Trouble)
    assert found.heard is Heard.AWAY


def test_a_log_that_never_ends_is_given_up_in_time(api: GithubApi) -> None:
    api.logs[JOB] = StoredLog(END, size=1024 * MIB, ranges=False)
    found = asked(api, LogBounds(kept=64 * 1024, within_s=0.0))
    assert isinstance(found, Trouble)
    assert (found.heard, "within" in found.why) == (Heard.AWAY, True)


def test_the_executor_reads_a_whole_log_behind_a_redirect_and_none_whose_beginning_is_missing(api: GithubApi) -> None:
    servers = CiServers(Services(ci=(server_at(api),)))
    assert servers.log("job:github/acme/shop/7/build", JOB) == END
    api.logs[JOB] = StoredLog(END, size=9 * MIB)
    assert servers.log("job:github/acme/shop/7/build", JOB) is None
    assert servers.log("job:github/acme/other/7/build", JOB) is None


def test_a_job_whose_name_holds_slashes_is_found_on_all_pages(api: GithubApi) -> None:
    first = b'{"jobs": [' + b",".join(b'{"id": %d, "name": "test (%d)"}' % (number, number) for number in range(100)) + b"]}"
    api.moods += [Mood("page=1", 200, {}, first), Mood("page=2", 200, {}, b'{"jobs": [{"id": 170, "name": "call / build"}]}')]
    logs = CiLogs(CiLogins())
    assert logs.job_id(server_at(api), "acme/shop", "7", 1, "call / build") == 170
    api.moods += [Mood("page=1", 200, {}, b'{"jobs": []}')]
    missing = logs.job_id(server_at(api), "acme/shop", "7", 1, "call / build")
    assert isinstance(missing, Trouble)
    assert missing.heard is Heard.MISSING
    api.moods += [Mood("page=1", 200, {}, b"nonsense")]
    odd = logs.job_id(server_at(api), "acme/shop", "7", 1, "call / build")
    assert isinstance(odd, Trouble)
    assert odd.heard is Heard.AWAY
