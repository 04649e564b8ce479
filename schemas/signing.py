"""Ed25519 signatures over records: the canonical bytes of all fields but the signature itself (RFC 8032, RFC 8785).

admit signs commands, people sign control records, the publisher signs catalogue entries, the notary signs checkpoints.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from typing import Protocol, TypeVar, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from schemas.avro_shape import record_to_plain
from schemas.canonical import canonical_json
from schemas.ids import ADDED_LATER, Record, micros
from schemas.people import People, Right


class Signed(Record, Protocol):
    """A record with a signature field."""

    @property
    def signature(self) -> str:
        """Base64 of the 64 signature bytes; empty while unsigned."""
        ...


S = TypeVar("S", bound=Signed)


@cache
def _added_later(record: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(record) if one.metadata == ADDED_LATER)


def _json_able(value: object) -> object:
    if isinstance(value, datetime):
        return micros(value)
    if isinstance(value, dict):
        return {str(key): _json_able(part) for key, part in value.items()}
    if isinstance(value, float) and value.is_integer():
        # The canonical form of a whole number has no point.
        return int(value)
    return [_json_able(part) for part in value] if isinstance(value, list) else value


def signed_bytes(record: Signed) -> bytes:
    """Return what a signature is made over: the record's name and its fields without the signature, canonical JSON.

    A field that was added later is left out while it is empty, so that what was signed before it still counts.
    """
    plain = cast("dict[str, object]", record_to_plain(type(record))(record))
    plain.pop("signature")
    for name in _added_later(type(record)):
        if plain[name] is None:
            plain.pop(name)
    return canonical_json([record.RECORD, _json_able(plain)])


def sign(record: S, key: Ed25519PrivateKey) -> S:
    """Return the record with its signature."""
    return replace(record, signature=sign_bytes(signed_bytes(record), key))  # type: ignore[type-var]


def is_signed_by(record: Signed, public_key: str) -> bool:
    """Tell whether the signature is that key's over exactly this record; a malformed key or signature is a no."""
    return are_signed_by(signed_bytes(record), record.signature, public_key)


def is_said_by(record: Signed, by: str, people: People) -> bool:
    """Tell whether a known person signed the record in their own name."""
    person = people.named(by)
    return person is not None and is_signed_by(record, person.public_key)


def is_said_with_right(record: Signed, by: str, right: Right, people: People) -> bool:
    """Tell whether a known person who has the right signed the record in their own name."""
    return people.may(by, right) and is_said_by(record, by, people)


def sign_bytes(content: bytes, key: Ed25519PrivateKey) -> str:
    """Return the signature over the bytes as base64."""
    return b64encode(key.sign(content)).decode("ascii")


def are_signed_by(content: bytes, signature: str, public_key: str) -> bool:
    """Tell whether the base64 signature is that base64 public key's over the bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(b64decode(public_key)).verify(b64decode(signature), content)
    except (InvalidSignature, ValueError, Base64Error):
        return False
    return True


def private_key_from(raw: bytes) -> Ed25519PrivateKey:
    """Return the key of 32 secret bytes; raises ValueError for any other length."""
    return Ed25519PrivateKey.from_private_bytes(raw)


def private_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 secret bytes."""
    return key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def public_text(key: Ed25519PrivateKey) -> str:
    """Return the public key as base64 of 32 bytes: what ``people.yaml`` holds."""
    return b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode("ascii")
