"""Logs that print an infrastructure failure's words without having had one: in jobs that succeed and in jobs whose code fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from learning.classification import Classification, Recognizer, classify_log
from learning.patterns.model import Pattern
from schemas.vocabulary import Group, Result, group_of

_WORK = "Building module {}\n"
_SUMMARY = "##[error]Process completed with exit code 1.\n"
_TESTS_FAIL = (
    "=================================== FAILURES ===================================\n"
    "_________ test_total _________\n    def test_total():\n>       assert 3 == 4\nE       assert 3 == 4\n\n"
    "tests/test_cart.py:7: AssertionError\n"
    "=========================== short test summary info ============================\n"
    "FAILED tests/test_cart.py::test_total - assert 3 == 4\n"
    "========================= 1 failed, 2 passed in 0.04s ==========================\n" + _SUMMARY
)
_COMPILER_STOPS = (
    "src/main.c: In function 'main':\nsrc/main.c:7:5: error: expected ';' before 'return'\n"
    "make: *** [Makefile:3: main.o] Error 1\n##[error]Process completed with exit code 2.\n"
)
_LINTER_STOPS = "src/cart.py:3:1: F401 'os' imported but unused\nFound 1 error.\n" + _SUMMARY


def _work(lines: int) -> str:
    return "".join(_WORK.format(number) for number in range(lines))


# What follows the planted words; each is the whole end of a log.
FAILING: Mapping[str, str] = {
    "tests that fail": "collected 3 items\n\n" + _TESTS_FAIL,
    "tests that fail after more work": _work(30) + "collected 3 items\n\n" + _TESTS_FAIL,
    "a compiler that stops": _work(30) + _COMPILER_STOPS,
    "a linter that stops": _work(30) + _LINTER_STOPS,
}
PASSING: Mapping[str, str] = {
    "Travis": _work(20) + '[INFO] BUILD SUCCESS\nThe command "mvn test" exited with 0.\n\nDone. Your build exited with 0.\n',
    "GitLab": _work(20) + "Cleaning up project directory and file based variables\nJob succeeded\n",
    "Jenkins": _work(3) + "[Pipeline] End of Pipeline\nFinished: SUCCESS\n",
    "pytest, nothing stated": _work(20) + "============================== 3 passed in 0.04s ===============================\n",
}


def _each(before: str, text: str, after: str = "") -> str:
    return "".join(f"{before}{line}{after}\n" for line in text.split("\n"))


def _slug(text: str) -> str:
    return "_".join(text.partition("\n")[0].split())


DISGUISES: Mapping[str, Callable[[str], str]] = {
    "an echo": lambda text: f"{_each('+ echo ', text)}{text}\n",
    "the name of a passing test": lambda text: f"tests/test_x.py::test_{_slug(text)} PASSED\n",
    "the output of a passing test": lambda text: f"tests/test_net.py::test_answers\n{text}\nPASSED\n",
    "a diff": lambda text: f"--- a/faq.md\n+++ b/faq.md\n@@ -1,3 +1,3 @@\n{_each('-', text)}{_each('+', text)}",
    "a diff of an assertion": lambda text: _each("E         - ", text),
    "an error that a retry overcame": lambda text: f"{text}\nRetrying in 5 seconds (attempt 2 of 3)\ndone\n",
    "a comment of a compiled file": lambda text: _each("    // ", text),
    "a commit message": lambda text: f"HEAD is now at 1a2b3c4 {text.split(chr(10))[0]}\n{_each('    ', text)}",
    "a log that is shown": lambda text: f"+ cat last.log\n{_each('> ', text)}",
    "a warning": lambda text: _each("warning: ", text),
    "what a search found": lambda text: f"+ grep -rn failed docs\n{_each('docs/faq.md:12:', text)}",
    "a documentation build": lambda text: f"reading sources... [ 50%] faq\n{_each('docs/faq.md: WARNING: literal block: ', text)}",
    "a fixture in JSON": lambda text: "{\n" + "".join(f'  "message": {json.dumps(line)},\n' for line in text.split("\n")) + "}\n",
    "a fixture in YAML": lambda text: "".join(f"    - message: '{line}'\n" for line in text.split("\n")),
    "another job's failure, quoted": lambda text: f"Last failure of job build #41:\n{_each('    | ', text)}",
    "a group of an earlier step": lambda text: f"##[group]Run ./try || true\n{text}\n##[endgroup]\n",
}


@dataclass(frozen=True, slots=True)
class Planted:
    """One pattern's words in one disguise and one log, and what was said of it."""

    pattern: str
    disguise: str
    host: str
    said: Classification

    @property
    def is_called_infra(self) -> bool:
        """Tell whether an infrastructure failure was named."""
        return group_of(self.said.kind) is Group.INFRA


def infra_patterns(recognizer: Recognizer) -> tuple[Pattern, ...]:
    """Return the patterns whose words are planted."""
    return tuple(pattern for pattern in recognizer.matcher.catalogue.patterns if group_of(pattern.kind) is Group.INFRA)


def plant(disguise: str, hosts: Mapping[str, str], result: Result | None, recognizer: Recognizer) -> Iterator[Planted]:
    """Plant every infra pattern's first example in one disguise; the hosts take turns, so that each meets every family."""
    names = sorted(hosts)
    for number, pattern in enumerate(infra_patterns(recognizer)):
        host = names[number % len(names)]
        text = _work(30) + DISGUISES[disguise](pattern.examples[number % len(pattern.examples)]) + hosts[host]
        yield Planted(pattern.id, disguise, host, classify_log(text, result, recognizer))
