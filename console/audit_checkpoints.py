"""The notary's checkpoints as they are kept elsewhere too, and what they say of a chain: the defence against a rewritten one.

A place is one of ``backup_places.py``. Called by ``audit_watch.py``, which publishes, and ``healstream audit verify --checkpoints``.
Whoever holds the notary's key can sign another chain; they cannot take back what lies in a folder, a repository or a bucket of others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count, groupby, pairwise

from dulwich.refs import Ref

from console.audit_reading import CHECKPOINT_EVERY, Checkpoint, Reading
from console.backup import MANIFEST, Store
from console.backup_places import store_at
from infra.adapters.folder_store import FolderStore
from infra.adapters.git_store import GitStore
from schemas.errors import ConfigurationError, NotFoundError
from schemas.topics import BY_NAME
from streams.notary import checkpoint_is_signed

FILE = "checkpoints.jsonl"
FORMAT = 1
# A part is written anew with each of its checkpoints: small enough for a bucket, large enough that years are few of them.
PART = 200
# Publishing waits a few seconds; what has not arrived after this long was never published, or was taken away.
LATE = timedelta(minutes=15)
RETENTION = timedelta(seconds=BY_NAME["heal.audit"].retention_s)


def part_of(sequence: int) -> int:
    """Return which part of a place holds the checkpoint of a record."""
    return sequence // CHECKPOINT_EVERY // PART


def part_store(place: str, environ: Mapping[str, str], part: int) -> Store:
    """Return the store of one part: a folder or prefix of its own, or a branch of its own; raises UsageError for no place."""
    store, name = store_at(place, environ), f"part-{part:05}"
    if isinstance(store, FolderStore):
        return replace(store, folder=store.folder / name)
    if isinstance(store, GitStore):
        return replace(store, branch=Ref(f"refs/heads/healstream-checkpoints-{name}".encode()), commit="")
    scheme, _, rest = place.partition("@")[0].partition(":")
    return store_at(f"{scheme}:{rest.rstrip('/')}/{name}", environ)


def text_of(checkpoints: Iterable[Checkpoint]) -> str:
    """Return the lines that hold these checkpoints."""
    rows = (
        {
            "sequence": row.sequence,
            "hash": row.hash,
            "since": row.since.astimezone(UTC).isoformat(),
            "at": row.at.astimezone(UTC).isoformat(),
            "signature": row.signature,
        }
        for row in checkpoints
    )
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)


def checkpoints_in(text: str) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of the lines; raises ConfigurationError when they are not what ``text_of`` writes."""
    try:
        rows = [json.loads(line) for line in text.splitlines()]
        found = tuple(_checkpoint(row) for row in rows)
        is_same = text_of(found) == text
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(FILE, f"it is no list of checkpoints: {error}", "Somebody changed it: take an older copy") from error
    if not is_same:
        raise ConfigurationError(FILE, "it is not written as the publisher writes it", "Somebody changed it: take an older copy")
    return found


def _checkpoint(row: Mapping[str, str]) -> Checkpoint:
    times = [datetime.fromisoformat(row[name]).astimezone(UTC) for name in ("since", "at")]
    return Checkpoint(int(row["sequence"]), str(row["hash"]), times[0], times[1], str(row["signature"]))


def files_of(checkpoints: Iterable[Checkpoint]) -> dict[str, bytes]:
    """Return the files of a part."""
    content = text_of(checkpoints).encode()
    listed = json.dumps({"format": FORMAT, "files": {FILE: sha256(content).hexdigest()}}, indent=1) + "\n"
    return {FILE: content, MANIFEST: listed.encode()}


def read_part(store: Store) -> tuple[Checkpoint, ...]:
    """Return what a part holds, nothing when it is not there; raises ConfigurationError when it was changed."""
    if isinstance(store, GitStore) and not store.path.exists():
        return ()
    try:
        files = store.get()
    except NotFoundError:
        return ()
    if not files:
        return ()
    content = files.get(FILE, b"")
    try:
        is_whole = json.loads(files.get(MANIFEST, b""))["files"][FILE] == sha256(content).hexdigest()
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(FILE, "its list of digests is missing or damaged", "Take an older copy of the place") from error
    if not is_whole:
        raise ConfigurationError(FILE, "it is not what its digest says", "Somebody changed it: take an older copy of the place")
    return checkpoints_in(content.decode("utf-8", "replace"))


def read_place(place: str, environ: Mapping[str, str], last_sequence: int) -> tuple[Checkpoint, ...]:
    """Return the published checkpoints in their order: up to that record's part, and on for as long as there are more."""
    found: list[Checkpoint] = []
    for part in count():
        rows = read_part(part_store(place, environ, part))
        if not rows and part > part_of(max(last_sequence, 0)):
            break
        found += rows
    return tuple(found)


def publish_to(place: str, environ: Mapping[str, str], new: Iterable[Checkpoint], now: datetime | None) -> tuple[int, list[str]]:
    """Add what is not there yet; return how many, and what was published otherwise, never overwritten; without a time only look."""
    added, faults = 0, list[str]()
    for part, group in groupby(sorted(new, key=lambda row: row.sequence), key=lambda row: part_of(row.sequence)):
        store, rows = part_store(place, environ, part), tuple(group)
        known = {row.sequence: row for row in read_part(store)}
        faults += differences(tuple(known.values()), rows)
        missing = {row.sequence: row for row in rows if row.sequence not in known}
        if missing and now is not None:
            merged = known | missing
            store.put(files_of(merged[sequence] for sequence in sorted(merged)), now)
        added += len(missing)
    return added, faults


def differences(known: Sequence[Checkpoint], new: Sequence[Checkpoint]) -> list[str]:
    """Return one sentence for each checkpoint that was published with another hash than the chain now has."""
    published = {row.sequence: row.hash for row in known}
    return [
        f"record {row.sequence}: its checkpoint was published with another hash: the chain was rewritten"
        for row in new
        if published.get(row.sequence, row.hash) != row.hash
    ]


def compare(published: Sequence[Checkpoint], reading: Reading, public_key: str, now: datetime) -> list[str]:
    """Return one sentence for everything in which the whole chain that was read is not the one whose checkpoints were published."""
    return [
        *_place_faults(published, public_key),
        *(fault for row in published for fault in _chain_faults(row, reading, now)),
        *_unpublished(published, reading, now),
        *_gone(published, reading, now),
    ]


def compare_stretch(published: Sequence[Checkpoint], reading: Reading, public_key: str, now: datetime) -> list[str]:
    """Return the same of an export, whose ends are its manifest's: what was published beyond them says nothing of it."""
    if reading.first is None or reading.last is None:
        return []
    here = [row for row in published if reading.first.sequence <= row.sequence <= reading.last.sequence]
    return [
        *_place_faults(here, public_key),
        *(fault for row in here for fault in _chain_faults(row, reading, now)),
        *_unpublished(here, reading, now),
    ]


def _place_faults(published: Sequence[Checkpoint], public_key: str) -> Iterator[str]:
    for row in published:
        if (row.sequence + 1) % CHECKPOINT_EVERY:
            yield f"published checkpoint {row.sequence}: no checkpoint belongs there"
        if not checkpoint_is_signed(row.hash, row.signature, public_key):
            yield f"published checkpoint {row.sequence}: it is not the notary's signature"
    for before, after in pairwise(published):
        if after.sequence != before.sequence + CHECKPOINT_EVERY:
            yield f"published checkpoint {before.sequence + CHECKPOINT_EVERY} is missing: {after.sequence} follows {before.sequence}"


def _chain_faults(row: Checkpoint, reading: Reading, now: datetime) -> Iterator[str]:
    first, last, here = reading.first, reading.last, reading.checkpoints.get(row.sequence)
    if last is None or row.sequence > last.sequence:
        yield f"record {row.sequence}: its checkpoint was published, yet the chain ends before it"
    elif first is not None and row.sequence < first.sequence:
        if row.at > now - RETENTION:
            yield f"record {row.sequence}: it is gone before its time: {RETENTION.days} days after {row.at.isoformat()} are not over"
    elif here is None:
        yield f"record {row.sequence}: its checkpoint was published, yet the chain has no such record"
    else:
        yield from differences([row], [here])
        is_block_here = first is not None and row.sequence - CHECKPOINT_EVERY + 1 >= first.sequence
        if here.at != row.at or (is_block_here and here.since != row.since):
            yield f"record {row.sequence}: its checkpoint was published with another time"


def _unpublished(published: Sequence[Checkpoint], reading: Reading, now: datetime) -> Iterator[str]:
    known = {row.sequence for row in published}
    for row in reading.checkpoints.values():
        if row.sequence not in known and row.at < now - LATE:
            yield f"record {row.sequence}: its checkpoint was never published, or was taken away there"


def _gone(published: Sequence[Checkpoint], reading: Reading, now: datetime) -> Iterator[str]:
    """Yield why the beginning may not be gone: what retention took was older, and what is left is vouched for by what was published."""
    gone = reading.first.sequence if reading.first else 0
    if gone <= 0:
        return
    over = next((row for row in published if row.sequence >= gone - 1), None)
    if over is None or not any(row.sequence in reading.checkpoints for row in published):
        yield f"the records before {gone} are gone, and no published checkpoint vouches for the rest"
    elif over.since > now - RETENTION:
        yield f"record {gone - 1}: it is gone before its time: {RETENTION.days} days after {over.since.isoformat()} are not over"
