"""A path template to the files that it means and the job that each is the log of; read by ``ship.py``. Pure.

``/ci/{project:path}/{run_id:int}/{job}.log`` names files by its wildcards and their jobs by its fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from glob import escape
from urllib.parse import quote, urlencode

from schemas.errors import UsageError

NEEDED = ("source", "project", "run_id", "job")
FIELDS = (*NEEDED, "attempt", "step")
_TYPES = {"": (r"[^/]+", "*"), "int": (r"[0-9]+", "*"), "path": (r".+", "**")}
_PIECE = re.compile(r"\{([^{}]*)\}|(\*\*/)|(\*)|(\?)|([^{*?]+|\{)")
_WILD = {2: (r"(?:[^/]+/)*", "**/"), 3: (r"[^/]*", "*"), 4: (r"[^/]", "?")}
_MOST_LETTERS = 900
_MOST_ATTEMPT = 999_999
_SHOWN = "Write for example /ci/{project:path}/{run_id:int}/{job}.log, or give --run SOURCE/PROJECT/RUN_ID/JOB"


@dataclass(frozen=True, slots=True)
class Job:
    """Whose log a file is, as the gateway's path names it."""

    source: str
    project: str
    run_id: str
    job: str
    attempt: int = 1
    step: str = ""

    @property
    def address(self) -> str:
        """Return the part of a gateway's path that names it, with its query."""
        words = (self.source, *self.project.split("/"), self.run_id, self.job)
        query = {"attempt": str(self.attempt), **({"step": self.step} if self.step else {})}
        return f"{'/'.join(quote(word, safe='') for word in words)}?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class Template:
    """Which files below ``root`` are followed; ``glob`` and ``pattern`` are relative to it, ``known`` are the fields that all share."""

    text: str
    root: str
    glob: str
    pattern: re.Pattern[str]
    known: Mapping[str, str]

    def job_of(self, path: str) -> Job | None:
        """Return whose log a path relative to the root is, None when the template does not mean it; raises UsageError for bad words."""
        found = self.pattern.fullmatch(path)
        return _job({**self.known, **found.groupdict()}, path) if found else None


def template_of(path: str, known: Mapping[str, str]) -> Template:
    """Return a template of an absolute path; ``known`` are fields that options give. Raises UsageError."""
    folder, _, _ = re.split(r"[{*?]", path, maxsplit=1)[0].rpartition("/")
    if not path.startswith("/") or not folder or path.endswith(("/", ".gz")):
        raise UsageError(path, "it does not name files below a folder", "Give a path whose first folders stand without a field or wildcard")
    regex, glob, fields = "", "", []
    for found in _PIECE.finditer(path[len(folder) + 1 :]):
        number = found.lastindex or 5
        if number == 1:
            name, _, kind = found[1].partition(":")
            _check_field(path, found[1], name, kind)
            fields.append(name)
            regex, glob = f"{regex}(?P<{name}>{_TYPES[kind][0]})", glob + _TYPES[kind][1]
        else:
            wild = _WILD.get(number, (re.escape(found[0]), escape(found[0])))
            regex, glob = regex + wild[0], glob + wild[1]
    missing = [name for name in NEEDED if name not in {*known, *fields}]
    twice = next((name for name in fields if name in known or fields.count(name) > 1), "")
    if missing or twice:
        why = f"{twice} is given twice" if twice else f"nothing says {', '.join(missing)} of its jobs"
        raise UsageError(path, why, _SHOWN)
    return Template(path, folder, glob, re.compile(regex), dict(known))


def _check_field(path: str, text: str, name: str, kind: str) -> None:
    if name not in FIELDS or kind not in _TYPES:
        raise UsageError(path, f"{{{text[:60]}}} is no field", f"Fields are {', '.join(FIELDS)}, each plain, :int or :path")
    if kind == "path" and name != "project":
        raise UsageError(path, "only a project may hold slashes", "Write {project:path}, and the others plain")


def _job(words: Mapping[str, str], path: str) -> Job:
    attempt = words.get("attempt") or "1"
    if not attempt.isascii() or not attempt.isdecimal() or not 1 <= int(attempt[:9]) <= _MOST_ATTEMPT:
        raise UsageError(path, f"{attempt[:40]!r} is no attempt", "Attempts count from 1")
    named = [words[name] for name in NEEDED]
    parts = [part for word in named for part in word.split("/")]
    is_odd = any("/" in words[name] for name in NEEDED if name != "project")
    if is_odd or not all(parts) or {".", ".."} & set(parts) or sum(map(len, named)) > _MOST_LETTERS or not "".join(named).isprintable():
        raise UsageError(path, "its words do not name a job", "Words are not empty, hold no slash but the project's, and are printable")
    source, project, run_id, job = named
    return Job(source, project, run_id, job, int(attempt), words.get("step", ""))
