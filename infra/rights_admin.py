"""Puts the table of ``schemas/principals.py`` in force on a broker: names with passwords, and the access rules. Called by the commands.

Every call needs an administrator's login. Of our own principals exactly the rows of the table stay; rows of others are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # they are public and not listed
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from infra.kafka import REACH_TIMEOUT_S, unreachable
from infra.logins import client_settings, ensure_login, login_file
from schemas.errors import DeniedError, HealstreamError
from schemas.principals import PRINCIPALS, Right, all_rights, is_ours

# Passwords are random and long: more rounds would only slow every connection down.
ITERATIONS = 4096
_USER = "User:"
_MEND = "Name an administrator's login file with HEALSTREAM_LOGIN_FILE; the broker must be a locked one, see docs/security.md"
T = TypeVar("T")
_REFUSED = {"CLUSTER_AUTHORIZATION_FAILED", "SECURITY_DISABLED"}


def rights_in_force(brokers: str) -> frozenset[Right]:
    """Return every access rule that the broker has; raises UnreachableError or DeniedError."""
    anything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)  # type: ignore[arg-type] # None means any
    # Kept in a name: the answer never comes when the client is gone.
    admin = _admin(brokers)
    # Who may not see the rules is answered with none of them, and not with an error.
    allowed = _answer(brokers, admin.describe_cluster(include_authorized_operations=True, request_timeout=REACH_TIMEOUT_S))
    if AclOperation.DESCRIBE not in (allowed.authorized_operations or ()):
        raise DeniedError(f"broker {brokers}", "this name may not see its rules", _MEND)
    return frozenset(map(_right_of, _answer(brokers, admin.describe_acls(anything, request_timeout=REACH_TIMEOUT_S))))


def apply_rights(brokers: str) -> tuple[frozenset[Right], frozenset[Right]]:
    """Put the table in force; return what was given and what was taken from our own principals."""
    found, wanted = rights_in_force(brokers), all_rights()
    given, taken = wanted - found, frozenset(right for right in found - wanted if is_ours(right))
    if given:
        create_rights(brokers, given)
    if taken:
        admin = _admin(brokers)
        _wait(brokers, admin.delete_acls([AclBindingFilter(*_words(right)) for right in sorted(taken)]).values())
    return given, taken


def create_rights(brokers: str, rights: Iterable[Right]) -> None:
    """Give these rights, and take none."""
    admin = _admin(brokers)
    _wait(brokers, admin.create_acls([AclBinding(*_words(right)) for right in sorted(rights)]).values())


def login_files(folder: Path) -> Mapping[str, Path]:
    """Return the login file of each principal by its name."""
    return {one.name: login_file(folder, one.name) for one in PRINCIPALS}


def make_known(brokers: str, folder: Path) -> tuple[str, ...]:
    """Make the login files that are missing, tell the broker every password, and return the names whose file was made."""
    files = login_files(folder)
    made = tuple(name for name, path in files.items() if not path.exists())
    logins = [ensure_login(files[one.name], one.username) for one in PRINCIPALS]
    kind = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, ITERATIONS)
    told: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(login.username, kind, login.password.encode()) for login in logins
    ]
    admin = _admin(brokers)
    _wait(brokers, admin.alter_user_scram_credentials(told).values())
    return made


def _admin(brokers: str) -> AdminClient:
    return AdminClient({**client_settings(brokers), "log_level": 3})


def _wait(brokers: str, answers: Iterable[Future[object]]) -> None:
    for answer in answers:
        _answer(brokers, answer)


def _answer(brokers: str, answer: Future[T]) -> T:
    try:
        return answer.result(REACH_TIMEOUT_S)
    except KafkaException as error:
        raise _explained(brokers, error) from error
    except TimeoutError as error:
        raise unreachable(brokers, "it did not answer") from error


def _explained(brokers: str, error: KafkaException) -> HealstreamError:
    why = error.args[0]
    if why.name() in _REFUSED:
        return DeniedError(f"broker {brokers}", str(why.str()), _MEND)
    return unreachable(brokers, str(why.str()))


def _words(right: Right) -> tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]:
    pattern = ResourcePatternType.PREFIXED if right.is_prefix else ResourcePatternType.LITERAL
    permission = AclPermissionType.DENY if right.is_denial else AclPermissionType.ALLOW
    who = (f"{_USER}{right.principal}", right.host)
    return (ResourceType[right.resource], right.name, pattern, *who, AclOperation[right.operation], permission)


def _right_of(row: AclBinding) -> Right:
    return Right(
        str(row.principal).removeprefix(_USER),
        ResourceType(row.restype).name,
        str(row.name),
        AclOperation(row.operation).name,
        is_prefix=row.resource_pattern_type is ResourcePatternType.PREFIXED,
        host=str(row.host),
        is_denial=row.permission_type is AclPermissionType.DENY,
    )
