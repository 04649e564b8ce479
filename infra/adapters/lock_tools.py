"""How each tool writes a lock file, says whether it fits, and makes a clean locked install: argument lists, install scripts off.

All three run in a folder that holds one commit's files. Called by ``lockfiles``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.adapters.bounded_run import Ran, run_bounded
from schemas.targets.lockfile import LockfileSpec, LockTool

Words = tuple[str, ...]
# A report larger than this is no lock file's.
_MOST_REPORT_BYTES = 32 * 1024**2
_REPORT = ".healstream-report.json"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._, -]*\])?\s*([<>=!~]=?[^;@/\\]*)?(;[^@/\\]*)?")


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool's words; ``program`` is how it is called by its own name."""

    program: Words
    lock: Words
    in_step: Words
    install: Words
    environ: tuple[tuple[str, str], ...] = ()
    writes_report: bool = False


_NPM = ("--ignore-scripts", "--no-audit", "--no-fund")
# Wheels only: building anything else runs its code.
_PIP = ("--disable-pip-version-check", "--only-binary", ":all:")
_PIP_REPORT = ("install", "--quiet", "--dry-run", "--ignore-installed", "--report", _REPORT, *_PIP, "-r")

TOOLS: Mapping[LockTool, Tool] = {
    LockTool.NPM: Tool(
        ("npm",),
        ("install", "--package-lock-only", *_NPM),
        ("ci", "--dry-run", *_NPM),
        ("ci", *_NPM),
        # A repository's own settings may not name the program that fetches from git.
        (("npm_config_git", "git"), ("npm_config_ignore_scripts", "true")),
    ),
    LockTool.PIP: Tool(
        (sys.executable, "-m", "pip"),
        _PIP_REPORT,
        _PIP_REPORT,
        ("install", "--quiet", "--no-deps", "--require-hashes", "--target", ".healstream-installed", *_PIP, "-r"),
        writes_report=True,
    ),
    LockTool.UV: Tool(
        ("uv",), ("lock", "--no-build"), ("lock", "--check", "--no-build"), ("sync", "--locked", "--no-build", "--no-install-project")
    ),
    LockTool.CARGO: Tool(
        ("cargo",),
        ("update", "--workspace"),
        ("metadata", "--locked", "--format-version", "1"),
        ("fetch", "--locked"),
        # A repository's own settings may not put a program of theirs before the compiler.
        (("RUSTC_WRAPPER", ""), ("RUSTC_WORKSPACE_WRAPPER", "")),
    ),
    LockTool.GO: Tool(
        ("go",),
        ("mod", "tidy"),
        ("mod", "tidy", "-diff"),
        ("build", "-mod=readonly", "./..."),
        (("GOTOOLCHAIN", "local"), ("GOFLAGS", ""), ("CGO_ENABLED", "0")),
    ),
}


def write_lock(spec: LockfileSpec, work: Path, home: Path) -> Ran:
    """Let the tool write the lock file in ``work`` anew."""
    tool = TOOLS[spec.tool]
    if not tool.writes_report:
        return _run(spec, tool.lock, work, home)
    ran, text = _report_of(spec, work, home)
    if ran.passed:
        (work / spec.lock).write_text(text, encoding="utf-8")
    return ran


def asks_in_step(spec: LockfileSpec, work: Path, home: Path) -> Ran:
    """Let the tool say whether lock and manifest fit."""
    tool = TOOLS[spec.tool]
    if not tool.writes_report:
        return _run(spec, tool.in_step, work, home)
    ran, text = _report_of(spec, work, home)
    found = (work / spec.lock).read_text(encoding="utf-8", errors="replace") if (work / spec.lock).is_file() else ""
    fits = sorted(_requirements(found)) == sorted(_requirements(text))
    return ran if not ran.passed or fits else Ran(1, f"{spec.lock} is not what {spec.manifest} resolves to")


def install_locked(spec: LockfileSpec, work: Path, home: Path) -> Ran:
    """Make a clean install that may not change the lock file, then run the test command."""
    tool = TOOLS[spec.tool]
    ran = _run(spec, (*tool.install, spec.lock) if tool.writes_report else tool.install, work, home)
    if not ran.passed or not spec.test:
        return ran
    return run_bounded(spec.test, work, spec.timeout_s, home, _environ(spec))


def _run(spec: LockfileSpec, words: Words, work: Path, home: Path) -> Ran:
    return run_bounded((*(spec.program or TOOLS[spec.tool].program), *words), work, spec.timeout_s, home, _environ(spec))


def _environ(spec: LockfileSpec) -> Sequence[tuple[str, str]]:
    return (*TOOLS[spec.tool].environ, *spec.environ)


def _report_of(spec: LockfileSpec, work: Path, home: Path) -> tuple[Ran, str]:
    """Return what the manifest resolves to, as the lines of a requirements file with hashes."""
    report = work / _REPORT
    report.unlink(missing_ok=True)
    if fault := _not_of_an_index(work / spec.manifest):
        return Ran(-5, fault), ""
    ran = _run(spec, (*TOOLS[spec.tool].lock, spec.manifest), work, home)
    if not ran.passed:
        return ran, ""
    try:
        if report.stat().st_size > _MOST_REPORT_BYTES:
            return Ran(1, "the tool's report is too large"), ""
        rows = json.loads(report.read_text(encoding="utf-8"))["install"]
        lines = sorted(_line(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Ran(1, f"the tool's report cannot be read: {type(error).__name__}: {error}"), ""
    finally:
        report.unlink(missing_ok=True)
    return ran, "".join(lines)


def _not_of_an_index(manifest: Path) -> str:
    """Return why a requirements file is left alone: an option, a path or an address may make pip build, which runs foreign code."""
    text = manifest.read_text(encoding="utf-8", errors="replace") if manifest.is_file() else ""
    wrong = next((line for line in _requirements(text) if not _PLAIN.fullmatch(line)), "")
    return f"{manifest.name} asks for more than packages of an index: {wrong[:80]!r}" if wrong else ""


def _line(row: Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]]) -> str:
    meta: Mapping[str, object] = row["metadata"]
    return f"{meta['name']}=={meta['version']} --hash=sha256:{row['download_info']['archive_info']['hashes']['sha256']}\n"


def _requirements(text: str) -> list[str]:
    return [line.split("#")[0].strip() for line in text.splitlines() if line.split("#")[0].strip()]


Ask = Callable[[LockfileSpec, Path, Path], Ran]
