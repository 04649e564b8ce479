"""Proposed patterns before a person: shown with their evidence, taken as they are or in one's own wording, refused, too late."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.cli.main import run
from console.home import Home, home_of
from console.init import init
from console.keys import ensure_key
from console.pattern_files import PatternShelf, checked_catalogue, read_shelf, with_pattern, write_shelf
from console.pattern_words import Voice, accepted, wrote
from console.proposals import ProposalView, Standing, Wish, row_wanted, view_named, views_of, word_on
from console.system_paths import shipped_patterns
from console.words import Speaker
from learning.backtest import BackTest
from learning.patterns.model import Pattern
from schemas.errors import DeniedError, NotFoundError, UsageError
from schemas.ids import Record, id_of
from schemas.pattern_review import PatternState
from schemas.people import People, Person, Role
from schemas.proposals import PROPOSER, EvidenceLine, PatternProposal, ProposalVerdict, ProposalWord, TriedOn
from schemas.signing import public_text, sign
from schemas.vocabulary import Kind
from tests.support.own_pattern import OWN_ROW

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FINE = BackTest("flux-phase", "w", 10, 5, 1, (), (), (), (), ())
PROPOSAL = PatternProposal(
    name="flux-phase",
    pattern=json.dumps(OWN_ROW),
    template="flux is out of phase",
    runs=12,
    repositories=4,
    first_at=NOW - timedelta(days=2),
    last_at=NOW,
    at=NOW,
    expires_at=NOW + timedelta(days=14),
    tried=TriedOn(10, 5),
    kind=Kind.ENVIRONMENT_CONFIG,
    confidence=0.5,
    evidence=(EvidenceLine("\x1b[2Jthe flux is out of phase", "i1"),),
)
UNNAMED = replace(PROPOSAL, kind=None, confidence=0.0)
WITHHELD = replace(PROPOSAL, refused=("it hits 1 of 5 successful logs, the budget is 0.0%",))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    return home.config


@pytest.fixture
def voices(tmp_path: Path) -> dict[str, Voice]:
    roles = {"olga": Role.OPERATOR, "amir": Role.APPROVER, "vera": Role.VIEWER, PROPOSER: Role.ADMIN}
    speakers = {name: Speaker(name, ensure_key(tmp_path / f"{name}.key")) for name in roles}
    people = People(tuple(Person(name, frozenset({role}), public_text(speakers[name].key)) for name, role in roles.items()))
    return {name: Voice(speaker, people, NOW) for name, speaker in speakers.items()}


def shelf_of(config: Path) -> PatternShelf:
    """Return the folder's patterns beside one shipped file: all of them take a second to check."""
    shipped = config.parent / "shipped"
    shipped.mkdir(exist_ok=True)
    (shipped / "npm.json").write_text((shipped_patterns() / "npm.json").read_text(encoding="utf-8"), encoding="utf-8")
    return read_shelf(config, shipped)


def viewed(voices: dict[str, Voice], *rows: Record, now: datetime = NOW) -> Sequence[ProposalView]:
    return views_of(rows, voices["amir"].people, now)


def made_in(shelf: PatternShelf, row: dict[str, object]) -> tuple[dict[str, str], Pattern]:
    files = with_pattern(shelf, row)
    return files, checked_catalogue({**shelf.files, **files}).by_id()[str(row["id"])]


def test_a_proposal_taken_as_it_is_acts_by_another_persons_word_than_its_proposers(config: Path, voices: dict[str, Voice]) -> None:
    [view] = viewed(voices, PROPOSAL)
    row, is_as_proposed = row_wanted(view, Wish())
    assert is_as_proposed
    shelf = shelf_of(config)
    files, made = made_in(shelf, row)
    for name, why in ((PROPOSER, "another person"), ("olga", "no right")):
        with pytest.raises(DeniedError, match=why):
            accepted(shelf, made, FINE, voices[name], proposer=PROPOSER)
    change = accepted(shelf, made, FINE, voices["amir"], proposer=PROPOSER)
    write_shelf(config, files, change.reviews)
    assert (change.audit.action, change.audit.actor) == ("pattern.acting", "amir")
    after = shelf_of(config)
    assert after.state(after.named("flux-phase"), voices["amir"].people) is PatternState.ACTING
    assert after.author_of("flux-phase") == PROPOSER
    word = word_on(view, ProposalVerdict.ACCEPTED, voices["amir"])
    [ended] = viewed(voices, PROPOSAL, word)
    assert (ended.standing, ended.word) == (Standing.ACCEPTED, word)
    with pytest.raises(DeniedError, match="it is accepted by amir"):
        word_on(ended, ProposalVerdict.REFUSED, voices["olga"], "late")


@pytest.mark.parametrize(
    "wish", [Wish("disk_full"), Wish(wording=json.dumps({**OWN_ROW, "weight": 0.7})), Wish("disk_full", json.dumps(OWN_ROW))]
)
def test_what_is_changed_is_the_changers_and_shadows_until_another_person_accepts_it(
    config: Path, voices: dict[str, Voice], wish: Wish
) -> None:
    [view] = viewed(voices, PROPOSAL)
    row, is_as_proposed = row_wanted(view, wish)
    assert not is_as_proposed
    shelf = shelf_of(config)
    files, made = made_in(shelf, row)
    write_shelf(config, files, wrote(shelf, made, voices["olga"]).reviews)
    after = shelf_of(config)
    assert after.state(after.named("flux-phase"), voices["amir"].people) is PatternState.SHADOW
    assert after.author_of("flux-phase") == "olga"
    [ended] = viewed(voices, PROPOSAL, word_on(view, ProposalVerdict.EDITED, voices["olga"]))
    assert ended.standing is Standing.EDITED


def test_without_a_suggestion_a_kind_is_named_by_the_person(voices: dict[str, Voice]) -> None:
    [view] = viewed(voices, UNNAMED)
    for wish in (Wish(), Wish(wording=json.dumps({**OWN_ROW, "weight": 0.7}))):
        with pytest.raises(UsageError, match="no kind is suggested"):
            row_wanted(view, wish)
    row, is_as_proposed = row_wanted(view, Wish("environment_config"))
    assert (row["kind"], is_as_proposed) == ("environment_config", False)


def test_what_the_back_test_refused_is_shown_and_not_offered_unless_narrowed(voices: dict[str, Voice]) -> None:
    [view] = viewed(voices, WITHHELD)
    assert view.standing is Standing.WITHHELD
    with pytest.raises(DeniedError, match="successful logs"):
        row_wanted(view, Wish())
    assert not row_wanted(view, Wish(wording=json.dumps({**OWN_ROW, "expressions": ["^flux is out of phase"]})))[1]
    [still] = viewed(voices, WITHHELD, word_on(view, ProposalVerdict.ACCEPTED, voices["amir"]))
    assert still.standing is Standing.WITHHELD


def test_only_a_rightful_word_in_time_ends_a_proposal(voices: dict[str, Voice]) -> None:
    [view] = viewed(voices, PROPOSAL)
    for name, verdict in (("vera", ProposalVerdict.REFUSED), ("olga", ProposalVerdict.ACCEPTED), (PROPOSER, ProposalVerdict.ACCEPTED)):
        with pytest.raises(DeniedError):
            word_on(view, verdict, voices[name])
    good = word_on(view, ProposalVerdict.REFUSED, voices["olga"], "too broad")
    forged = replace(good, by="amir")
    late = sign(replace(good, at=PROPOSAL.expires_at, signature=""), voices["olga"].speaker.key)
    other = sign(ProposalWord("flux-phase", "another", ProposalVerdict.REFUSED, "olga", NOW, "no"), voices["olga"].speaker.key)
    [still] = viewed(voices, PROPOSAL, forged, late, other)
    assert still.standing is Standing.OPEN
    [ended] = viewed(voices, PROPOSAL, good)
    assert ended.full()["word"] == {"by": "olga", "verdict": "refused", "at": NOW.isoformat(), "why": "too broad"}
    [gone] = viewed(voices, PROPOSAL, now=PROPOSAL.expires_at)
    assert gone.standing is Standing.EXPIRED
    with pytest.raises(DeniedError, match="it is expired"):
        row_wanted(gone, Wish())


def test_a_proposal_that_came_again_is_another(voices: dict[str, Voice]) -> None:
    [view] = viewed(voices, PROPOSAL)
    word = word_on(view, ProposalVerdict.REFUSED, voices["olga"], "no")
    again = replace(PROPOSAL, at=NOW + timedelta(days=20), expires_at=NOW + timedelta(days=34))
    [found] = viewed(voices, PROPOSAL, word, again)
    assert (found.standing, id_of(found.proposal)) == (Standing.OPEN, id_of(again))


def test_it_is_shown_with_all_that_a_person_needs_as_data(voices: dict[str, Voice]) -> None:
    [view] = viewed(voices, PROPOSAL)
    shown = json.loads(json.dumps(view.full()))
    assert shown["pattern"] == OWN_ROW
    assert (shown["state"], shown["kind"], shown["runs"], shown["tried"]["successes"]) == ("open", "environment_config", 12, 5)
    assert shown["evidence"] == [{"text": "\x1b[2Jthe flux is out of phase", "incident_id": "i1"}]
    assert view.brief()["name"] == "flux-phase"
    with pytest.raises(NotFoundError, match="neither a pattern nor a proposal"):
        view_named([view], "nothing-such")


@pytest.mark.parametrize("wording", ["{", "[]", '{"kind": "disk_full"}'])
def test_a_wording_that_is_no_pattern_is_refused_with_what_to_do(voices: dict[str, Voice], wording: str) -> None:
    [view] = viewed(voices, PROPOSAL)
    with pytest.raises(UsageError, match="--edit"):
        row_wanted(view, Wish(wording=wording))


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return the exit code and what was said by one call."""
    code = 0
    try:
        run(["pattern", *words])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    return code, capsys.readouterr().err


def test_the_commands_say_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    init(home_of({"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}, ""), "ada")
    for words, told, wanted in (
        (("proposals",), "nothing runs here", 5),
        (("accept", "nothing-such"), "nothing runs here", 5),
        (("accept", "no-space-left", "--kind", "disk_full"), "are for proposals", 2),
        (("refuse", "no-space-left"), "it is shipped", 3),
    ):
        code, said = called(capsys, *words)
        assert (code, told in said) == (wanted, True), said
