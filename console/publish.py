"""From a configuration to signed CatalogueEntry records on ``heal.catalogue``; a folder with a mistake publishes nothing.

Called by the supervisor at its start and whenever the folder changes, so the old set stays in force until the new one is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.kafka import deliver, read_to_end
from schemas.avro_codec import Codec
from schemas.configuration import (
    KEYS_ENTRY,
    PEOPLE_ENTRY,
    POLICY_ENTRY,
    REVIEWS_ENTRY,
    SERVICES_ENTRY,
    WORKFLOWS_ENTRY,
    Configuration,
    keys_body,
    newest_entries,
    people_body,
    policy_body,
    reviews_body,
    services_body,
)
from schemas.oversight import CatalogueEntry, EntryKind
from schemas.signing import public_text, sign
from schemas.workflow_text import workflows_body

FLUSH_S = 10.0


def entries_of(configuration: Configuration, key: Ed25519PrivateKey, at: datetime) -> tuple[CatalogueEntry, ...]:
    """Return one signed entry per section and pattern file; the version is the hash of the body."""
    bodies: list[tuple[str, EntryKind, str]] = [
        (POLICY_ENTRY, EntryKind.POLICY, policy_body(configuration.policy)),
        (SERVICES_ENTRY, EntryKind.SERVICES, services_body(configuration.services)),
        (PEOPLE_ENTRY, EntryKind.CONFIGURATION, people_body(configuration.people)),
        (KEYS_ENTRY, EntryKind.CONFIGURATION, keys_body(configuration.keys)),
        (REVIEWS_ENTRY, EntryKind.CONFIGURATION, reviews_body(configuration.reviews)),
        (WORKFLOWS_ENTRY, EntryKind.CONFIGURATION, workflows_body(configuration.workflows)),
        *((name, EntryKind.PATTERNS, text) for name, text in configuration.patterns),
    ]
    return tuple(
        sign(CatalogueEntry(name, hashlib.sha256(body.encode()).hexdigest(), kind, body, at, by="publisher"), key)
        for name, kind, body in bodies
    )


def entries_to_send(wanted: Sequence[CatalogueEntry], published: Mapping[str, CatalogueEntry]) -> tuple[CatalogueEntry, ...]:
    """Return the entries whose content is not on the topic yet."""
    return tuple(entry for entry in wanted if entry.name not in published or published[entry.name].version != entry.version)


def publish(brokers: str, configuration: Configuration, key: Ed25519PrivateKey) -> tuple[str, ...]:
    """Send what has changed and return its names; raises UnreachableError when the broker does not take it."""
    rows = [record for record in read_to_end(brokers, "heal.catalogue") if isinstance(record, CatalogueEntry)]
    changed = entries_to_send(entries_of(configuration, key, datetime.now(UTC)), newest_entries(rows, public_text(key)))
    deliver(brokers, changed, Codec([CatalogueEntry]), FLUSH_S)
    return tuple(entry.name for entry in changed)
