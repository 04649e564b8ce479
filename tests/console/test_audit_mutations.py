"""Every kind of mutation of an audit chain, of what is kept beside it and of an export is found; an untouched one has no fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from console.audit_checkpoints import RETENTION
from console.audit_export import Span, export, manifest_path, verify_file
from schemas.errors import HealstreamError, NotFoundError
from streams.notary import GENESIS, find_breaks, first_hash_of
from tests.support.chain_evidence import COUNT, NOTARY, NOW, PUBLIC, faults_of, good_evidence
from tests.support.chain_mutations import mutants
from tests.support.export_mutations import LINES, MANIFESTS, Export
from tests.support.records import AT

MUTANTS = mutants()


def test_an_untouched_chain_is_one_unbroken_chain() -> None:
    assert faults_of(good_evidence()) == []


def test_there_are_a_hundred_kinds_and_more() -> None:
    assert len({*MUTANTS, *LINES, *MANIFESTS}) >= 100


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutation_of_the_chain_or_of_its_keepers_is_found(name: str) -> None:
    mutant = MUTANTS[name](good_evidence())

    assert mutant != good_evidence()
    assert faults_of(mutant) != []


def test_what_retention_took_in_its_time_is_no_fault_and_what_is_gone_earlier_is_one() -> None:
    rest = good_evidence().with_records(good_evidence().records[150:])

    assert faults_of(rest, AT + RETENTION + timedelta(days=1)) == []
    assert any("before its time" in fault for fault in faults_of(rest, AT + RETENTION - timedelta(days=1)))


def test_a_chain_of_the_first_form_of_the_hash_still_verifies() -> None:
    records, previous = [], GENESIS
    for record in good_evidence().records[:50]:
        old = replace(record, previous_hash=previous)
        records.append(replace(old, hash=first_hash_of(old)))
        previous = records[-1].hash

    assert find_breaks(records, PUBLIC, 100) == []


@pytest.fixture(scope="module")
def good_export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    file = tmp_path_factory.mktemp("export") / "audit.jsonl"
    _, faults = export(good_evidence().records, file, Span(), NOTARY, NOW)
    assert faults == []
    return Export(file.read_bytes(), manifest_path(file).read_text(encoding="utf-8"))


def said_of(mutant: Export, folder: Path) -> list[str]:
    """Return what the check of the files says, refusals too."""
    file = folder / "audit.jsonl"
    file.write_bytes(mutant.lines)
    manifest_path(file).write_text(mutant.manifest, encoding="utf-8")
    try:
        return verify_file(file, PUBLIC).said()
    except HealstreamError as error:
        return [str(error)]


def test_an_untouched_export_verifies_without_a_broker(good_export: Export, tmp_path: Path) -> None:
    assert said_of(good_export, tmp_path) == []


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_mutation_of_a_manifest_is_found(name: str, good_export: Export, tmp_path: Path) -> None:
    mutant = MANIFESTS[name](good_export)

    assert mutant != good_export
    assert said_of(mutant, tmp_path) != []


@pytest.mark.parametrize("name", LINES)
def test_a_mutation_of_the_lines_is_found_even_without_the_manifests_signature(name: str, good_export: Export, tmp_path: Path) -> None:
    mutant = LINES[name](good_export)

    assert mutant != good_export
    assert [fault for fault in said_of(mutant, tmp_path) if fault != "manifest: its signature is not the notary's"] != []


def test_a_span_is_a_stretch_without_a_gap_that_verifies_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    span = Span(AT + timedelta(minutes=50), AT + timedelta(minutes=250))

    manifest, faults = export(good_evidence().records, file, span, NOTARY, NOW)

    assert faults == []
    assert (manifest.first_sequence, manifest.last_sequence, manifest.records) == (50, 250, 201)
    assert manifest.checkpoint == good_evidence().records[199].checkpoint
    assert verify_file(file, PUBLIC).said() == []


def test_a_span_with_nothing_in_it_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        export(good_evidence().records, tmp_path / "audit.jsonl", Span(AT + timedelta(minutes=COUNT)), NOTARY, NOW)

    assert list(tmp_path.iterdir()) == []


def test_an_export_of_a_broken_chain_is_made_and_says_so(tmp_path: Path) -> None:
    broken = [*good_evidence().records[:10], *good_evidence().records[11:]]

    _, faults = export(broken, tmp_path / "audit.jsonl", Span(), NOTARY, NOW)

    assert faults[0] == "record 11: sequence 10 was expected"
    assert faults == verify_file(tmp_path / "audit.jsonl", PUBLIC).said()
