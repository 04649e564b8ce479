"""From a configuration to signed CatalogueEntry records on ``heal.catalogue``; a folder with a mistake publishes nothing.

Called by the supervisor at its start and whenever the folder changes, so the old set stays in force until the new one is right, and by
``healstream config publish|rollback``. What is published is told to the audit first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.kafka import codec_of, deliver, read_to_end
from schemas.card_bodies import cards_body
from schemas.configuration import (
    CARDS_ENTRY,
    KEYS_ENTRY,
    PEOPLE_ENTRY,
    POLICY_ENTRY,
    REVIEWS_ENTRY,
    SERVICES_ENTRY,
    WORKFLOWS_ENTRY,
    Configuration,
    is_removal,
    keys_body,
    newest_entries,
    people_body,
    policy_body,
    reviews_body,
    services_body,
)
from schemas.oversight import AuditEntry, CatalogueEntry, EntryKind
from schemas.signing import public_text, sign
from schemas.workflow_text import workflows_body

FLUSH_S = 10.0
MOST_NAMES = 20


def entries_of(configuration: Configuration, key: Ed25519PrivateKey, at: datetime) -> tuple[CatalogueEntry, ...]:
    """Return one signed entry per section and pattern file; the version is the hash of the body."""
    # A workflow's card is made of its text wherever that is read.
    made = {workflow.name for workflow in configuration.workflows}
    cards = [card for card in configuration.cards if card.name not in made]
    bodies: list[tuple[str, EntryKind, str]] = [
        (POLICY_ENTRY, EntryKind.POLICY, policy_body(configuration.policy)),
        (SERVICES_ENTRY, EntryKind.SERVICES, services_body(configuration.services)),
        (PEOPLE_ENTRY, EntryKind.CONFIGURATION, people_body(configuration.people)),
        (KEYS_ENTRY, EntryKind.CONFIGURATION, keys_body(configuration.keys)),
        (CARDS_ENTRY, EntryKind.STRATEGY_CARDS, cards_body(cards)),
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


def removals(
    wanted: Sequence[CatalogueEntry], published: Mapping[str, CatalogueEntry], key: Ed25519PrivateKey, at: datetime
) -> tuple[CatalogueEntry, ...]:
    """Return one signed entry without a body for each pattern file that is on the topic and no longer wanted."""
    kept = {entry.name for entry in wanted}
    gone = [entry for name, entry in published.items() if entry.kind is EntryKind.PATTERNS and name not in kept and not is_removal(entry)]
    nothing = hashlib.sha256(b"").hexdigest()
    return tuple(sign(CatalogueEntry(entry.name, nothing, EntryKind.PATTERNS, "", at, by="publisher"), key) for entry in gone)


def changes_of(
    configuration: Configuration, known: Iterable[CatalogueEntry], key: Ed25519PrivateKey, at: datetime
) -> tuple[CatalogueEntry, ...]:
    """Return what must be sent so that exactly this configuration is on the topic."""
    wanted, published = entries_of(configuration, key, at), newest_entries(known, public_text(key))
    return (*entries_to_send(wanted, published), *removals(wanted, published, key, at))


def publish(brokers: str, configuration: Configuration, key: Ed25519PrivateKey, by: str = "publisher") -> tuple[str, ...]:
    """Send what has changed and return its names; raises UnreachableError when the broker does not take it."""
    now = datetime.now(UTC)
    known = [record for record in read_to_end(brokers, "heal.catalogue") if isinstance(record, CatalogueEntry)]
    changed = changes_of(configuration, known, key, now)
    names = tuple(entry.name for entry in changed)
    if names:
        deliver(brokers, [told(names, configuration.version, by, now)], codec_of(brokers, [AuditEntry]), FLUSH_S)
        deliver(brokers, changed, codec_of(brokers, [CatalogueEntry]), FLUSH_S)
    return names


def told(names: Sequence[str], version: str, by: str, at: datetime) -> AuditEntry:
    """Return what the audit is told of a publication."""
    shown = ", ".join(names[:MOST_NAMES])
    details = (("count", str(len(names))), ("entries", shown), ("version", version))
    return AuditEntry(by, "configuration.published", "configuration", at, details)
