"""Who a Kafka client is and where it connects: ``host:port,...[?login=FILE][#registry=URL]``, understood here and nowhere else.

The address goes from the environment to every client as one string, so a process has exactly the name that its login file gives, and
two clients of one process may have two. A password stands in a file of mode 600 only: never in an argument, an address or a variable.
Off loopback nothing is sent in the clear; on loopback without a ``ca`` in the file the password is proved by SCRAM and never sent.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from infra.adapters.launch import write_whole
from schemas.errors import ConfigurationError, DeniedError

BROKERS_VARIABLE = "HEALSTREAM_BROKERS"
LOGIN_VARIABLE = "HEALSTREAM_LOGIN_FILE"
MECHANISM = "SCRAM-SHA-256"
REGISTRY_VARIABLE = "HEALSTREAM_REGISTRY_URL"
_MARK = "?login="
_REGISTRY_MARK = "#registry="
_MEND = "Make it anew with `healstream topics acls apply`"


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password; ``ca`` is the file of the authority that the broker's certificate must come from, empty for none."""

    username: str
    password: str = field(repr=False)
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """The addresses to ask first, and who asks; None where the broker asks nobody's name."""

    addresses: tuple[str, ...]
    login: Login | None = None

    @property
    def is_encrypted(self) -> bool:
        """Tell whether what is sent can be read by nobody on the way."""
        return self.login is not None and (bool(self.login.ca) or not all(map(is_loopback, self.addresses)))

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return a context that checks the broker's certificate and host name; None on loopback without an authority."""
        if self.login is None or not self.is_encrypted:
            return None
        context = ssl.create_default_context(cafile=self.login.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def is_loopback(address: str) -> bool:
    """Tell whether ``host:port`` never leaves this machine."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_in(environ: Mapping[str, str]) -> str:
    """Return the address with the login file that an environment names; empty when it names no broker."""
    brokers, login = environ.get(BROKERS_VARIABLE, ""), environ.get(LOGIN_VARIABLE, "")
    return with_registry(address_with(brokers, Path(login)) if login else brokers, environ) if brokers else ""


def address_with(brokers: str, login: Path) -> str:
    """Return the address as one with this login file."""
    rest, mark, registry = brokers.partition(_REGISTRY_MARK)
    return f"{rest.partition(_MARK)[0]}{_MARK}{login}{mark}{registry}"


def with_registry(brokers: str, environ: Mapping[str, str]) -> str:
    """Return the address with the schema registry that an environment names; raises ConfigurationError for one that is unfit."""
    url = environ.get(REGISTRY_VARIABLE, "")
    if not url:
        return brokers
    _require_fit(url)
    return f"{brokers.partition(_REGISTRY_MARK)[0]}{_REGISTRY_MARK}{url}"


def registry_in(brokers: str) -> str:
    """Return the registry's URL, empty where records are written without one."""
    return brokers.partition(_REGISTRY_MARK)[2]


def _require_fit(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    is_plain = parts.scheme == "http" and is_loopback(f"{host}:{port or 80}")
    if not host or parts.username is not None or parts.query or parts.fragment or not (parts.scheme == "https" or is_plain):
        mend = "Give https://HOST/PATH without a name, a password, ? or #; http:// is for this machine only"
        raise ConfigurationError(REGISTRY_VARIABLE, "it is no address that may be asked", mend)


def has_login(brokers: str) -> bool:
    """Tell whether an address names a login."""
    return _MARK in brokers


def reach_of(brokers: str) -> Reach:
    """Return whom to ask and as whom; raises ConfigurationError for plaintext off loopback, DeniedError for a login that is none."""
    listed, _, file = brokers.partition(_REGISTRY_MARK)[0].partition(_MARK)
    addresses = tuple(address.strip() for address in listed.split(","))
    login = read_login(Path(file)) if file else None
    if login is None and not all(map(is_loopback, addresses)):
        raise ConfigurationError(
            BROKERS_VARIABLE,
            f"{listed}: plaintext off loopback is refused",
            f"Name a login file with {LOGIN_VARIABLE}, or a loopback address",
        )
    return Reach(addresses, login)


def client_settings(brokers: str) -> dict[str, str]:
    """Return what every confluent-kafka client of ours begins with."""
    reach = reach_of(brokers)
    rows = {"bootstrap.servers": ",".join(reach.addresses)}
    if reach.login is None:
        return rows
    rows |= {
        "security.protocol": "SASL_SSL" if reach.is_encrypted else "SASL_PLAINTEXT",
        "sasl.mechanism": MECHANISM,
        "sasl.username": reach.login.username,
        "sasl.password": reach.login.password,
    }
    return rows | ({"ssl.ca.location": reach.login.ca} if reach.login.ca else {})


def login_file(folder: Path, name: str) -> Path:
    """Return the login file of a principal or of the administrator."""
    return folder / f"{name}.login"


def read_login(path: Path) -> Login:
    """Return what a login file holds; raises DeniedError when it is missing, damaged, or open to others."""
    try:
        if path.stat().st_mode & 0o077:
            raise DeniedError(f"login {path}", "others may read it", f"Run `chmod 600 {path}`, and make it anew if somebody did")
        row = json.loads(path.read_text(encoding="utf-8"))
        login = Login(row["username"], row["password"], row.get("ca", ""))
    except FileNotFoundError as error:
        raise DeniedError(f"login {path}", "there is none", _MEND) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # The text of the error could repeat what the file holds.
        raise DeniedError(f"login {path}", f"it cannot be used ({type(error).__name__})", _MEND) from error
    if not all(isinstance(part, str) for part in (login.username, login.password, login.ca)) or not login.password:
        raise DeniedError(f"login {path}", "username, password and ca are texts, the password not empty", _MEND)
    return login


def write_login(path: Path, login: Login) -> None:
    """Write a login file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    row = {"username": login.username, "password": login.password, "ca": login.ca}
    write_whole(path, (json.dumps(row) + "\n").encode())


def ensure_login(path: Path, username: str) -> Login:
    """Return the login in the file; a missing one is made, with a password that nobody chose. Raises DeniedError for another name's."""
    if not path.exists():
        write_login(path, Login(username, secrets.token_urlsafe(32)))
    login = read_login(path)
    if login.username != username:
        raise DeniedError(f"login {path}", f"it is {login.username}'s, not {username}'s", "Move it away, or name another folder")
    return login
