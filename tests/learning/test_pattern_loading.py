"""A bad pattern file is refused with the place of its fault; a good set has a digest; the compiled form survives as bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from learning.patterns.automaton import loosened
from learning.patterns.loader import Catalogue, PatternProblem, load_catalogue, read_folder
from learning.patterns.matcher import MAX_HITS, MAX_HITS_A_PATTERN, Matcher, strip_ansi
from learning.patterns.model import expression_fault
from learning.patterns.position import locate
from learning.patterns.precedence import load_precedence
from schemas.errors import ConfigurationError
from schemas.vocabulary import Kind


def _file(**changes: object) -> str:
    pattern: dict[str, object] = {
        "id": "disk-full",
        "kind": "disk_full",
        "title": "the disk is full",
        "expressions": ["No space left on (?P<where>\\w+)"],
        "captures": {"where": "text"},
        "weight": 0.9,
        "examples": ["cp: No space left on device", "tar: No space left on device"],
        "counter_examples": ["space left on device: 3G", "no space in name"],
        "source": "messages of glibc",
        "since": "1.0",
    }
    return json.dumps({"family": "disk", "patterns": [pattern | changes]}, indent=1)


def _problems(files: dict[str, str]) -> list[PatternProblem]:
    loaded = load_catalogue(files)
    assert isinstance(loaded, list)
    return loaded


def _catalogue(text: str) -> Catalogue:
    loaded = load_catalogue({"disk.json": text})
    assert isinstance(loaded, Catalogue)
    return loaded


def test_broken_json_is_refused_with_its_place() -> None:
    """Given a file that is not JSON, then line and column of the fault are named."""
    problem = _problems({"bad.json": '{"family": "x",\n  "patterns": [}'})[0]
    assert (problem.file, problem.line, problem.column) == ("bad.json", 2, 16)
    assert str(problem).startswith("bad.json:2:16: ")


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"kind": "nonsense"}, '"nonsense"', "kind"),
        ({"kind": "success"}, '"success"', "infra or a code"),
        ({"weight": 3}, "3", "weight"),
        ({"expressions": ["No (?=space)"]}, '"No (?=space)"', "look-around"),
        ({"remedy": ["format_disk"]}, '"format_disk"', "remedy"),
        ({"kind": "test_failure", "remedy": ["rerun_job"]}, "{", "no remedy"),
        ({"captures": {}}, "{", "named groups"),
        ({"expressions": ["No space left", "on device"], "captures": {}}, "{", "span"),
        ({"examples": ["No space left on device", "nothing"]}, '"nothing"', "not matched"),
        ({"counter_examples": ["fine", "No space left on device"]}, '"No space left on device"', "is matched"),
    ],
)
def test_a_wrong_field_is_refused_where_it_stands(change: dict[str, object], field: str, said: str) -> None:
    """Given one wrong field, then the problem points at its value and says why."""
    text = _file(**change)
    problem = _problems({"disk.json": text})[0]
    assert said in problem.message
    assert text.split("\n")[problem.line - 1][problem.column - 1 :].startswith(field)


def test_an_id_may_be_used_once_over_all_files() -> None:
    """Given two files with one id, then the second is refused."""
    problems = _problems({"a.json": _file(), "b.json": _file()})
    assert [(problem.file, "already in a.json" in problem.message) for problem in problems] == [("b.json", True)]


@pytest.mark.parametrize(
    "expression",
    [
        "a*",
        "(?!x)y",
        "(a)\\1",
        "(?:a+)+",
        "(unclosed",
        "(?:a|a)*b",
        r"(?:\w+\s?)*x",
        "(?:a?){20}b",
        "(?:x(?:a|ab){1,9})+y",
    ],
)
def test_an_expression_that_is_not_linear_or_is_empty_is_refused(expression: str) -> None:
    """Look-around, back-references, nested repeats, empty matches and faults are all named."""
    assert expression_fault(expression)


def test_a_place_that_is_missing_is_found_at_its_parent() -> None:
    """Given a path to a field that is not there, then the object that lacks it is pointed at."""
    text = '{"a": [1,\n  {"b": "}"}]}'
    assert locate(text, ("a", 1, "gone")) == (2, 3)
    assert locate(text, ("a", 1, "b")) == (2, 9)


class Kept:
    """A store in memory that counts what is put into it."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.puts = 0

    def get(self, key: str) -> bytes | None:
        return self.rows.get(key)

    def put(self, key: str, compiled: bytes) -> None:
        self.puts += 1
        self.rows[key] = compiled


def test_the_compiled_set_is_kept_under_a_name_of_its_content() -> None:
    """Given a store, then a set is compiled once, another one anew, and what is broken is compiled again."""
    catalogue, store = _catalogue(_file()), Kept()
    for _ in range(2):
        hits = Matcher(catalogue, store).scan(b"ok\ncp: No space left on device\n")
        assert [(hit.pattern, hit.kind, hit.line, hit.captures) for hit in hits] == [
            ("disk-full", Kind.DISK_FULL, 2, (("where", "device"),))
        ]
    # Its gate and its automaton.
    assert store.puts == 2
    Matcher(_catalogue(_file(expressions=["No space left on (?P<where>disk|device)!?"])), store).make_ready()
    assert store.puts == 4
    store.rows = dict.fromkeys(store.rows, b"no automaton")
    assert Matcher(catalogue, store).scan(b"cp: No space left on device") == Matcher(catalogue).scan(b"cp: No space left on device")
    assert store.puts == 6
    assert catalogue.digest != _catalogue(_file(weight=0.5)).digest


def test_an_expression_that_the_automaton_refuses_is_named_with_its_pattern() -> None:
    """Given what Python takes and the automaton does not, then the error names the pattern."""
    text = _file(expressions=["(?:No space left on (?P<where>device|disk)|y{40000})"])
    with pytest.raises(ConfigurationError, match="disk-full: the automaton refuses"):
        Matcher(_catalogue(text)).make_ready()


@pytest.mark.parametrize(
    ("expression", "loose"),
    [
        ("^error: x$", "error: x"),
        (r"a\^b\$", r"a\^b\$"),
        ("[^^$]x{2,3}y", "[^^$]x{2,3}y"),
        (".{0,300}a.{1,300}b.{3,300}c", ".*a.+b.{3,}c"),
        (r"a.?b\S{1,2}c[^x]{0,9}dx?y{2}", r"a.{0,4}b\S{1,8}c[^x]*dx?y{2}"),
        ("(?:^a|b$)c", "(?:a|b)c"),
        (r"[]^]{0,99}\{0,99\}", r"[]^]*\{0,99\}"),
    ],
)
def test_an_expression_is_loosened_for_the_automaton(expression: str, loose: str) -> None:
    """Given an expression, then its anchors go and long counts become open."""
    assert loosened(expression) == loose


def test_ordered_expressions_match_within_their_span_only() -> None:
    """Given two expressions, then they match in order and near each other."""
    text = _file(
        expressions=["step one", "step two"],
        span=3,
        captures={},
        examples=["step one\nstep two"] * 2,
        counter_examples=["step two\nstep one", "x"],
    )
    matcher = Matcher(_catalogue(text))
    assert [hit.line for hit in matcher.scan(b"step one\n-\nstep two")] == [3]
    assert matcher.scan(b"step one\n-\n-\nstep two") == ()
    assert matcher.scan(b"step two\nstep one") == ()


def test_an_excluded_line_is_no_hit() -> None:
    """Given an exclude, then a line that has it is left out."""
    matcher = Matcher(_catalogue(_file(excludes=["WARN"])))
    assert matcher.scan(b"WARN No space left on device") == ()


def test_a_flood_of_matches_keeps_the_last_ones() -> None:
    """Given more matches than anyone reads, then the number is capped and the end of the text is kept."""
    matcher = Matcher(_catalogue(_file()))
    hits = matcher.scan(b"No space left on device\n" * 9000)
    assert len(hits) == MAX_HITS_A_PATTERN <= MAX_HITS
    assert hits[-1].line == 9000


def test_a_text_beyond_the_cap_is_read_at_its_end_and_lines_still_count_from_its_start() -> None:
    """Given more than 256 KiB, then the head is skipped but counted."""
    matcher = Matcher(_catalogue(_file()))
    assert [hit.line for hit in matcher.scan(b"x\n" * 200_000 + b"No space left on device")] == [200_001]


def test_escapes_and_a_very_long_line_do_not_hide_a_match() -> None:
    """Given terminal colours inside a message, or a line without end, then it is still found and its text is short."""
    matcher = Matcher(_catalogue(_file()))
    assert strip_ansi(b"\x1b[31mred\x1b[0m\r\n") == b"red\n"
    assert [hit.text for hit in matcher.scan(b"\x1b[1mNo space\x1b[0m left on device")] == ["No space left on device"]
    hits = matcher.scan(b"y" * 50_000 + b" No space left on device " + b"z" * 50_000)
    assert [(hit.line, len(hit.text)) for hit in hits] == [(1, 500)]


def test_two_kinds_may_not_explain_each_other() -> None:
    """Given rules in a circle, then they are refused; a wrong shape is refused too."""
    rule = {"cause": "disk_full", "symptoms": ["timeout"], "why": "because it is so"}
    back = {"cause": "timeout", "symptoms": ["disk_full"], "why": "because it is so"}
    assert load_precedence(json.dumps({"version": 1, "rules": [rule]})).explains(Kind.DISK_FULL, Kind.TIMEOUT)
    with pytest.raises(ValueError, match="explain each other"):
        load_precedence(json.dumps({"version": 1, "rules": [rule, back]}))
    with pytest.raises(ValidationError):
        load_precedence("{}")


def test_the_shipped_precedence_is_without_circles() -> None:
    """The shipped rules load."""
    text = (Path(__file__).parents[2] / "learning" / "catalogue" / "precedence.json").read_text(encoding="utf-8")
    assert load_precedence(text).explains(Kind.DISK_FULL, Kind.COMPILE_ERROR)


def test_a_set_that_has_passed_is_read_alike_without_being_checked_again() -> None:
    """Given the shipped files and a store, then the second reading equals the first, and one changed letter is checked anew."""
    files, store = read_folder(Path(__file__).parents[2] / "learning" / "catalogue"), Kept()
    checked, again = load_catalogue(files, store), load_catalogue(files, store)
    assert isinstance(checked, Catalogue)
    assert again == checked == load_catalogue(files)
    assert store.puts == 1
    name = next(iter(files))
    assert isinstance(load_catalogue(files | {name: files[name].replace('"weight"', '"wait"', 1)}, store), list)
    assert store.puts == 1


def test_an_exception_turns_a_rule_round_for_one_pattern() -> None:
    """Given a rule and a pattern that outranks its cause, then that pattern explains the cause, and any other pattern does not."""
    rule = {"cause": "compile_error", "symptoms": ["test_failure"], "why": "because it is so"}
    one = {"pattern": "doctest", "over": ["compile_error"], "why": "the compiler is the test"}
    precedence = load_precedence(json.dumps({"version": 1, "rules": [rule], "exceptions": [one]}))
    compiled, tested, other = ("cc", Kind.COMPILE_ERROR), ("doctest", Kind.TEST_FAILURE), ("pytest", Kind.TEST_FAILURE)
    assert precedence.reason(tested, compiled) == "the compiler is the test"
    assert precedence.reason(compiled, tested) == ""
    assert precedence.reason(compiled, other) == "because it is so"
    assert precedence.reason(other, compiled) == ""


def test_every_shipped_exception_names_a_shipped_pattern(catalogue: Catalogue) -> None:
    """An exception for a pattern that is not there would never be applied."""
    text = (Path(__file__).parents[2] / "learning" / "catalogue" / "precedence.json").read_text(encoding="utf-8")
    assert {pattern for pattern, _ in load_precedence(text).outranks} <= set(catalogue.by_id())
