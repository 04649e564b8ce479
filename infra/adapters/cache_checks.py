"""Which entries of a cache are broken, by the cache's own way to tell; reads only. Asked by the prober and by ``caches``."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from infra.adapters.open_below import opened_parent, walk_files
from schemas.targets.cache import DIGEST, NOT_FETCHED, ORIGINS, CacheCheck, CacheSpec

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_MOST_MANIFEST_BYTES = 8 * 1024**2
_MOST_DIGEST_BYTES = 1024
_MOST_MEMBER_BYTES = 512 * 1024**2
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
Bad = tuple[str, str]


def broken_entries(cache: CacheSpec) -> tuple[Bad, ...] | None:
    """Return the broken entries' names with the SHA-256 that each has, sorted; None when the cache or its manifest cannot be read."""
    checks: Mapping[CacheCheck, Callable[[CacheSpec], Iterator[Bad]]] = {
        CacheCheck.MANIFEST: _by_manifest,
        CacheCheck.CACACHE: _by_address,
        CacheCheck.WHEELS: _by_wheel_record,
        CacheCheck.MAVEN: _by_maven_digest,
    }
    if not Path(cache.folder).is_dir():
        return None
    try:
        return tuple(sorted(checks[cache.check](cache)))
    except (OSError, ValueError):
        return None


def sha256_of(cache: CacheSpec, entry: str) -> str:
    """Return the entry's SHA-256, empty when there is no such regular file below the cache."""
    try:
        with _opened(cache, entry) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _opened(cache: CacheSpec, entry: str) -> io.BufferedReader:
    with opened_parent(cache.folder, entry) as (folder, name):
        file = os.fdopen(os.open(name, _READ, dir_fd=folder), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FileNotFoundError(f"{entry!r} is no regular file")
    return file


def _by_manifest(cache: CacheSpec) -> Iterator[Bad]:
    with _opened(cache, cache.manifest) as file:
        text = file.read(_MOST_MANIFEST_BYTES + 1)
    if len(text) > _MOST_MANIFEST_BYTES:
        raise ValueError("the manifest is too large")
    for line in text.decode("utf-8").splitlines():
        row = _LINE.fullmatch(line)
        if row is None:
            raise ValueError("the manifest has a line that is not of sha256sum")
        name = row[2].removeprefix("./")
        found = sha256_of(cache, name)
        if found != row[1]:
            yield name, found


def _by_address(cache: CacheSpec) -> Iterator[Bad]:
    """Compare npm's content files with their own names: ``_cacache/content-v2/<algorithm>/ab/cd/<rest of the hash>``."""
    for path, _ in walk_files(cache.folder, "_cacache/content-v2"):
        *_, algorithm, first, second, rest = path.split("/")
        with _opened(cache, path) as file:
            found = hashlib.file_digest(file, algorithm).hexdigest()
        if found != first + second + rest:
            yield path, sha256_of(cache, path)


def _by_wheel_record(cache: CacheSpec) -> Iterator[Bad]:
    """Compare each wheel's files with the hashes of its own RECORD."""
    for path, _ in walk_files(cache.folder, ""):
        if path.endswith(".whl") and not _is_whole_wheel(cache, path):
            yield path, sha256_of(cache, path)


def _is_whole_wheel(cache: CacheSpec, path: str) -> bool:
    try:
        with _opened(cache, path) as file, zipfile.ZipFile(file) as wheel:
            records = [name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)]
            rows = list(csv.reader(io.StringIO(wheel.read(records[0]).decode("utf-8")))) if len(records) == 1 else []
            return bool(rows) and all(_matches(wheel, row) for row in rows if len(row) > 1 and row[1])
    except (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError):
        return False


def _matches(wheel: zipfile.ZipFile, row: list[str]) -> bool:
    algorithm, _, wanted = row[1].partition("=")
    # A wheel that would unpack to more than any does is not read.
    if wheel.getinfo(row[0]).file_size > _MOST_MEMBER_BYTES:
        return False
    digest = hashlib.new(algorithm, wheel.read(row[0])).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == wanted


def _by_maven_digest(cache: CacheSpec) -> Iterator[Bad]:
    """Compare each artefact with the digest that Maven keeps beside it; its notes go with it, and those of what it could not fetch."""
    there = {path for path, _ in walk_files(cache.folder, "")}
    broken = {path for path in there if f"{path}{DIGEST}" in there and not _fits_digest(cache, path)}
    # With the note of its origin alone Maven would take a file that is not there for one of another repository.
    notes = {f"{path}{DIGEST}" for path in broken} | {f"{path.rpartition('/')[0]}/{ORIGINS}" for path in broken} & there
    failed = {path for path in there if path.endswith(NOT_FETCHED)}
    yield from ((path, sha256_of(cache, path)) for path in broken | notes | failed)


def _fits_digest(cache: CacheSpec, path: str) -> bool:
    with _opened(cache, path) as file, _opened(cache, f"{path}{DIGEST}") as note:
        wanted = note.read(_MOST_DIGEST_BYTES).split()
        return bool(wanted) and hashlib.file_digest(file, "sha1").hexdigest().encode() == wanted[0].lower()
