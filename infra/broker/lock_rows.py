"""The rows of ``server.properties`` that lock a broker: everybody proves a name by SCRAM, and without a right nothing is allowed.

Used by ``server.py``. Two names stand above the rights: the administrator, who gives them, and the node itself, which speaks to its own
controller. The controller's listener asks for a password too, or whoever is on this machine could pass the rights by going there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.logins import MECHANISM, Login, ensure_login, read_login

ADMIN, NODE = "healstream-admin", "healstream-node"
_MODULES = "org.apache.kafka.common.security"
_OPEN = {"listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"}


@dataclass(frozen=True, slots=True)
class Lock:
    """The two logins that a locked broker knows before anybody else is let in, and the administrator's file."""

    admin: Login
    node: Login
    admin_file: Path

    def format_words(self, words: Sequence[str]) -> str:
        """Return the words that format a data folder, with both names known from the first start, as Java reads them from a file."""
        known = [f"{MECHANISM}=[name={login.username},password={login.password}]" for login in (self.admin, self.node)]
        every = [*words, *(word for row in known for word in ("--add-scram", row))]
        return "".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for word in every)


def lock_in(folder: Path) -> Lock:
    """Return the lock whose logins lie in the folder; they are made the first time. Raises DeniedError when one is open to others."""
    files = {name: folder / f"{name.removeprefix('healstream-')}.login" for name in (ADMIN, NODE)}
    for name, path in files.items():
        ensure_login(path, name)
    return Lock(read_login(files[ADMIN]), read_login(files[NODE]), files[ADMIN])


def listener_rows(lock: Lock | None) -> Mapping[str, str]:
    """Return how the listeners ask for names, and by whose rights they then decide."""
    if lock is None:
        return _OPEN
    node = f'username="{lock.node.username}" password="{lock.node.password}"'
    return {
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "listener.name.client.sasl.enabled.mechanisms": MECHANISM,
        f"listener.name.client.{MECHANISM.lower()}.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required {node};",
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        # The controller cannot look a name up before it has read its own log.
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{_MODULES}.plain.PlainLoginModule required {node} user_{lock.node.username}="{lock.node.password}";'
        ),
        "sasl.mechanism.controller.protocol": "PLAIN",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{lock.admin.username};User:{lock.node.username}",
    }
