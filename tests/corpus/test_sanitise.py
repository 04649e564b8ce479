"""What leaves the machine: paths, host names and registries are exchanged, the tools' words are not."""

from __future__ import annotations

import pytest

from schemas.vocabulary import Result
from tests.corpus.dress import DRESSES, Ended, dress, dress_of, result_of
from tests.corpus.recipe import Stop
from tests.corpus.recordings import masked
from tests.corpus.sanitise import MAX_LINES, cap, private_words, sanitise

# Put together here, so that no file holds the name of a registry's host.
REAL = "pypi#org".replace("#", ".")
SPARSE = "index.crates#io".replace("#", ".")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at /tmp/hs-corpus-1/x/app/src/main.c:3", "at /builds/acme/app/src/main.c:3"),
        (f"GET https://{REAL}/simple/", "GET https://python.example/simple/"),
        (f"Updating {SPARSE} index", "Updating crates.example index"),
        ("/root/.rustup/toolchains", "/home/runner/.rustup/toolchains"),
        ("/tmp/hs-kits/python/bin/pytest", "/usr/local/bin/pytest"),
        ("/tmp/hs-kits/python/lib/x.py", "/builds/acme/app/lib/x.py"),
        ("PHPUnit 9.6.7 by A. Person and contributors.", "PHPUnit 9.6.7 by its contributors."),
        ("java.io.IOException: crates-io of /rooted", "java.io.IOException: crates-io of /rooted"),
        ("connect to 127.64.0.9 port 443 failed", "connect to 10.20.0.5 port 443 failed"),
    ],
)
def test_what_is_of_this_machine_is_exchanged(text: str, expected: str) -> None:
    assert sanitise(text, [("/tmp/hs-corpus-1/x/app", "/builds/acme/app"), ("127.64.0.9", "10.20.0.5")]) == expected


def test_what_must_not_leave_is_found() -> None:
    assert private_words(f"from {REAL} by /work/x", ("/work/", "absent")) == [REAL, "/work/"]
    assert private_words("from registry.example", ("/work/", "")) == []


def test_a_long_log_keeps_its_beginning_and_its_end() -> None:
    kept = cap([str(number) for number in range(2000)] + ["x" * 9999])
    assert len(kept) == MAX_LINES
    assert kept[0] == "0"
    assert kept[-2] == "1999"
    assert len(kept[-1]) == 2000


def test_the_dialect_of_an_id_is_always_the_same_and_every_dialect_is_used() -> None:
    ids = [f"tool-{number}" for number in range(200)]
    assert {dress_of(id_, Stop.NEVER) for id_ in ids} == set(DRESSES)
    assert [dress_of(id_, Stop.NEVER) for id_ in ids] == [dress_of(id_, Stop.NEVER) for id_ in ids]
    assert {dress_of(id_, Stop.CANCELLED) for id_ in ids} == set(DRESSES) - {"plain"}, "who ended a step, only a runner can say"


@pytest.mark.parametrize(
    ("code", "stop", "result"),
    [
        (0, Stop.NEVER, Result.SUCCESS),
        (2, Stop.NEVER, Result.FAILURE),
        (143, Stop.CANCELLED, Result.CANCELLATION),
        (143, Stop.TIME_LIMIT, Result.TIMEOUT),
        (137, Stop.KILLED, Result.FAILURE),
    ],
)
@pytest.mark.parametrize("id_", [f"tool-{number}" for number in range(12)])
def test_a_dressed_log_holds_the_output_and_says_how_it_ended(code: int, stop: Stop, result: Result, id_: str) -> None:
    ended = Ended(id_, ["make all"], ["gcc: fatal error"], code, stop)
    text = dress(ended)
    assert result_of(ended) is result
    assert "gcc: fatal error" in text
    assert "make all" in text
    assert text == dress(ended)
    if dress_of(id_, stop) != "plain" and code:
        assert text.count("\n") > dress(Ended(id_, ["make all"], ["gcc: fatal error"], 0, Stop.NEVER)).count("\n") - 3


def test_numbers_and_names_make_no_second_log_but_a_status_does() -> None:
    one = masked("2026-03-02T07:00:00.1Z error: 503 from https://a.example/x after 12 ms\n")
    assert one == masked("error: 503 from https://b.example/other after 481 ms")
    assert one != masked("error: 404 from https://a.example/x after 12 ms")
    assert one != masked("failure: 503 from https://a.example/x after 12 ms")
