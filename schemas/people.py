"""Who may do what: names, roles and public keys, as ``people.yaml`` lists them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do; roles add up."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Right(StrEnum):
    """One human action that is asked for."""

    VIEW = "view"
    APPROVE = "approve"
    OVERRIDE = "override"
    ENGAGE_SWITCH = "engage_switch"
    RELEASE_SWITCH = "release_switch"
    PROMOTE_MODEL = "promote_model"
    EDIT_PATTERN = "edit_pattern"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.OPERATOR: frozenset({Right.VIEW, Right.OVERRIDE, Right.ENGAGE_SWITCH, Right.RELEASE_SWITCH, Right.EDIT_PATTERN}),
    Role.APPROVER: frozenset({Right.VIEW, Right.APPROVE, Right.ENGAGE_SWITCH, Right.RELEASE_SWITCH, Right.PROMOTE_MODEL}),
    Role.ADMIN: frozenset(Right),
}


@dataclass(frozen=True, slots=True)
class Person:
    """One person: a name, roles, and the Ed25519 public key (base64) that signs what they do."""

    name: str
    roles: frozenset[Role]
    public_key: str


@dataclass(frozen=True, slots=True)
class People:
    """Everybody the system knows."""

    persons: tuple[Person, ...] = ()

    def named(self, name: str) -> Person | None:
        """Return the person of that name."""
        return next((person for person in self.persons if person.name == name), None)

    def may(self, name: str, right: Right) -> bool:
        """Tell whether the person is known and a role of theirs gives the right."""
        person = self.named(name)
        return person is not None and any(right in RIGHTS[role] for role in person.roles)
