"""The template miner: online, bounded, the same after a restart, not to be moved by one noisy project or a fork."""

from __future__ import annotations

import json

from learning.templates import GAP, MAX_EXAMPLES, MAX_LINE, MAX_SOURCES, TemplateMiner, restore

_HOSTS = ("alpha", "beta", "gamma", "delta", "omega")


def _word(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


def _line(host: str) -> str:
    return f"frobnicator lost the lease of {host} while flushing"


def test_lines_that_differ_in_one_word_are_one_template_of_five_sources() -> None:
    miner = TemplateMiner()
    for host in _HOSTS:
        miner.add(_line(host), f"project-{host}", 1)
    (found,) = miner.ripe(5, 5)
    assert found.tokens == ("frobnicator", "lost", "the", "lease", "of", GAP, "while", "flushing")
    assert found.sources == tuple(f"project-{host}" for host in _HOSTS)


def test_the_order_of_the_lines_does_not_change_the_template() -> None:
    forward, backward = TemplateMiner(), TemplateMiner()
    for host in _HOSTS:
        forward.add(_line(host), host, 1)
    for host in reversed(_HOSTS):
        backward.add(_line(host), host, 1)
    assert [row.tokens for row in forward.ripe(5, 5)] == [row.tokens for row in backward.ripe(5, 5)]
    assert len(forward.ripe(5, 5)) == 1


def test_a_storm_of_one_project_is_never_ripe_and_forks_are_not_kept() -> None:
    miner = TemplateMiner()
    for number in range(1000):
        miner.add(_line(_word(number)), "noisy", 1)
        assert miner.add("text of a fork is not kept", f"fork-{number}", 1, fork=True) is None
    assert miner.ripe(5, 2) == []
    assert [row.size for row in miner.ripe(1, 1)] == [1000]


def test_ten_thousand_different_lines_stay_within_the_bounds() -> None:
    miner = TemplateMiner(max_clusters=50)
    for number in range(10_000):
        miner.add(f"{_word(number)} broke {'long ' * 200} again", f"p{number}", number)
        miner.add("same words every time", f"p{number}", number)
    rows = miner.ripe(1, 1)
    assert len(rows) == 50
    (same,) = miner.ripe(10_000, MAX_SOURCES)
    assert len(same.sources) == MAX_SOURCES
    assert all(len(row.examples) <= MAX_EXAMPLES and all(len(text) <= MAX_LINE for text in row.examples) for row in rows)


def test_a_restart_anywhere_gives_the_same_state() -> None:
    lines = [f"{_word(number * number % 61)} lost {_word(number % 11)} of {_word(number)} here" for number in range(200)]
    whole, broken = TemplateMiner(max_clusters=20), TemplateMiner(max_clusters=20)
    for number, line in enumerate(lines):
        whole.add(line, f"p{number % 7}", number)
        broken.add(line, f"p{number % 7}", number)
        again = restore(broken.snapshot(), max_clusters=20)
        assert isinstance(again, TemplateMiner)
        broken = again
        assert broken.snapshot() == whole.snapshot()
    made = json.loads(json.loads(whole.snapshot())["body"])["counter"]
    assert 20 < made < 190  # some templates left and some lines joined one that was there
    assert any(GAP in row.tokens for row in broken.ripe(2, 2))


def test_what_was_not_seen_for_long_is_forgotten() -> None:
    miner = TemplateMiner()
    miner.add("an old failure of something", "a", 1)
    miner.add("the newer failure was elsewhere", "b", 10)
    assert miner.expire(10) == 1
    assert [row.last_ms for row in miner.ripe(1, 1)] == [10]


def test_a_changed_or_foreign_state_is_refused_with_the_reason() -> None:
    miner = TemplateMiner()
    miner.add(_line("alpha"), "a", 1)
    outer = json.loads(miner.snapshot())
    refused = restore(json.dumps(outer | {"body": outer["body"].replace("lease", "leash")}))
    assert isinstance(refused, str)
    assert "checksum" in refused
    other = restore(json.dumps(outer | {"version": 2}))
    assert isinstance(other, str)
    assert "version 2" in other
    assert isinstance(restore("[]"), str)
