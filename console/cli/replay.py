"""``healstream replay``: stored decisions rebuilt from their records, or decided again under a candidate policy; sends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from console.audit_stream import load, save
from console.cli.formats import Output
from console.cli.show import NAME, OUTPUT, brokers_of, home, show, talk
from console.config_candidate import candidate_in
from console.periods import begin_of
from console.redecide import STREAM_TOPICS, Comparison, altered_fields, judged, replay
from console.system_paths import shipped_patterns
from infra.kafka import read_to_end
from schemas.decisions import Decision
from schemas.ids import Record, id_of

DIFFERENT = 8
READ_S = 600.0
POLICY = typer.Option("", "--policy", help="a configuration folder, or a folder of policy files; without it decisions are rebuilt only")
SINCE = typer.Option("", "--since", help="compare decisions from then on: 30m, 24h, 7d, 2w or a time")
FILE = typer.Option("", "--file", help="a saved stream instead of the topics")
SAVE = typer.Option("", "--save", help="write the stored stream into this file")
_COLUMNS = ("decision", "attempt", "target", "kind", "verdict", "strategy", "tier", "approvals", "holds", "why")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("replay", help=text)(replay_stored)


def replay_stored(
    policy: str = POLICY, since: str = SINCE, file: str = FILE, save_to: str = SAVE, name: str = NAME, output: Output = OUTPUT
) -> None:
    """Say which stored decisions would be others under a candidate policy, or are not what their records lead to; exit 8 when any."""
    begin = begin_of(since, datetime.now(UTC)) if since else None
    records = load(Path(file)) if file else _stored(name)
    if save_to:
        talk(f"{save(records, Path(save_to))} records are in {save_to}")
    rows = _compared(records, Path(policy), name, begin) if policy else _rebuilt(records, begin)
    show(rows, output, () if not policy else _COLUMNS)
    if rows:
        raise typer.Exit(DIFFERENT)


def _stored(name: str) -> list[Record]:
    return [record for topic in STREAM_TOPICS for record in read_to_end(brokers_of(name), topic, READ_S)]


def _rebuilt(records: Iterable[Record], begin: datetime | None) -> list[dict[str, object]]:
    decisions = [row for row in records if isinstance(row, Decision) and (begin is None or row.decided_at >= begin)]
    altered = [(row, names) for row in decisions if (names := altered_fields(row))]
    talk(f"{len(decisions) - len(altered)} of {len(decisions)} decisions are rebuilt bit for bit from their records")
    return [
        {"decision": id_of(row), "incident": row.incident_id, "target": row.target, "differs": ", ".join(names)} for row, names in altered
    ]


def _compared(records: Sequence[Record], folder: Path, name: str, begin: datetime | None) -> list[dict[str, object]]:
    candidate = candidate_in(folder, home(name).config, shipped_patterns())
    pairs = replay(records, candidate, begin)
    changed = [pair for pair in pairs if pair.changed]
    talk(f"{len(changed)} of {len(pairs)} decisions would be others under {folder}; nothing was sent")
    for words, count in sorted(_counts(changed).items()):
        talk(f"{count:>6}  {words}")
    return [_row(pair) for pair in changed]


def _counts(pairs: Iterable[Comparison]) -> Counter[str]:
    """Return how often each change happens, in words."""
    counted: Counter[str] = Counter()
    for pair in pairs:
        row = _row(pair)
        counted.update(f"{field}: {row[field]}" for field in pair.changed if field in row)
    return counted


def _row(pair: Comparison) -> dict[str, object]:
    before, after = judged(pair.before), judged(pair.after) if pair.after else None

    def cell(field: str) -> object:
        old, new = (_words(getattr(side, field)) if side else "not decided" for side in (before, after))
        return old if old == new else f"{old} -> {new}"

    return {
        "decision": id_of(pair.before),
        "incident": pair.before.incident_id,
        "attempt": pair.before.attempt,
        "target": pair.before.target,
        "kind": pair.before.kind.value,
        **{field: cell(field) for field in ("verdict", "strategy", "tier", "approvals", "dry_run", "holds")},
        "changed": list(pair.changed),
        "why": after.reason if after else "the candidate would not have come to this attempt",
    }


def _words(value: object) -> str:
    return "+".join(value) or "none" if isinstance(value, tuple) else str(value) or "none"
