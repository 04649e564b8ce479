"""The template miner: online, bounded, the same after a restart, not to be moved by one noisy project."""

from __future__ import annotations

from collections.abc import Sequence

from learning.masking import MAX_LINE, MAX_WORDS, mask_line
from learning.templates import GAP, MAX_EXAMPLES, MAX_RUNS_A_SOURCE, MAX_SOURCES, Seen, Template, TemplateMiner

_HOSTS = ("alpha", "beta", "gamma", "delta", "omega")


def _word(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


def _line(host: str) -> str:
    return f"frobnicator lost the lease of {host} while flushing"


def seen(source: str, at_ms: int = 1, run: str = "") -> Seen:
    return Seen(f"github/{source}", run or f"{source}/{at_ms}", f"incident-{source}-{at_ms}", at_ms)


def tokens(line: str) -> list[str]:
    return [word.token for word in mask_line(line)]


def by_use(miner: TemplateMiner) -> list[Sequence[str]]:
    return [row.tokens for row in miner.values()]


def test_what_differs_from_run_to_run_is_masked_and_words_stay() -> None:
    line = (
        "java.net.FluxError: can't read '/tmp/a b' from db-7.acme.example:5432 at /var/x/y.log (v1.2.3, 0x7ffe, 30s) https://a.example/q?1"
    )
    masks = ["<single>", "from", "<host>", "<number>", "at", "<path>", "<version>", "<hex>", "<number>", "s", "<url>"]
    assert tokens(line) == ["java.net.FluxError", "can", "t", "read", *masks]
    assert tokens('say "no" to `it`, 3f2504e0-4f89-11d3-9a0c-0305e82c3301 and E401') == [
        "say",
        "<double>",
        "to",
        "<back>",
        "<hex>",
        "and",
        "E401",
    ]
    assert "".join(word.before + word.text for word in mask_line(line)) == line


def test_a_hostile_line_has_at_most_so_many_words_of_its_first_letters() -> None:
    for line in ("a b " * 5000, "/" * 100_000, "a-." * 50_000, "'" * 9999, "\x1b[2J\x00 " * 999, "0x" * 9999):
        words = mask_line(line)
        assert len(words) <= MAX_WORDS
        assert sum(len(word.before + word.text) for word in words) <= MAX_LINE


def test_lines_that_differ_in_one_word_are_one_template_of_five_sources() -> None:
    miner = TemplateMiner({})
    found: list[Template] = []
    for host in _HOSTS:
        found = miner.add([_line(host)], seen(f"acme/{host}"))
    [row] = found
    assert row.tokens == ("frobnicator", "lost", "the", "lease", "of", GAP, "while", "flushing")
    assert [one.source for one in row.sources] == [f"github/acme/{host}" for host in _HOSTS]
    assert [one.text for one in row.examples] == [_line(host) for host in _HOSTS]
    assert row.runs == 5


def test_the_order_of_the_lines_does_not_change_the_template() -> None:
    forward, backward = TemplateMiner({}), TemplateMiner({})
    for host in _HOSTS:
        forward.add([_line(host)], seen(host))
    for host in reversed(_HOSTS):
        backward.add([_line(host)], seen(host))
    assert by_use(forward) == by_use(backward)
    assert len(by_use(forward)) == 1


def test_ten_thousand_runs_of_one_repository_count_as_a_few_of_one_and_cost_no_state() -> None:
    miner = TemplateMiner({})
    [row] = miner.add([_line("alpha")], seen("acme/noisy", 0))
    for number in range(10_000):
        [row] = miner.add([_line(_word(number))], seen("acme/noisy", number))
        if number > 2 * MAX_RUNS_A_SOURCE:
            assert miner.take_changes() == {}
        miner.take_changes()
    assert (len(row.sources), row.runs, len(row.examples)) == (1, MAX_RUNS_A_SOURCE, 1)


def test_a_run_with_many_failing_jobs_is_one_run_and_a_failure_counts_once_a_template() -> None:
    miner = TemplateMiner({})
    found: list[Template] = []
    for number in range(9):
        found = miner.add([_line("a"), _line("b"), "too short", ""], seen("acme/api", number, run="77"))
    assert [row.runs for row in found] == [1]


def test_of_one_owner_so_many_repositories_count() -> None:
    miner = TemplateMiner({}, per_owner=2)
    for number in range(50):
        miner.add([_line("a")], seen(f"noisy/{number}"))
    [row] = miner.add([_line("a")], seen("acme/api"))
    assert [one.source for one in row.sources] == ["github/noisy/0", "github/noisy/1", "github/acme/api"]


def test_ten_thousand_different_lines_stay_within_the_bounds() -> None:
    miner = TemplateMiner({}, max_clusters=50)
    for number in range(10_000):
        miner.add([f"{_word(number)} broke the {'long ' * 200} again", "the same words every time"], seen(f"p{number % 99}/x", number))
    rows = miner.values()
    assert len(rows) <= 50
    [same] = [row for row in rows if row.tokens == ("the", "same", "words", "every", "time")]
    assert len(same.sources) == MAX_SOURCES
    assert all(len(row.examples) <= MAX_EXAMPLES and all(len(one.text) <= MAX_LINE for one in row.examples) for row in rows)
    assert sum(map(len, miner.snapshot().values())) < 50 * 8_000


def test_a_flood_of_one_repository_pushes_out_only_its_own() -> None:
    miner = TemplateMiner({}, max_clusters=20)
    miner.add([_line("alpha")], seen("acme/api"))
    for number in range(500):
        miner.add([f"{_word(number)} has gone astray once more in {_word(number * 7)}"], seen("noisy/junk", number))
    [row] = miner.add([_line("beta")], seen("acme/web", 500))
    assert len(row.sources) == 2


def test_a_restart_anywhere_gives_the_same_state() -> None:
    lines = [f"{_word(number * number % 61)} lost {_word(number % 11)} of {_word(number)} here" for number in range(200)]
    whole, broken = TemplateMiner({}, max_clusters=20), TemplateMiner({}, max_clusters=20)
    kept: dict[str, str] = {}
    for number, line in enumerate(lines):
        one = seen(f"acme/p{number % 7}", number)
        assert whole.add([line], one) == broken.add([line], one)
        if number % 50 == 49:
            whole.forget(number - 20)
            broken.forget(number - 20)
        for name, text in broken.take_changes().items():
            kept.pop(name, None) if text is None else kept.update({name: text})
        assert kept == broken.snapshot() == whole.snapshot()
        broken = TemplateMiner(kept, max_clusters=20)
    made = max(row.number for row in whole.values())
    assert 20 < made < 190  # some templates left and some lines joined one that was there
    assert any(GAP in row.tokens for row in broken.values())


def test_what_was_not_seen_for_long_is_forgotten_and_what_is_known_may_be_dropped() -> None:
    miner = TemplateMiner({})
    miner.add(["an old failure of something"], seen("a", 1))
    miner.add(["the newer failure was elsewhere"], seen("b", 10))
    miner.forget(10)
    [row] = miner.values()
    assert row.last_ms == 10
    miner.drop(row.number)
    miner.drop(row.number)
    assert miner.values() == []
