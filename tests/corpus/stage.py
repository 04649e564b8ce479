"""Runs one recipe for real: its folder, its faults, its limits; returns what the tool printed and how it ended. Used by ``__main__``.

As root the step gets a mount namespace of its own, in which ``registry.example`` and its like are the fault server and a folder may be
a full disk. Without root only recipes that need neither are run.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import os
import re
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.corpus.certificates import HOSTS, write_certificates
from tests.corpus.fault_server import FaultServer
from tests.corpus.faults import FAULTS, Behaviour, Fault
from tests.corpus.limits import frame, needs_namespace
from tests.corpus.recipe import NO_LIMIT, Limit, Recipe, Stop
from tests.corpus.sanitise import sanitise

_TOOL_HOST = {
    "git": "git.example",
    "curl": "downloads.example",
    "wget": "downloads.example",
    "skopeo": "images.example",
    "docker": "images.example",
}
_TRUST = (
    "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "CARGO_HTTP_CAINFO",
)  # fmt: skip
_KEPT = (*_TRUST, "SSL_CERT_DIR", "RUSTUP_HOME", "nodedir")
_UNSEEN = {Behaviour.CLOSED_PORT, Behaviour.UNKNOWN_NAME, Behaviour.NO_RESOLVER, Behaviour.FULL_BACKLOG}
_MAX_OUTPUT = 4 * 1024 * 1024
_SHOWN_ADDRESS = "10.20.0.5"
_GRACE_SECONDS = 5.0
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a step printed (made fit for the eyes of others), its exit code (128 + n for signal n), and whether it had to be ended.

    ``is_overdue`` says that it took too long, ``was_stopped`` that the runner had to end it, ``is_met`` that the server showed its
    fault, as far as a server can know: nobody sees a client that finds a closed port.
    """

    output: str
    exit_code: int
    is_overdue: bool
    was_stopped: bool
    is_met: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """A run's own folder, address and names."""

    root: Path
    certificates: Path
    address: str
    host: str
    kit: Path | None
    has_namespace: bool


def can_isolate() -> bool:
    """Tell whether this user may have a mount namespace."""
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False) if shutil.which("unshare") else None  # noqa: S607 - found as the maker's user finds it
    return tried is not None and tried.returncode == 0


def is_runnable_without_names(recipe: Recipe) -> bool:
    """Tell whether a recipe needs neither the names of Acme nor a namespace."""
    return "@HTTPS@" not in recipe.script + recipe.prepare + "".join(recipe.files.values()) and not needs_namespace(recipe.limit)


def _own_address() -> str:
    number = next(_numbers)
    return f"127.{64 + os.getpid() % 64}.{number // 250 % 250}.{1 + number % 250}"


@contextlib.contextmanager
def placed(recipe: Recipe, under: Path, kit: Path | None, *, has_namespace: bool) -> Iterator[Place]:
    """Yield a fresh place for a run; it is removed afterwards."""
    root = under / recipe.id
    shutil.rmtree(root, ignore_errors=True)
    for name in ("app", "home", "tmp", "certificates"):
        (root / name).mkdir(parents=True)
    write_certificates(root / "certificates", dt.datetime.now(dt.UTC))
    # A step that has dropped root must still reach its folder.
    under.chmod(0o755)
    address = _own_address()
    host = _TOOL_HOST.get(recipe.tool, "registry.example") if has_namespace else address
    try:
        yield Place(root, root / "certificates", address, host, kit, has_namespace)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def run_recipe(recipe: Recipe, place: Place) -> Ran:
    """Prepare and run the step; raises subprocess.CalledProcessError when the preparation fails, which no recording may hide."""
    fault = FAULTS.get(recipe.fault, FAULTS["none"])
    if recipe.prepare:
        # A healthy server of its own: the ports of one that has just closed may still be taken.
        address = _own_address() if place.has_namespace else place.address
        with FaultServer(FAULTS["none"], place.certificates, recipe.site, address=address, host=place.host) as server:
            _write_files(recipe, place, server)
            prepared = _run(recipe, place, server, NO_LIMIT, recipe.prepare)
        if prepared.exit_code:
            raise subprocess.CalledProcessError(prepared.exit_code, f"prepare of {recipe.id}", prepared.output)
    with FaultServer(fault, place.certificates, recipe.site, recipe.where, place.address, place.host) as server:
        if not recipe.prepare:
            _write_files(recipe, place, server)
        ran = _run(recipe, place, server, recipe.limit, recipe.script, fault)
    is_met = bool(server.met) or recipe.fault == "none" or recipe.fault not in FAULTS or fault.behaviour in _UNSEEN
    return Ran(sanitise(ran.output, _exchanged(recipe, place, server)), ran.exit_code, ran.is_overdue, ran.was_stopped, is_met)


def shown(text: str, recipe: Recipe, place: Place) -> str:
    """Return a recipe's text with its tokens as a reader of the log sees them."""
    return sanitise(_filled(text, place, None), _exchanged(recipe, place, None))


def _filled(text: str, place: Place, server: FaultServer | None) -> str:
    http = "" if server is None or server.http_port == 80 else f":{server.http_port}"
    https = "" if server is None or server.https_port == 443 else f":{server.https_port}"
    pairs = {
        "@HTTPS@": f"https://{place.host}{https}",
        "@HTTP@": f"http://{place.host}{http}",
        "@HOST@": place.host,
        "@ADDRESS@": place.address,
        "@KIT@": str(place.kit),
    }
    for token, value in (
        pairs | {"@CA@": str(place.certificates / "authority.pem"), "@HOME@": str(place.root / "home"), "@APP@": str(place.root / "app")}
    ).items():
        text = text.replace(token, value)
    return text


def _exchanged(recipe: Recipe, place: Place, server: FaultServer | None) -> list[tuple[str, str]]:
    root = str(place.root)
    pairs = [
        (f"{root}/app", "/builds/acme/app"),
        (f"{root}/home", "/home/runner"),
        (f"{root}/tmp", "/tmp"),
        (f"{root}/step.sh", "/builds/acme/step.sh"),
    ]
    if not place.has_namespace:
        host = _TOOL_HOST.get(recipe.tool, "registry.example")
        for port, usual in ((server.http_port, "80"), (server.https_port, "443")) if server else ():
            pairs += [(f"{place.address}:{port}", host), (f"{place.address} port {port}", f"{host} port {usual}")]
        pairs.append((place.address, host))
    return [*pairs, (root, "/builds/acme"), (place.address, _SHOWN_ADDRESS), (socket.gethostname(), "runner")]


def _write_files(recipe: Recipe, place: Place, server: FaultServer) -> None:
    for name, text in recipe.files.items():
        path = place.root / ("home" if name.startswith("~/") else "app") / name.removeprefix("~/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(text, place, server), encoding="utf-8")


def _environment(recipe: Recipe, place: Place, server: FaultServer) -> dict[str, str]:
    kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
    if server.host in HOSTS and any(
        token in recipe.script + recipe.prepare + "".join((*recipe.files.values(), *recipe.env.values()))
        for token in ("@HTTPS@", "@HTTP@", "@HOST@")
    ):
        kept |= dict.fromkeys(_TRUST, str(place.certificates / "authority.pem"))
    home = place.root / "home"
    path = os.environ["PATH"] if place.kit is None else f"{place.kit}/bin:{place.kit}/node_modules/.bin:{os.environ['PATH']}"
    kept.setdefault("RUSTUP_HOME", str(Path.home() / ".rustup"))
    basic = {
        "PATH": path,
        "HOME": str(home),
        "TMPDIR": str(place.root / "tmp"),
        "LANG": "C.UTF-8",
        "CI": "true",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    return kept | basic | {key: _filled(value, place, server) for key, value in recipe.env.items()}


def _run(recipe: Recipe, place: Place, server: FaultServer, limit: Limit, script: str, fault: Fault | None = None) -> Ran:
    step = place.root / "step.sh"
    step.write_text(_filled(script, place, server) + "\n", encoding="utf-8")
    names = _name_files(place, server.address, fault or FAULTS["none"]) if place.has_namespace else {}
    framed = place.root / "frame.sh"
    framed.write_text(frame(limit, place.root, names, shlex.join(["bash", "-e", "-o", "pipefail", str(step)])), encoding="utf-8")
    words = [*(["unshare", "-m"] if place.has_namespace else []), "bash", "-e", str(framed)]
    child = subprocess.Popen(
        words,
        cwd=place.root / "app",
        env=_environment(recipe, place, server),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    return _watched(child, limit, recipe.limit_seconds)


def _name_files(place: Place, address: str, fault: Fault) -> dict[str, Path]:
    """Return what stands in for the files by which this machine finds others."""
    hosts, resolver = place.root / "hosts", place.root / "resolv.conf"
    is_known = fault.behaviour not in {Behaviour.UNKNOWN_NAME, Behaviour.NO_RESOLVER}
    hosts.write_text("127.0.0.1 localhost runner\n" + (f"{address} {' '.join(HOSTS)}\n" if is_known else ""), encoding="utf-8")
    if fault.behaviour is not Behaviour.NO_RESOLVER:
        return {"/etc/hosts": hosts}
    # Nobody answers there, and says so at once.
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="utf-8")
    return {"/etc/hosts": hosts, "/etc/resolv.conf": resolver}


def _watched(child: subprocess.Popen[bytes], limit: Limit, limit_seconds: float) -> Ran:
    """Read to the end, and end the step when its limit says so."""
    assert child.stdout is not None
    told, started, stopped = bytearray(), time.monotonic(), 0.0
    is_overdue = False
    with selectors.DefaultSelector() as watched:
        watched.register(child.stdout, selectors.EVENT_READ)
        while True:
            if watched.select(0.2):
                read = os.read(child.stdout.fileno(), 65536)
                if not read:
                    break
                told += read[: max(0, _MAX_OUTPUT - len(told))]
            now = time.monotonic()
            is_overdue = is_overdue or now - started > limit_seconds
            if not stopped and (is_overdue or _is_to_stop(limit, now - started, told)):
                stopped = now
                _signal(child, signal.SIGKILL if is_overdue or limit.stop is Stop.KILLED else signal.SIGTERM)
            if stopped and now - stopped > _GRACE_SECONDS:
                _signal(child, signal.SIGKILL)
                break
    code = child.wait()
    child.stdout.close()
    # What the step left behind in its session ends with it, as a runner sees to.
    _signal(child, signal.SIGKILL)
    return Ran(told.decode("utf-8", errors="replace"), code if code >= 0 else 128 - code, is_overdue, bool(stopped))


def _is_to_stop(limit: Limit, seconds: float, told: bytearray) -> bool:
    if limit.stop is Stop.NEVER or (limit.cue and not re.search(limit.cue.encode(), told)):
        return False
    return seconds >= limit.after


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
