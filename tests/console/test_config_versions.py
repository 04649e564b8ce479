"""Published sets are kept and come back whole; a difference is said as what it changes in effect; what was taken away is taken away."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dulwich import porcelain

from console import config_versions
from console.backup import as_files, files_in, read_backup, restore
from console.config_diff import differences
from console.config_sources import files_of
from console.config_versions import KeptSet, chosen, keep, kept_sets
from console.configuration import configuration_of, read_folder
from console.home import Home
from console.init import init
from console.publish import changes_of
from infra.adapters.git_revision import files_at
from schemas.configuration import PATTERNS_PREFIX, Configuration, Keys, configuration_from
from schemas.errors import ConfigurationError, NotFoundError
from schemas.oversight import EntryKind, RolloutLevel
from schemas.people import People, Person, Role
from schemas.policy import Budget, Policy, StrategyPolicy
from schemas.probes import ProbeKind, ProbeSpec
from schemas.services import Services, ServiceSpec
from schemas.signing import public_text
from tests.support.own_pattern import own_file

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home("t", tmp_path / "state", tmp_path / "config")
    init(found, "ada")
    (tmp_path / "shipped").mkdir()
    return found


def shipped(home: Home) -> Path:
    return home.state.parent / "shipped"


def write(home: Home, level: str) -> str:
    """Set one strategy's level and return the version of the folder."""
    text = f"strategies:\n  - {{strategy: service_restart, level: {level}}}\n"
    (home.config / "policy" / "observe.yaml").write_text(text, encoding="utf-8")
    return read_folder(home.config, shipped(home)).digest()


def kept(home: Home, level: str, by: str = "publisher") -> KeptSet | None:
    return keep(home, write(home, level), shipped(home), by, NOW)


def test_every_published_set_is_kept_once_and_comes_back_byte_for_byte(home: Home) -> None:
    first = kept(home, "observe")
    assert first is not None
    before = files_in(home.config)
    assert kept(home, "observe") is None
    second = kept(home, "approve", "ada")
    (home.config / "policy" / "late.yaml").write_text("gather_s: 1.0\n", encoding="utf-8")

    assert [(one.number, one.by) for one in kept_sets(home)] == [(1, "publisher"), (2, "ada")]
    assert second is not None
    assert second.version != first.version

    restore(read_backup(chosen(kept_sets(home), "").store(), shipped(home)), home.config)
    assert files_in(home.config) == before
    assert read_folder(home.config, shipped(home)).digest() == first.version


def test_a_set_is_chosen_by_its_number_or_the_begin_of_its_version(home: Home) -> None:
    sets = [one for level in ("observe", "shadow", "approve") if (one := kept(home, level))]

    assert chosen(sets, "") == sets[1]
    assert chosen(sets, "1") == sets[0]
    assert chosen(sets, sets[2].version[:8]) == sets[2]
    for name in ("4", "abc", "fffffffff"):
        with pytest.raises(NotFoundError, match="kept sets"):
            chosen(sets, name)
    with pytest.raises(NotFoundError, match="none was published before"):
        chosen(sets[:1], "")


def test_no_more_than_fifty_sets_are_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_versions, "KEPT_SETS", 3)

    for level in ("observe", "shadow", "approve", "canary", "automatic"):
        kept(home, level)

    assert [one.number for one in kept_sets(home)] == [3, 4, 5]


def test_a_file_that_was_saved_meanwhile_is_not_kept_as_what_was_published(home: Home) -> None:
    version = write(home, "observe")
    write(home, "approve")

    assert keep(home, version, shipped(home), "publisher", NOW) is None
    assert kept_sets(home) == ()


def test_a_kept_set_that_was_changed_or_cut_short_does_not_come_back(home: Home) -> None:
    kept(home, "observe")
    second = kept(home, "approve")
    assert second is not None
    (second.folder / "policy" / "observe.yaml").write_text("strategies: []\n", encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"not what was backed up: policy/observe\.yaml"):
        read_backup(second.store(), shipped(home))
    (second.folder / "manifest.json").write_text("{", encoding="utf-8")
    assert [one.number for one in kept_sets(home)] == [1]
    third = kept(home, "shadow")
    assert third is not None
    assert third.number == 3


SHOP = Services((ServiceSpec("web", "shop", ("run",), ".", "web.pid", probes=(ProbeSpec("port", ProbeKind.TCP, "localhost:1"),)),))
AUTOMATIC = StrategyPolicy("service_restart", RolloutLevel.AUTOMATIC)
OWN = (f"{PATTERNS_PREFIX}own.json", own_file())
BASE = Configuration(
    policy=Policy(strategies=(StrategyPolicy("service_restart"),), secrets=("hunter2",)),
    services=SHOP,
    people=People((Person("ada", frozenset({Role.ADMIN}), "K"),)),
    patterns=(OWN,),
)


def policy(**fields: object) -> Configuration:
    return replace(BASE, policy=replace(BASE.policy, **fields))  # type: ignore[arg-type]


def services(**fields: object) -> Configuration:
    return replace(BASE, services=Services((replace(SHOP.services[0], **fields),)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("after", "line"),
    [
        (policy(high_from=70.0), "~ policy: high_from 60.0 -> 70.0"),
        (policy(target_budget=Budget(5, 3600.0)), "~ policy: target_budget.limit 3 -> 5"),
        (policy(strategies=(AUTOMATIC,)), "~ strategy service_restart: level observe -> automatic"),
        (policy(strategies=()), "- strategy service_restart: level observe, extra_risk 0.0"),
        (policy(secrets=("hunter2", "hunter3")), "~ policy: secrets 1 literals -> 2 literals"),
        (services(healing=False), "~ service web: healing true -> false"),
        (services(depends_on=("db",)), '~ service web: depends_on [] -> ["db"]'),
        (replace(BASE, services=Services()), '- service web: group shop, argv ["run"]'),
        (replace(BASE, people=People((Person("ada", frozenset({Role.VIEWER}), "K"),))), "~ person ada: roles admin -> viewer"),
        (replace(BASE, people=People()), "- person ada: roles admin, public_key K"),
        (replace(BASE, patterns=()), "- pattern flux-phase: "),
        (replace(BASE, patterns=((OWN[0], own_file(kind="disk_full")),)), "~ pattern flux-phase: kind "),
        (replace(BASE, patterns=((OWN[0], "{"),)), "+ file patterns/own.json: text {"),
    ],
)
def test_a_difference_is_said_as_what_it_changes_in_effect(after: Configuration, line: str) -> None:
    found = differences(BASE, after)

    assert any(one.startswith(line) for one in found), found
    assert "hunter" not in str(found)


def test_what_is_the_same_in_effect_is_no_difference() -> None:
    assert differences(BASE, replace(BASE, version="other", services=replace(SHOP, version="other"))) == []


def test_a_pattern_file_that_was_taken_away_is_taken_away_by_a_signed_word_and_comes_back() -> None:
    keys = Keys("A", "B")
    with_own, without = replace(BASE, keys=keys), replace(BASE, keys=keys, patterns=())
    first = changes_of(with_own, [], KEY, NOW)
    [gone] = changes_of(without, first, KEY, NOW)
    [back] = changes_of(with_own, [*first, gone], KEY, NOW)

    assert (gone.name, gone.kind, gone.body) == (OWN[0], EntryKind.PATTERNS, "")
    assert changes_of(without, [*first, gone], KEY, NOW) == ()
    read = [configuration_from(entries, public_text(KEY)) for entries in (first, [*first, gone], [*first, gone, back])]
    assert [one.patterns for one in read if isinstance(one, Configuration)] == [(OWN,), (), (OWN,)]
    versions = [one.version for one in read if isinstance(one, Configuration)]
    assert versions[0] == versions[2] != versions[1]
    # Only the publisher's word counts.
    forged = replace(gone, signature="")
    kept_on = configuration_from([*first, forged], public_text(KEY))
    assert isinstance(kept_on, Configuration)
    assert kept_on.patterns == (OWN,)


def test_a_git_revision_of_the_folder_is_read_without_a_checkout(home: Home) -> None:
    root = home.config.parent
    repository = porcelain.init(str(root))
    write(home, "observe")
    before = files_in(home.config)
    porcelain.add(str(root), [str(path) for path in home.config.rglob("*") if path.is_file()])
    commit = porcelain.commit(str(root), b"first", author=b"a <a@b.example>", committer=b"a <a@b.example>").decode()
    repository.close()
    write(home, "automatic")

    assert {name: text.decode() for name, text in files_at(home.config, commit).items()} == before
    assert files_of(f"git:{commit[:10]}", home) == before
    found = configuration_of(as_files(before, shipped(home)), Keys())
    assert isinstance(found, Configuration)
    for wrong in ("nowhere", "f" * 40):
        with pytest.raises(NotFoundError, match=wrong):
            files_at(home.config, wrong)


def test_a_folder_outside_of_git_says_so(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="in no git repository"):
        files_at(home.config, "HEAD")
