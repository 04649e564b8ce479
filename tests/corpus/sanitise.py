"""From what a tool printed here to what it would have printed at Acme: paths, host names and addresses of this machine are exchanged.

The tools' own words stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MAX_LINES = 300
_HEAD_LINES = 40
_MAX_LINE = 2000
# Hosts of package registries; written with classes so that no source file holds one.
_REGISTRIES: tuple[tuple[str, str], ...] = (
    (r"(?:test[.])?pypi[.]org", "python.example"),
    (r"files[.]pythonhosted[.]org", "files.example"),
    (r"registry[.](?:npmjs[.]org|yarnpkg[.]com)", "npm.example"),
    (r"(?:repo|repo1)[.]maven[.](?:apache[.]org|org)", "maven.example"),
    (r"plugins[.]gradle[.]org|services[.]gradle[.]org|jcenter[.]bintray[.]com", "gradle.example"),
    (r"(?:static[.]|index[.])?crates[.]io(?!-index)", "crates.example"),
    (r"(?:proxy|sum)[.]golang[.]org", "goproxy.example"),
    (r"(?:index[.])?rubygems[.]org", "gems.example"),
    (r"(?:repo[.])?packagist[.]org", "packagist.example"),
    (r"(?:www[.]|cpan[.])?(?:meta)?cpan[.]org", "cpan.example"),
    (r"(?:deb|security|ftp)[.]debian[.]org", "deb.example"),
    (r"hackage[.]haskell[.]org", "hackage.example"),
    (r"(?:cran|cloud)[.]r-project[.]org", "cran.example"),
    (r"(?:registry-1|index|auth|registry)[.]docker[.](?:io|com)|(?<![\w.])docker[.]io(?=[/:])", "docker.example"),
    (r"ghcr[.]io|quay[.]io|gcr[.]io|public[.]ecr[.]aws|mcr[.]microsoft[.]com", "images.example"),
    (r"luarocks[.]org|hex[.]pm|repo[.]hex[.]pm|api[.]nuget[.]org", "packages.example"),
    (r"codeload[.]github[.]com|raw[.]githubusercontent[.]com", "downloads.example"),
)
REGISTRY = re.compile("|".join(f"(?:{expression})" for expression, _ in _REGISTRIES), re.IGNORECASE)
_HOSTS = tuple((re.compile(rf"(?<![\w-])(?:{expression})", re.IGNORECASE), stand_in) for expression, stand_in in _REGISTRIES)
_PLACES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:/private)?/tmp/hs-kits/[\w.-]+/(?:bin|sbin)(?=/)"), "/usr/local/bin"),
    (re.compile(r"(?:\.\./)+hs-kits/[\w.-]+/"), ""),
    (re.compile(r"/tmp/hs-docker/docker\.sock"), "/var/run/docker.sock"),
    (re.compile(r"/tmp/hs-docker/data"), "/var/lib/docker"),
    (re.compile(r"/tmp/hs-kits/[\w.-]+"), "/builds/acme/app"),
    (re.compile(r"/root/\.pyenv/versions/([\d.]+)"), r"/opt/hostedtoolcache/Python/\1/x64"),
    (re.compile(r"/root/\.pyenv/shims"), "/usr/local/bin"),
    (re.compile(r"/root/\.rustup"), "/home/runner/.rustup"),
    (re.compile(r"/root/\.cargo"), "/home/runner/.cargo"),
    (re.compile(r"(?<![\w.-])/root(?![\w-])"), "/home/runner"),
)
# Tools that greet with the name of a person.
_PEOPLE: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(PHPUnit [\d.]+) by .{1,60} and contributors"), r"\1 by its contributors"),
)


def sanitise(text: str, exchanged: Iterable[tuple[str, str]]) -> str:
    """Return the text with every pair of ``exchanged`` (here, there) replaced, then what is known of every machine."""
    for here, there in sorted(exchanged, key=lambda pair: -len(pair[0])):
        text = text.replace(here, there)
    for expression, there in (*_PLACES, *_HOSTS, *_PEOPLE):
        text = expression.sub(there, text)
    return text


def cap(lines: Sequence[str]) -> list[str]:
    """Return at most ``MAX_LINES`` lines, the first few and the last ones, none longer than 2,000 characters."""
    kept = list(lines)
    if len(kept) > MAX_LINES:
        kept = [*kept[:_HEAD_LINES], *kept[-(MAX_LINES - _HEAD_LINES) :]]
    return [line if len(line) <= _MAX_LINE else line[:_MAX_LINE] for line in kept]


def private_words(text: str, machine: Sequence[str]) -> list[str]:
    """Return what must not leave this machine and is still in the text: registry hosts and the words of ``machine``."""
    found = [hit.group() for hit in REGISTRY.finditer(text)]
    return found + [word for word in machine if word and word in text]
