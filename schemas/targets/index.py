"""Where a tool of this host fetches packages from, and by which mirrors it may be replaced: ``index:<name>``; CI jobs rest on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from schemas.targets.spec import Unwatched


class IndexTool(StrEnum):
    """Whose setting it is: ``index-url`` of pip, ``registry`` of npm, the addresses of an apt sources file, those in a ``url`` of git.

    A ``url`` of git says by which transport it fetches what is named by another address: ``[url "ssh://git@..."] insteadOf = https://...``.
    """

    PIP = "pip"
    NPM = "npm"
    APT = "apt"
    GIT = "git"


# The patterns that show git's transport at fault; what a server refuses by a login or does not have fails by every transport.
GIT_CAUSES = frozenset(
    {
        "git-hung-up",
        "git-connection-failed",
        "git-server-error",
        "git-secure-stream-cut",
        "git-remote-own-error",
        "git-tls-transport-broken",
        "git-http-stream-broken",
        "git-timeout-connecting",
        "git-pack-incomplete",
        "git-ssh-unreachable",
        "git-rpc-http-5xx",
    }
)


@dataclass(frozen=True, slots=True)
class IndexSpec(Unwatched):
    """One setting ``file`` of this machine, read by the jobs of ``projects`` on the CI server ``source``.

    Only an address of ``mirrors`` is ever replaced, and only by the next of them. ``ask`` is an argument list, never a shell line, that
    passes when the tool gets an answer by the setting as it is. ``lists`` is apt's folder of fetched lists; it alone is ever cleaned.
    """

    TYPE: ClassVar[str] = "index"

    name: str
    tool: IndexTool
    file: str
    mirrors: tuple[str, ...]
    source: str
    projects: tuple[str, ...]
    ask: tuple[str, ...]
    lists: str = ""
    environ: tuple[tuple[str, str], ...] = ()
    timeout_s: float = 60.0
    healing: bool = True

    def serves(self, target: str) -> bool:
        """Tell whether a target is a CI job that reads the setting."""
        return any(target.startswith(f"job:{self.source}/{project}/") for project in self.projects)

    def next_after(self, mirror: str) -> str:
        """Return the mirror that follows in the list, from its end the first."""
        return self.mirrors[(self.mirrors.index(mirror) + 1) % len(self.mirrors)]

    def mirror_in(self, texts: Iterable[str]) -> str:
        """Return the mirror that the texts name by its host and port, else by its host alone; empty when they name none."""
        whole = "\n".join(texts)
        places = [(mirror, urlsplit(mirror)) for mirror in self.mirrors]
        named = [(mirror, place.netloc) for mirror, place in places] + [(mirror, place.hostname or "") for mirror, place in places]
        return next((mirror for mirror, host in named if host and _names(whole, host)), "")


@dataclass(frozen=True, slots=True)
class IndexSetting:
    """A setting as it is: those of its mirrors that it names, in their order there, and the SHA-256 of its file."""

    mirrors: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class MirrorChange:
    """One mirror in the place of another, in a file that had this SHA-256."""

    mirror: str
    to: str
    sha256: str


def index_named(
    specs: Iterable[IndexSpec], tools: frozenset[IndexTool], target: str, texts: Iterable[str], cause: str
) -> tuple[IndexSpec, str] | None:
    """Return the setting of one of the tools that a job reads, with that of its mirrors which the texts of its log name.

    A log only selects: an address that is in no list of the catalogue finds nothing. Git does not say whence it fetched when the other
    side hangs up: there the ``cause`` is what shows whose setting it is, and the first transport of the list is the usual one.
    """
    said = tuple(texts)
    read = [spec for spec in specs if spec.healing and spec.tool in tools and spec.serves(target)]
    if cause in GIT_CAUSES:
        return next(((spec, spec.mirror_in(said) or spec.mirrors[0]) for spec in read if spec.tool is IndexTool.GIT), None)
    found = ((spec, spec.mirror_in(said)) for spec in read if spec.tool is not IndexTool.GIT)
    return next(((spec, mirror) for spec, mirror in found if mirror), None)


def _names(text: str, host: str) -> bool:
    # A part of a longer name is another host.
    return re.search(rf"(?<![A-Za-z0-9.-]){re.escape(host)}(?![A-Za-z0-9-]|\.[A-Za-z0-9])", text) is not None
