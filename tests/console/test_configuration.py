"""The configuration folder: what is right becomes records, what is wrong is named by its place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from console.config_origins import masked, origin_rows
from console.configuration import Files, configuration_of, load_configuration, load_people, load_policy, read_folder
from console.home import Home
from console.init import init
from console.publish import entries_of, entries_to_send
from console.system_paths import shipped_patterns
from schemas.configuration import Configuration, Keys, configuration_from, newest_entries
from schemas.decisions import Oversight
from schemas.errors import ConfigurationError
from schemas.oversight import RolloutLevel
from schemas.people import Right
from schemas.policy import Policy
from schemas.signing import public_text
from schemas.watched_workflows import WorkflowRule
from schemas.windows import WindowKind, WindowRule

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()


def problems_of(**texts: str) -> list[str]:
    files = Files({"healstream.yaml": "version: 1\n", **{name.replace("__", "/") + ".yaml": text for name, text in texts.items()}}, {})
    found = configuration_of(files, Keys())
    return [] if isinstance(found, Configuration) else [str(problem) for problem in found]


def test_a_fresh_folder_observes_everything_and_knows_its_first_person(tmp_path: Path) -> None:
    home = Home("t", tmp_path / "state", tmp_path / "config")

    made = init(home, "ada")
    again = init(home, "bob")
    found = load_configuration(home.config, shipped_patterns(), Keys())

    assert len(made) == 5
    assert again == ()
    assert {row.level for row in found.policy.strategies} == {RolloutLevel.OBSERVE}
    assert found.people.may("ada", Right.APPROVE)
    assert (home.people / "ada.key").stat().st_mode & 0o777 == 0o600
    assert (home.keys / "admit.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("texts", "place"),
    [
        ({"services": "services:\n  - name: web\n    grop: shop\n"}, "services.yaml:3:5: services.0.grop: there is no such field"),
        ({"services": "services: [\n"}, "services.yaml:2:1: this is no YAML"),
        ({"policy__a": "strategies:\n  - {strategy: dance}\n"}, "policy/a.yaml:2:6: strategies.0.strategy: dance is no strategy"),
        ({"policy__a": "gather_s: 1\n", "policy__b": "gather_s: 2\n"}, "policy/b.yaml:1:1: gather_s: policy/a.yaml sets it too"),
        ({"policy__a": "high_from: 10\n"}, "policy/a.yaml:1:1: medium_from <= high_from"),
        ({"policy__a": "again_first_wait_s: 400\n"}, "policy/a.yaml:1:1: again_first_wait_s <= again_longest_wait_s"),
        ({"policy__a": "decision_valid_s: 10\n"}, "policy/a.yaml:1:1: again_first_wait_s <= decision_valid_s"),
        ({"policy__a": "trial_green_share: 2\n"}, "policy/a.yaml:1:1: trial_green_share"),
        ({"policy__a": "live_green_share: 0\n"}, "policy/a.yaml:1:1: live_green_share"),
        (
            {"services": "disks:\n  - {host: a, path: /srv, clean: [{folder: x/../.., older_than_s: 9}]}\n"},
            "services.yaml:2:36: disks.0.clean.0.folder",
        ),
        (
            {"services": "disks:\n  - {host: a, path: /srv, clean: [{folder: /etc, older_than_s: 9}]}\n"},
            "services.yaml:2:36: disks.0.clean.0.folder",
        ),
        (
            {"services": "limits:\n  - {name: c, path: /p, used_path: /u, value: 9, cap: 9}\n"},
            "services.yaml:2:5: limits.0: cap must be above value",
        ),
        ({"policy__a": "exploration_share: 0.3\n"}, "policy/a.yaml:1:1: exploration_share"),
        ({"policy__a": "holdout_share: 1\n"}, "policy/a.yaml:1:1: holdout_share"),
        ({"policy__a": "choice_half_life_s: 0\n"}, "policy/a.yaml:1:1: choice_half_life_s"),
        ({"people": "people:\n  - {name: ada, roles: [admin], public_key: QUJD}\n"}, "people.yaml:2:33: people.0.public_key: an Ed25519"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_column(texts: dict[str, str], place: str) -> None:
    problems = problems_of(**texts)

    assert any(problem.startswith(place) for problem in problems), problems


def upstream(name: str, hosts: str, probes: str) -> str:
    return f"  - {{name: {name}, hosts: [{hosts}], probes: [{probes}]}}\n"


PAGE = '{name: page, kind: http, address: "https://index.example/simple/", statuses: [200, 401]}'
PORT = '{name: port, kind: tcp, address: "index.example:443"}'


def test_a_known_upstream_is_read_with_its_hosts_and_probes_and_goes_over_the_topic_unchanged() -> None:
    text = "upstreams:\n" + upstream("index", "index.example, '*.files.example'", f"{PAGE}, {PORT}")
    found = configuration_of(Files({"healstream.yaml": "version: 1\n", "services.yaml": text}, {}), Keys())

    assert isinstance(found, Configuration)
    [spec] = found.services.upstreams
    assert (spec.name, spec.hosts, spec.probes[0].statuses) == ("index", ("index.example", "*.files.example"), (200, 401))
    key = Ed25519PrivateKey.generate()
    entries = [*entries_of(found, key, NOW)]
    read = configuration_from(entries, public_text(key))
    assert isinstance(read, Configuration)
    assert read.services.upstreams == found.services.upstreams
    assert read.services.upstream_of_host("a.files.example") == spec


@pytest.mark.parametrize(
    ("hosts", "probes", "wrong"),
    [
        ("index.example", PAGE, "two different looks"),
        ("index.example", f"{PAGE}, {PORT}, {{name: p, kind: process, address: /run/pid}}", "no other kind"),
        ("index.example", f"{PAGE.replace('https:', 'file:')}, {PORT}", "page has no address for http"),
        ("index.example", f"{PAGE.replace('index.example', 'me:secret@index.example')}, {PORT}", "without a login"),
        ("index.example", f"{PAGE}, {PORT.replace(':443', '')}", "port has no address for tcp"),
        ("index.example", f"{PAGE.replace('index.example', '169.254.169.254')}, {PORT}", "page has no address for http"),
        ("index.example", f"{PAGE}, {PORT.replace('index.example', '[fe80::1]')}", "port has no address for tcp"),
        ("'*'", f"{PAGE}, {PORT}", "should match"),
        ("https://index.example", f"{PAGE}, {PORT}", "should match"),
        ("", f"{PAGE}, {PORT}", "at least 1 item"),
    ],
)
def test_an_upstream_that_could_not_be_asked_or_looked_up_is_refused(hosts: str, probes: str, wrong: str) -> None:
    problems = problems_of(services="upstreams:\n" + upstream("index", hosts, probes))

    assert any(wrong in problem and problem.startswith("services.yaml:2:") for problem in problems), problems
    assert "secret" not in str(problems)


@pytest.mark.parametrize(("kind", "address"), [("process", "/run/pid"), ("in_sync", "a.example:9092,"), ("in_sync", "a.example")])
def test_what_cannot_be_asked_before_a_start_is_refused(kind: str, address: str) -> None:
    asked = f"start_when: [{{name: bus, kind: {kind}, address: '{address}'}}]"
    row = f"services:\n  - {{name: web, group: g, argv: [run], cwd: /srv, pid_file: /run/web, {asked}}}\n"
    assert any("bus cannot be asked before a start" in problem for problem in problems_of(services=row)), problems_of(services=row)
    good = row.replace(kind, "in_sync").replace(f"'{address}'", "'a.example:9092,b.example:9092'")
    assert problems_of(services=good) == []


def test_two_upstreams_may_share_neither_a_name_nor_a_host() -> None:
    both = upstream("index", "index.example", f"{PAGE}, {PORT}") + upstream("index", "b.example, index.example", f"{PAGE}, {PORT}")
    names = upstream("index", "index.example", f"{PAGE}, {PORT}") + upstream("mirror", "index.example", f"{PAGE}, {PORT}")

    assert any("index is there twice" in problem for problem in problems_of(services="upstreams:\n" + both))
    assert any("index answers for index.example too" in problem for problem in problems_of(services="upstreams:\n" + names))


def test_the_bounds_of_a_storm_are_policy() -> None:
    text = "storm_repositories: 0\nstorm_runs: 0\nstorm_release: {limit: 5, window_s: 30}\nstorm_hold_s: 0\n"
    assert problems_of(policy__a=text) == []
    assert any("write 0 for never, or 2 to 1000" in problem for problem in problems_of(policy__a="storm_repositories: 1\n"))


def test_rules_on_people_are_read_together_and_their_mistakes_are_told_with_their_place(tmp_path: Path) -> None:
    """Given an own file of rules beside the shipped one, then both count; a broken one is refused with the people; none is the shipped."""
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    own = home.config / "policy" / "own.cedar"
    own.write_text('forbid (principal == Person::"ada", action == Action::"approve", resource);\n', encoding="utf-8")
    assert not load_people(home.config).may("ada", Right.APPROVE)
    assert load_people(home.config).may("ada", Right.ENGAGE_SWITCH)

    own.write_text('permit (principal, action == Action::"aprove", resource);\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"policy/own\.cedar:1:30: .*aprove"):
        load_people(home.config)

    own.unlink()
    (home.config / "policy" / "people.cedar").unlink()
    assert load_people(home.config).may("ada", Right.APPROVE)


def test_rules_that_leave_nobody_to_stop_healing_are_refused(tmp_path: Path) -> None:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    people = home.config / "policy" / "people.cedar"
    people.write_text(people.read_text(encoding="utf-8").replace('Role::"admin", action,', 'Role::"admin", action == Action::"view",'))

    with pytest.raises(ConfigurationError, match=r"policy/people\.cedar:1:1: the rules let nobody engage_switch") as found:
        load_people(home.config)
    assert "nobody release_switch" in str(found.value)


def test_a_broken_rule_refuses_the_whole_set() -> None:
    found = configuration_of(Files({"healstream.yaml": "version: 1\n", "policy/p.cedar": "// rules\npermit\n"}, {}), Keys())

    assert isinstance(found, list)
    assert [(row.file, row.line, row.column) for row in found] == [("policy/p.cedar", 2, 1)]


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ("windows:\n  - {name: n, zone: Mars/Base}\n", "policy/a.yaml:2:15: windows.0.zone: there is no such time zone"),
        ("windows:\n  - name: n\n    from: '25:00'\n", "policy/a.yaml:3:5: windows.0.from: "),
        (
            "windows:\n  - name: n\n    dates: [2026-12-24, 2027-01-04/2026-12-20]\n",
            "policy/a.yaml:3:25: windows.0.dates.1: write 2026-12-24",
        ),
        ("windows:\n  - name: n\n    weekdays: [monday]\n", "policy/a.yaml:3:16: windows.0.weekdays.0: "),
        ("windows:\n  - name: n\n    targets: [service:wbe]\n", "policy/a.yaml:3:15: windows.0.targets.0: service:wbe names nothing"),
        ("windows:\n  - name: n\n    teams: [blu]\n", "policy/a.yaml:3:13: windows.0.teams.0: nothing is of blu"),
        ("windows:\n  - name: n\n    except: [dance]\n", "policy/a.yaml:3:14: windows.0.except.0: dance is no strategy"),
        ("windows: [{name: n}, {name: n}]\n", "policy/a.yaml:1:23: windows.1.name: n is there twice"),
        ("workflows:\n  - {name: d, project: a/b, workflow: D, targets: []}\n", "policy/a.yaml:2:42: workflows.0.targets: "),
        (
            "workflows:\n  - {name: d, project: a/b, workflow: D, targets: [group:no]}\n",
            "policy/a.yaml:2:52: workflows.0.targets.0: group:no",
        ),
    ],
)
def test_a_mistake_in_a_window_or_a_workflow_is_named_by_its_place(rows: str, place: str) -> None:
    problems = problems_of(services=f"services:\n{service('web', '')}", policy__a=rows)
    assert any(problem.startswith(place) for problem in problems), problems


def test_windows_and_workflows_are_policy_and_survive_their_publication() -> None:
    text = (
        "windows:\n  - {name: n, kind: maintenance, zone: Europe/Berlin, from: 22:00, to: 06:00, weekdays: [fri],\n"
        "     dates: [2026-12-24, 2026-12-31/2027-01-02], targets: [service:web], except: [rerun_job]}\n"
        "workflows:\n  - {name: d, project: acme/shop, workflow: Deploy, targets: [group:g, fleet], longest_s: 1800}\n"
    )
    files = Files({"healstream.yaml": "version: 1\n", "services.yaml": f"services:\n{service('web', '')}", "policy/a.yaml": text}, {})
    found = configuration_of(files, Keys())
    assert isinstance(found, Configuration)
    [window], [workflow] = found.policy.windows, found.policy.workflows
    assert window == WindowRule(
        "n", WindowKind.MAINTENANCE, "Europe/Berlin", "22:00", "06:00", ("fri",), ("2026-12-24", "2026-12-31/2027-01-02"),
        ("service:web",), except_strategies=("rerun_job",),
    )  # fmt: skip
    assert workflow == WorkflowRule("d", "acme/shop", "Deploy", ("group:g", "fleet"), longest_s=1800.0)
    read = configuration_from(entries_of(found, KEY, NOW), public_text(KEY))
    assert isinstance(read, Configuration)
    assert read.policy == found.policy


def service(name: str, needs: str) -> str:
    return f"  - {{name: {name}, group: g, argv: [run], cwd: /srv, pid_file: /run/{name}, depends_on: [{needs}]}}\n"


def test_a_ring_a_stranger_and_a_repeated_name_among_services_are_told_together() -> None:
    text = "services:\n" + service("a", "b") + service("b", "a") + service("c", "nobody") + service("c", "")

    problems = problems_of(services=text)

    assert sum("ring" in problem for problem in problems) == 2
    assert any("services.yaml:4:" in problem and "nobody is no service" in problem for problem in problems)
    assert any("c is there twice" in problem for problem in problems)


def test_a_bad_pattern_file_is_named_and_the_whole_set_refused(tmp_path: Path) -> None:
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    (home.config / "patterns").mkdir()
    (home.config / "patterns" / "own.json").write_text('{\n "family": }', encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"patterns/own.json:2:12"):
        load_configuration(home.config, shipped_patterns(), Keys())


def test_who_may_stop_healing_and_the_policy_hang_on_no_pattern_file(tmp_path: Path) -> None:
    """Given a broken file of patterns and one of services, then people and policy are read; a mistake of their own is named."""
    home = Home("t", tmp_path / "state", tmp_path / "config")
    init(home, "ada")
    (home.config / "patterns").mkdir()
    (home.config / "patterns" / "own.json").write_text('{\n "family": }', encoding="utf-8")
    (home.config / "services.yaml").write_text("services: [\n", encoding="utf-8")

    assert load_people(home.config).may("ada", Right.ENGAGE_SWITCH)
    assert load_policy(home.config).oversight is Oversight.TWO_PERSON

    (home.config / "people.yaml").write_text("people:\n  - nobody: x\n", encoding="utf-8")
    (home.config / "policy" / "own.yaml").write_text("high_from: 10\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"people\.yaml:2"):
        load_people(home.config)
    with pytest.raises(ConfigurationError, match=r"policy/own\.yaml:1:1"):
        load_policy(home.config)


def test_what_is_published_is_signed_and_read_back_the_same_and_only_changes_are_sent(tmp_path: Path) -> None:
    home, key = Home("t", tmp_path / "state", tmp_path / "config"), Ed25519PrivateKey.generate()
    init(home, "ada")
    found = configuration_of(read_folder(home.config, shipped_patterns()), Keys("a", "n"))
    assert isinstance(found, Configuration)

    entries = entries_of(found, key, NOW)
    read = configuration_from(entries, public_text(key))

    assert isinstance(read, Configuration)
    assert (read.policy, read.services, read.people, read.keys, read.patterns) == (
        found.policy,
        found.services,
        found.people,
        found.keys,
        found.patterns,
    )
    assert entries_to_send(entries, newest_entries(entries, public_text(key))) == ()
    assert entries_to_send(entries, newest_entries(entries[1:], public_text(key))) == entries[:1]


SECRETS = {
    "healstream.yaml": "version: 1\nsecrets: [hunter22, hunter22-long]\nheartbeat: {url: 'https://watch.example/ping/hunter9'}\n",
    "notices.yaml": "targets:\n  - {name: chat, url: 'slack://T123/B456/hunter7'}\n  - {name: mail, url_file: /run/mail}\n",
    "policy/a.yaml": "gather_s: 1\nstrategies: 2026-01-31\n",
    "services.yaml": "services: [\n",
    "policy/people.cedar": "permit (principal, action, resource); // hunter22\n",
}


def test_what_is_secret_is_shown_nowhere_though_the_folder_has_mistakes() -> None:
    shown = masked(SECRETS)
    environ = {"HEALSTREAM_GITHUB_SECRET": "hunter5", "HEALSTREAM_INGEST_TOKEN": "hunter5", "HEALSTREAM_INGEST_TOKEN_FILE": "/run/token"}
    said = "".join(shown.values()) + str(origin_rows(SECRETS, environ))
    assert "hunter" not in said
    assert shown["notices.yaml"] == "targets:\n  - {name: chat, url: '***'}\n  - {name: mail, url_file: /run/mail}\n"
    assert shown["services.yaml"].startswith("# not shown, for what is secret in it cannot be told: services.yaml:2:1: ")


def test_each_value_says_where_it_is_from() -> None:
    rows = origin_rows(SECRETS, {"HEALSTREAM_GITHUB_SECRET": "hunter5", "HEALSTREAM_STATE": "/srv/state", "HOME": "/root"})
    found = {row["setting"]: (row["value"], row["origin"]) for row in rows}
    assert found["gather_s"] == (1, "policy/a.yaml:1:1")
    assert found["strategies"] == ("2026-01-31", "policy/a.yaml:2:1")
    assert found["targets.0.url"] == ("***", "notices.yaml:2:18")
    assert found["targets.1.url_file"] == ("/run/mail", "notices.yaml:3:18")
    assert found["loop_limit"] == (Policy().loop_limit, "default")
    assert found["policy/people.cedar"][1] == "policy/people.cedar:1:1"
    assert found["HEALSTREAM_STATE"] == ("/srv/state", "environment")
    assert found["HEALSTREAM_GITHUB_SECRET"] == ("***", "environment")
    assert "HOME" not in found
