"""Who may do what: names, roles and public keys, as ``people.yaml`` lists them, under the rules of ``policy/*.cedar``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from schemas.authorization import DEFAULT_RULES, Matter, is_permitted, is_permitted_somewhere


class Role(StrEnum):
    """What a person is trusted with; roles add up, and the rules say what each gives."""

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


@dataclass(frozen=True, slots=True)
class Person:
    """One person: a name, roles, and the Ed25519 public key (base64) that signs what they do."""

    name: str
    roles: frozenset[Role]
    public_key: str


ON_FLEET = Matter()


@dataclass(frozen=True, slots=True)
class People:
    """Everybody the system knows, and the Cedar text that says what they may do."""

    persons: tuple[Person, ...] = ()
    rules: str = DEFAULT_RULES

    def named(self, name: str) -> Person | None:
        """Return the person of that name."""
        return next((person for person in self.persons if person.name == name), None)

    def may(self, name: str, right: Right, on: Matter = ON_FLEET) -> bool:
        """Tell whether the person is known and the rules let them do it there; without a place it is about the whole fleet."""
        person = self.named(name)
        return person is not None and is_permitted(self.rules, person.name, sorted(person.roles), right, on)

    def may_somewhere(self, name: str, right: Right) -> bool:
        """Tell whether there may be a target on which the person may do it; whoever knows the target asks ``may`` as well."""
        person = self.named(name)
        return person is not None and is_permitted_somewhere(self.rules, person.name, sorted(person.roles), right)
