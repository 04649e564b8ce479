"""The two people of whole systems: one who may halt and propose, and another who may let go on and approve."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.people import People, Person, Role
from schemas.signing import public_text

ROLES = {"ada": frozenset({Role.OPERATOR}), "bob": frozenset({Role.OPERATOR, Role.APPROVER})}


def two_people(keys: Mapping[str, Ed25519PrivateKey]) -> People:
    """Return them with what their keys are checked by."""
    return People(tuple(Person(name, roles, public_text(keys[name])) for name, roles in ROLES.items()))
