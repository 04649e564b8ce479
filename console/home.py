"""Where one installation lives: its state under XDG_STATE_HOME, its configuration under XDG_CONFIG_HOME; two names, two copies.

Called by every command; the folder's format is checked before anything in it is used.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from infra.logins import BROKERS_VARIABLE, address_in, address_with, has_login, login_file
from schemas.errors import ConfigurationError, HealstreamError, UnreachableError

FORMAT = 1
# The version of the JSON shapes of lists, of the command line and the interface alike.
SHAPE = 1
DEFAULT_NAME = "default"
PENDING = ".pending"
LOCKED_VARIABLE = "HEALSTREAM_LOCKED"
# The broker, its first segments and the logs; what the topics may hold in the end is in schemas/topics.py.
NEEDED_BYTES = 256 * 1024 * 1024
_OTHER_DISK = "Free or mend the disk, or set XDG_STATE_HOME to another; nothing was changed"


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one named copy."""

    name: str
    state: Path
    config: Path

    @property
    def keys(self) -> Path:
        """The components' private keys."""
        return self.state / "keys"

    @property
    def logins(self) -> Path:
        """The names and passwords with which processes come to a locked broker."""
        return self.state / "logins"

    @property
    def people(self) -> Path:
        """The private keys of the people of this machine."""
        return self.state / "people"

    @property
    def cases(self) -> Path:
        """The case files of what was escalated."""
        return self.state / "cases"

    @property
    def logs(self) -> Path:
        """What the processes print."""
        return self.state / "logs"

    @property
    def temporary(self) -> Path:
        """What the workers lay out for a while; emptied at each start, for one that was killed leaves it there."""
        return self.state / "tmp"

    @property
    def stop_file(self) -> Path:
        """The file whose existence halts every executor of this host."""
        return self.state / "stop"

    def pending_word(self, key: str) -> Path:
        """Return the file that keeps a person's word until Kafka answers."""
        return self.state / f"{quote(key, safe='')}{PENDING}"

    @property
    def running(self) -> Path:
        """What the supervisor says of itself while it runs."""
        return self.state / "running.json"

    def brokers(self, environ: Mapping[str, str]) -> str:
        """Return the bootstrap address: the environment's, or the running supervisor's; empty when there is none."""
        return address_in(environ) or str(read_running(self).get("brokers", ""))


def address_for(home: Home, brokers: str, who: str) -> str:
    """Return the address under the name of one part of the copy; that of an open broker as it is."""
    return address_with(brokers, login_file(home.logins, who)) if has_login(brokers) else brokers


def brokers_here(home: Home, environ: Mapping[str, str], who: str = "operator") -> str:
    """Return the bootstrap address; raises UnreachableError when nothing runs and none is given.

    Who comes to a copy that runs here comes under the name of those that do such things; to another broker under the name that it is told.
    """
    found = home.brokers(environ)
    if not found:
        raise UnreachableError("broker", "nothing runs here", "Start it with `healstream up`, or set HEALSTREAM_BROKERS")
    return found if environ.get(BROKERS_VARIABLE) else address_for(home, found, who)


def home_of(environ: Mapping[str, str], name: str = "") -> Home:
    """Return the copy's folders; nothing is made."""
    chosen = name or environ.get("HEALSTREAM_NAME", "") or DEFAULT_NAME
    if not chosen.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(f"name {chosen!r}", "it is not made of letters, digits, - and _", "Choose another with --name")
    home = Path(environ.get("HOME") or Path.home())
    state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "healstream" / chosen
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "healstream" / chosen
    return Home(chosen, Path(environ.get("HEALSTREAM_STATE") or state), Path(environ.get("HEALSTREAM_CONFIG") or config))


def require_room(home: Home, needed_bytes: int = NEEDED_BYTES) -> None:
    """Return when the state folder's disk takes writes and has room; raises HealstreamError before anything is written."""
    folder = next(path for path in (home.state, *home.state.parents) if path.exists())
    if not os.access(folder, os.W_OK):
        raise HealstreamError(f"state folder {home.state}", f"{folder} is read-only or not yours", _OTHER_DISK)
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        why = f"its disk has {free >> 20} MiB free, {needed_bytes >> 20} MiB are needed"
        raise HealstreamError(f"state folder {home.state}", why, _OTHER_DISK)


def make_state(home: Home) -> None:
    """Make the state folder or check its format; raises HealstreamError for one of another release or a disk that refuses."""
    mark = home.state / "format"
    try:
        found = _format_in(home)
        if found != str(FORMAT):
            raise HealstreamError(
                f"state folder {home.state}",
                f"its format is {found}, this release reads {FORMAT}",
                "Start with another --name, or move the folder away; nothing in it was changed",
            )
        for folder in (home.state, home.keys, home.people, home.cases, home.logs, home.temporary):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not mark.exists():
            write_file(mark, f"{FORMAT}\n")
    except OSError as error:
        raise HealstreamError(f"state folder {home.state}", str(error.strerror), "Free or mend the disk, then try again") from error


def empty_temporary(home: Home) -> None:
    """Remove what killed workers had laid out; called by whoever holds the state folder's lock."""
    shutil.rmtree(home.temporary, ignore_errors=True)
    home.temporary.mkdir(parents=True, exist_ok=True, mode=0o700)


def _format_in(home: Home) -> str:
    mark = home.state / "format"
    if mark.exists():
        return mark.read_text(encoding="ascii", errors="replace").strip()
    return "of a release before formats" if (home.state / "broker").exists() else str(FORMAT)


def write_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file in one step, so that Ctrl-C leaves the old or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with beside.open("w", encoding="utf-8") as out:
            beside.chmod(mode)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_running(home: Home) -> dict[str, object]:
    """Return what the running supervisor wrote, or nothing."""
    try:
        found = json.loads(home.running.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def only_copy(home: Home) -> Iterator[None]:
    """Hold the state folder's lock; raises HealstreamError when another supervisor has it."""
    with (home.state / "lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HealstreamError(
                f"state folder {home.state}", "another healstream uses it", "Use `healstream down`, or start a second copy with --name"
            ) from error
        yield
