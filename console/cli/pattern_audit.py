"""``healstream pattern audit``: how each pattern does, from the topics when a broker runs, else from the recorded logs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import typer

from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import NAME, OUTPUT, home, show, talk
from console.configuration import load_policy
from console.pattern_evidence import TOPICS_READ, Evidence, evidence_of_logs, evidence_of_topics
from console.pattern_files import PatternShelf, read_shelf
from console.periods import begin_of
from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from infra.compiled_patterns import CompiledPatterns
from infra.kafka import read_to_end
from learning.pattern_audit import AuditRules, Finding, PatternCare, Share, audit_patterns
from learning.patterns.matcher import Matcher
from learning.patterns.precedence import load_precedence
from learning.patterns.reviewed import state_of
from learning.recordings import recorded_logs
from schemas.pattern_review import PatternDemotion, counted_reviews, held_back
from schemas.people import People
from schemas.vocabulary import Kind

PROBLEMS = 8
SINCE = typer.Option("", help="only runs that ended since then: 24h, 7d, or a time such as 2026-01-31T12:00")
RECORDED = typer.Option(False, "--recorded", help="the recorded logs, although a broker runs")
OWN = typer.Option(False, "--own", help="only patterns that are not shipped")
ALL = typer.Option(False, "--all", help="also patterns of which nothing is wrong")
_COLUMNS = ("pattern", "kind", "state", "failed", "green", "precision", "words", "findings", "beside")


def audit(
    name: str = NAME, output: Output = OUTPUT, since: str = SINCE, recorded: bool = RECORDED, own: bool = OWN, every: bool = ALL
) -> None:
    """Show dead, over-broad, overlapping, imprecise and demoted patterns; exit 8 when there is one."""
    shelf = read_shelf(home(name).config, shipped_patterns())
    people, policy = people_of(home(name)), load_policy(home(name).config)
    brokers = "" if recorded else home(name).brokers(os.environ)
    evidence = _of_broker(brokers, people, since) if brokers else _of_recordings(shelf)
    counted = counted_reviews(shelf.reviews, people)
    demoted = held_back(_demotions(brokers), counted) if brokers else frozenset()
    states = {one.id: state_of(one, shelf.shipped, counted, demoted).value for one in shelf.catalogue.patterns}
    asked = [
        pattern
        for pattern in shelf.catalogue.patterns
        if states[pattern.id] != "disabled" and not (own and shelf.shipped.get(pattern.id) == pattern)
    ]
    hints = frozenset(pattern.id for pattern in shelf.catalogue.patterns if pattern.is_hint)
    rules = AuditRules(green_share=policy.live_green_share, hints=hints)
    report = audit_patterns(asked, evidence.runs, evidence.words, _related(), rules, demoted)
    found = [row for row in report.rows if row.findings]
    rows = [_row(row, states) for row in (report.rows if every else found)]
    show(_in_words(rows) if output is Output.TABLE else rows, output, _COLUMNS)
    dead = sum(Finding.DEAD in row.findings for row in found)
    where = "the topics" if brokers else "the recorded logs"
    talk(f"{report.runs} runs of {where}, {report.greens} successful; {len(found)} of {len(asked)} patterns with findings, {dead} dead")
    if found:
        raise typer.Exit(PROBLEMS)


def _of_broker(brokers: str, people: People, since: str) -> Evidence:
    begin = begin_of(since, datetime.now(UTC)) if since else None
    return evidence_of_topics((record for topic in TOPICS_READ for record in read_to_end(brokers, topic)), people, begin)


def _of_recordings(shelf: PatternShelf) -> Evidence:
    matcher = Matcher(shelf.catalogue, CompiledPatterns.in_cache(os.environ))
    return evidence_of_logs(recorded_logs(), load_recognizer(shipped_patterns(), matcher))


def _demotions(brokers: str) -> list[PatternDemotion]:
    return [record for record in read_to_end(brokers, "heal.demotions") if isinstance(record, PatternDemotion)]


class _Related:
    """Kinds of which one explains the other, as ``precedence.json`` says."""

    def __init__(self, pairs: Mapping[tuple[Kind, Kind], str]) -> None:
        self._pairs = pairs

    def __call__(self, one: Kind, other: Kind) -> bool:
        return one is other or (one, other) in self._pairs or (other, one) in self._pairs


def _related() -> _Related:
    return _Related(load_precedence((shipped_patterns() / "precedence.json").read_text(encoding="utf-8")).why)


def _row(row: PatternCare, states: Mapping[str, str]) -> dict[str, object]:
    return {
        "pattern": row.pattern,
        "kind": row.kind.value,
        "state": states[row.pattern],
        "failed": row.failed,
        "green": row.green,
        "foreign": [kind.value for kind in row.foreign],
        "precision": _shown(row.precision),
        "words": row.precision.n,
        "precision_low": row.precision.low,
        "precision_high": row.precision.high,
        "healed": _shown(row.healed),
        "treated": row.healed.n,
        "findings": [finding.value for finding in row.findings],
        "beside": list(row.overlaps),
    }


def _shown(share: Share) -> str:
    return f"{share.yes / share.n:.2f} ({share.low:.2f}-{share.high:.2f})" if share.n else ""


def _in_words(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [{name: " ".join(value) if isinstance(value, list) else value for name, value in row.items()} for row in rows]
