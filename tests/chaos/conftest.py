"""The seed of a chaos run, and its figures: ``make chaos`` names the file that they are written to, and every run tells its seed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.bench.figures import Figure, write

SEED: pytest.StashKey[int] = pytest.StashKey()
SEED_VARIABLE = "HEALSTREAM_SEED"
FIGURES_VARIABLE = "HEALSTREAM_CHAOS_FIGURES"
_UNITS = {"violations": "violations", "seconds": "s"}
_TARGETS = {"violations": "= 0", "seconds": "< 120"}


class Verdicts:
    """Keeps the worst that was said of each test and writes it down at the end of the session."""

    def __init__(self, path: Path, seed: int) -> None:
        """Begin with nothing."""
        self._path = path
        self._seed = seed
        self._figures: dict[str, Figure] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the word of a test's run, or of a set-up or an end that failed."""
        if report.when != "call" and not report.failed:
            return
        said = {str(name): float(value) for name, value in report.user_properties if name in _UNITS and isinstance(value, int | float)}
        word, value = next(iter(said.items()), ("violations", float(report.failed)))
        name = report.nodeid.partition("::")[2].removeprefix("test_")
        self._figures[name] = Figure(name, round(value, 2), _UNITS[word], _TARGETS[word], not report.failed, report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the figures."""
        write(list(self._figures.values()), self._path, self._seed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the same as a table, with the seed."""
        for figure in self._figures.values():
            row = f"{'ok  ' if figure.ok else 'MISS'} {figure.value:>8g} {figure.unit:10} target {figure.target:6} {figure.name}"
            terminalreporter.write_line(row)
        terminalreporter.write_line(f"{SEED_VARIABLE}={self._seed}; written to {self._path}")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed, for this process and for those that it starts to run tests beside each other."""
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbelow(100_000))
    config.stash[SEED], os.environ[SEED_VARIABLE] = seed, str(seed)
    path = os.environ.get(FIGURES_VARIABLE)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Verdicts(Path(path), seed))


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """Return the seed of every random choice."""
    return pytestconfig.stash[SEED]
