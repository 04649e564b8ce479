"""A family of failures that no pattern knows: counted over repositories, proposed, taken by a person, and explained from then on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from console.home import Home
from console.init import init
from console.pattern_files import PatternShelf, checked_catalogue, read_shelf, with_pattern, write_shelf
from console.pattern_words import Voice, accepted
from console.proposals import Wish, row_wanted, views_of, word_on
from console.system_paths import shipped_patterns
from console.words import Speaker
from learning.backtest import Budget, back_test
from learning.patterns.model import Pattern
from learning.patterns.reviewed import digest_of
from learning.recordings import recorded_logs
from schemas.configuration import PATTERNS_PREFIX
from schemas.events import JobFinished, LogChunk, Origin, Provenance, Trust
from schemas.incidents import Incident
from schemas.oversight import AuditRecord
from schemas.proposals import PROPOSER, PatternProposal, ProposalVerdict
from schemas.vocabulary import Kind, Result
from streams.bounds import shipped
from streams.rules import rules_from
from tests.support.memory_flow import MemoryFlow
from tests.support.memory_world import PROTECTED
from tests.support.story import KEYS, PEOPLE, begin

NAMES = ("alpha", "beta", "gamma", "delta", "omega")
LOG = (
    "step one\nfrobnicating 3 gates\n"
    "frobnicator: error: low disk space on flux device {name}, not writing gate-{number}\n"
    "##[error]Process completed with exit code 1.\n"
)
SECRET = "token=sup3rs3cretvalue"


def fail(flow: MemoryFlow, number: int, project: str, provenance: Provenance = PROTECTED, log: str = LOG) -> Incident:
    """Let a run of a project fail and return its incident."""
    place = ("github", project, str(number), 1)
    text = log.format(name=NAMES[number % len(NAMES)], number=number)
    flow.send(LogChunk(*place, "build", 0, text, eof=True, at=flow.now, provenance=provenance))
    ended = JobFinished(*place, "ci", "build", "c" * 40, "main", "push", Result.FAILURE, flow.now, log_chunks=1, provenance=provenance)
    flow.send(ended)
    flow.pass_time(1)
    [found] = [row for row in flow.of(Incident, "heal.incidents") if row.run and row.run.run_id == str(number)]
    return found


def proposed(flow: MemoryFlow) -> Sequence[PatternProposal]:
    return flow.of(PatternProposal, "learning.models")


def actions(flow: MemoryFlow, name: str) -> list[tuple[str, str]]:
    return [(row.entry.actor, row.entry.action) for row in flow.of(AuditRecord, "heal.audit") if row.entry.subject == name]


def shelf_in(config: Path) -> PatternShelf:
    """Return the folder's patterns beside one shipped file: to check all of them again and again takes long."""
    small = config.parent / "shipped"
    small.mkdir(exist_ok=True)
    (small / "npm.json").write_text((shipped_patterns() / "npm.json").read_text(encoding="utf-8"), encoding="utf-8")
    return read_shelf(config, small)


def seen_by_many(flow: MemoryFlow) -> PatternProposal:
    """Let a failure that nothing explains be seen in many runs of five repositories; return the proposal that comes of it."""
    for number in range(20, 40):
        incident = fail(flow, number, f"acme/web-{number % 5}")
        told = f"frobnicator: error: low disk space on flux device {NAMES[number % 5]}, not writing gate-{number}"
        assert (incident.kind, incident.abstained, told in incident.unexplained) == (Kind.UNKNOWN, True, True)
    [proposal] = proposed(flow)
    return proposal


def taken(flow: MemoryFlow, proposal: PatternProposal, config: Path) -> Pattern:
    """Let a person with the right take a proposal as it is; return the pattern that now stands in the folder."""
    [view] = views_of([proposal], PEOPLE, flow.now)
    voice = Voice(Speaker("anton", KEYS["anton"]), PEOPLE, flow.now)
    row, is_as_proposed = row_wanted(view, Wish())
    shelf = shelf_in(config)
    files = with_pattern(shelf, row)
    made = checked_catalogue({**shelf.files, **files}).by_id()[proposal.name]
    report = back_test(made, recorded_logs(), flow.rules.recognizer(), Budget(0.0, 0))
    change = accepted(shelf, made, report, voice, proposer=PROPOSER)
    write_shelf(config, files, change.reviews)
    flow.send(change.audit)
    flow.send(word_on(view, ProposalVerdict.ACCEPTED, voice))
    flow.pass_time(1)
    assert is_as_proposed
    return made


def publish(flow: MemoryFlow, shelf: PatternShelf) -> None:
    """Let every stage take up what the folder holds."""
    patterns = tuple((f"{PATTERNS_PREFIX}{name}", text) for name, text in sorted(shelf.files.items()))
    configuration = replace(flow.configuration, patterns=patterns, reviews=shelf.reviews)
    flow.take_up(rules_from(configuration, shipped()))


def test_five_repositories_make_a_proposal_that_a_person_takes_and_the_next_failure_is_explained_by_it(tmp_path: Path) -> None:
    flow, home = begin(), Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "anton")

    proposal = seen_by_many(flow)
    assert (proposal.kind, proposal.by, proposal.refused) == (Kind.DISK_FULL, PROPOSER, ())
    assert {neighbour.kind for neighbour in proposal.neighbours} == {Kind.DISK_FULL}
    assert (proposal.repositories >= 3, proposal.tried.successes > 0, len(proposal.evidence) >= 3) == (True, True, True)

    made = taken(flow, proposal, home.config)
    after = shelf_in(home.config)
    assert [(word.digest, word.author, word.by) for word in after.reviews] == [(digest_of(made), PROPOSER, "anton")]
    told = [("learn", "proposal.proposed"), ("anton", "pattern.acting"), ("anton", "proposal.accepted")]
    assert actions(flow, proposal.name) == told

    publish(flow, after)
    explained = fail(flow, 99, "other/api")
    assert (explained.kind, explained.abstained, explained.unexplained) == (Kind.DISK_FULL, False, ())
    assert explained.hits[0].pattern == proposal.name
    assert proposed(flow) == [proposal]


def test_a_noisy_repository_and_forks_make_no_proposal() -> None:
    flow = begin()
    for number in range(15):
        fail(flow, number, "noisy/alone")
        fail(flow, 100 + number, f"fork{number}/web", replace(PROTECTED, trust=Trust.FORK))
        fail(flow, 200 + number, f"forged{number}/web", replace(PROTECTED, origin=Origin.UNSIGNED))
    assert proposed(flow) == []


def test_the_lines_that_an_unexplained_failure_keeps_are_redacted_bounded_and_plain() -> None:
    flow = begin()
    log = (
        "step one\n" + "".join(f"error number {number} of the frobnicator {'x' * 900}\n" for number in range(50)) + "error \x1b[31mred\x07 "
    )
    found = fail(flow, 1, "acme/api", log=f"{log}{SECRET} of the frobnicator\n##[error]Process completed with exit code 1.\n")
    assert found.abstained
    assert 0 < len(found.unexplained) <= 20
    assert all(len(line) <= 300 and line.isprintable() for line in found.unexplained)
    assert SECRET not in "".join(found.unexplained)
    assert found.unexplained[-1].startswith("error red")
