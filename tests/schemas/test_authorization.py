"""Cedar on people: the shipped rules are the table of rights, forbid beats permit, and a bad text is told with its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.authorization import DEFAULT_RULES, MAX_RULES_CHARS, SCHEMA, Matter, faults_in
from schemas.configuration import (
    KEYS_ENTRY,
    PEOPLE_ENTRY,
    POLICY_ENTRY,
    SERVICES_ENTRY,
    Configuration,
    Keys,
    configuration_from,
    keys_body,
    people_body,
    policy_body,
    services_body,
)
from schemas.matters import matter_of
from schemas.oversight import CatalogueEntry, EntryKind
from schemas.people import People, Person, Right, Role
from schemas.policy import Policy
from schemas.services import Environment
from schemas.signing import public_text, sign
from tests.support.failures import KEYS, SHOP, T0

SHIPPED = Path(__file__).parents[2] / "infra" / "deploy" / "default" / "policy" / "people.cedar"
SWITCHES = {Right.ENGAGE_SWITCH, Right.RELEASE_SWITCH}
# What each role has given since there are roles.
RIGHTS = {
    Role.VIEWER: {Right.VIEW},
    Role.OPERATOR: {Right.VIEW, Right.OVERRIDE, Right.EDIT_PATTERN, *SWITCHES},
    Role.APPROVER: {Right.VIEW, Right.APPROVE, Right.PROMOTE_MODEL, *SWITCHES},
    Role.ADMIN: set(Right),
}


def people(rules: str, *roles: Role, name: str = "ada") -> People:
    return People((Person(name, frozenset(roles), "k"),), rules)


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", Role)
def test_the_shipped_rules_give_each_role_exactly_its_rights(role: Role, right: Right) -> None:
    known = people(DEFAULT_RULES, role)

    assert known.may("ada", right) is (right in RIGHTS[role])
    assert known.may("ada", right, Matter("service:web", "shop", "production", "high", "service_restart")) is (right in RIGHTS[role])
    assert known.may_somewhere("ada", right) is (right in RIGHTS[role])
    assert not known.may("eve", right)
    assert not known.may_somewhere("eve", right)


@given(st.sets(st.sampled_from(Role)), st.sampled_from(Right))
@settings(deadline=None)
def test_roles_add_up(roles: set[Role], right: Right) -> None:
    assert people(DEFAULT_RULES, *roles).may("ada", right) is any(right in RIGHTS[role] for role in roles)


def test_the_shipped_file_is_the_text_that_a_folder_without_rules_gets_and_the_schema_knows_every_word() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == DEFAULT_RULES
    assert faults_in(DEFAULT_RULES) == []
    for word in (*Role, *Right):
        assert word in SCHEMA


GUARDED = (
    DEFAULT_RULES
    + """
forbid (principal, action == Action::"approve", resource) when { resource.environment == "production" && principal.name != "ada" };
forbid (principal == Person::"eve", action, resource);
permit (principal == Person::"tom", action == Action::"approve", resource) when { resource.team == "shop" && resource.tier != "critical" };
"""
)


@pytest.mark.parametrize(
    ("name", "about", "may"),
    [
        ("ada", Matter("service:web", environment="production"), True),
        ("bob", Matter("service:web", environment="production"), False),
        ("bob", Matter("service:web", environment="staging"), True),
        ("eve", Matter("service:web", environment="staging"), False),
    ],
)
def test_a_forbid_beats_a_permit_by_what_is_known_of_the_target(name: str, about: Matter, may: bool) -> None:
    assert people(GUARDED, Role.APPROVER, name=name).may(name, Right.APPROVE, about) is may


def test_a_right_on_some_targets_counts_first_somewhere_and_then_on_the_target_alone() -> None:
    known = people(GUARDED, Role.VIEWER, name="tom")

    assert known.may_somewhere("tom", Right.APPROVE)
    assert known.may("tom", Right.APPROVE, Matter("service:web", team="shop", tier="high"))
    assert not known.may("tom", Right.APPROVE, Matter("service:web", team="shop", tier="critical"))
    assert not known.may("tom", Right.APPROVE, Matter("service:web"))
    assert not known.may("tom", Right.APPROVE)
    assert not people(GUARDED, Role.ADMIN, name="eve").may_somewhere("eve", Right.VIEW)


def test_a_forbid_with_an_exception_leaves_somewhere_to_say_yes() -> None:
    known = people(DEFAULT_RULES + 'forbid (principal, action, resource) unless { resource.team == "shop" };', Role.APPROVER)

    assert known.may_somewhere("ada", Right.APPROVE)
    assert known.may("ada", Right.APPROVE, Matter("service:web", team="shop"))
    assert not known.may("ada", Right.APPROVE, Matter("service:web"))


def test_without_rules_nobody_may_do_anything_and_a_rule_that_fails_denies() -> None:
    failing = DEFAULT_RULES + "forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };"

    assert not people("", Role.ADMIN).may("ada", Right.VIEW)
    assert not people(failing, Role.ADMIN).may("ada", Right.VIEW)


@pytest.mark.parametrize(
    ("rules", "line", "column", "what"),
    [
        ("permit (principal", 1, 1, "no Cedar"),
        ('// a; "comment"\npermit (principal, action, resource);\n  "not closed', 3, 3, "no Cedar"),
        ('permit (principal, action, resource);\npermit (\n  principal, action == Action::"reboot", resource);', 3, 24, "reboot"),
        ('permit (principal in Role::"boss", action, resource);', 1, 22, "boss"),
        ("permit (principal, action, resource)\nwhen { resource.colour == 1 };", 2, 17, "colour"),
        ("permit (principal, action, resource) when { resource.team == 1 };", 1, 1, "not compatible"),
        ("permit (principal == ?principal, action, resource);", 1, 1, "template"),
        ("permit (principal, action, resource) when { context.hour > 1 };", 1, 53, "hour"),
        (f"permit (principal, action, resource) when {{ {'(' * 2000}true{')' * 2000} }};", 1, 1, "at most"),
        (f"permit (principal, action, resource) when {{ {'[' * 1000}{']' * 1000} == 1 }};", 1, 1, "brackets in brackets"),
        (f"permit (principal, action, resource) when {{ {'true && ' * 1000}true }};", 1, 1, "at most"),
        ("/" * (MAX_RULES_CHARS + 1), 1, 1, "longer"),
    ],
)
def test_a_bad_rule_is_told_with_its_place(rules: str, line: int, column: int, what: str) -> None:
    found = faults_in(rules)[0]

    assert (found.line, found.column) == (line, column)
    assert what in found.what


@given(st.text(alphabet='pt(),;"/\\\n ae=&', max_size=60))
@settings(deadline=None)
def test_any_text_gives_faults_with_places_inside_it_or_none(text: str) -> None:
    lines = text.split("\n")
    for fault in faults_in(text):
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1


PRINCIPALS = ("principal", 'principal == Person::"ada"', 'principal in Role::"approver"', 'principal == Person::"bob"')
ACTIONS = ("action", 'action == Action::"approve"', 'action in [Action::"approve", Action::"view"]', 'action == Action::"view"')
RESOURCES = ("resource", 'resource == Target::"service:web"', 'resource == Target::"job:a"')
CLAUSES = ("", 'when { resource.environment == "production" }', 'unless { resource.team == "shop" || [1, 2].contains(1) && false }')
STATEMENTS = st.builds(
    '{} {} ({}, {}, {}) {}; // done; "so\n'.format,
    st.sampled_from(["", '@id("a, b; (permit")', "@permit"]),
    st.sampled_from(["permit", "permit", "forbid"]),
    st.sampled_from(PRINCIPALS),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from(CLAUSES),
)
PLACES = [
    Matter(target, team, environment)
    for target in ("service:web", "job:a", "other:b")
    for team in ("", "shop")
    for environment in ("", "production")
]


@given(st.lists(STATEMENTS, max_size=6).map("".join))
@settings(max_examples=150, deadline=None)
def test_what_is_allowed_on_a_target_is_allowed_somewhere_and_what_nobody_conditions_is_exact(rules: str) -> None:
    known = people(rules, Role.APPROVER)
    somewhere = known.may_somewhere("ada", Right.APPROVE)

    assert faults_in(rules) == []
    assert somewhere or not any(known.may("ada", Right.APPROVE, place) for place in PLACES)
    if all(word not in rules for word in ("when", "unless", "resource ==")):
        assert somewhere == known.may("ada", Right.APPROVE)


def published(body: str) -> Configuration | str:
    bodies = {POLICY_ENTRY: policy_body(Policy()), SERVICES_ENTRY: services_body(SHOP), KEYS_ENTRY: keys_body(Keys()), PEOPLE_ENTRY: body}
    key = KEYS["ada"]
    rows = [sign(CatalogueEntry(name, "v", EntryKind.CONFIGURATION, text, T0), key) for name, text in bodies.items()]
    return configuration_from(rows, public_text(key))


def test_people_and_rules_are_published_as_one_and_a_broken_text_is_no_configuration() -> None:
    known = people(GUARDED, Role.ADMIN)
    found, old = published(people_body(known)), published('[{"name": "ada", "roles": ["admin"], "public_key": "k"}]')

    assert isinstance(found, Configuration)
    assert found.people == known
    assert isinstance(old, Configuration)
    assert old.people.rules == DEFAULT_RULES
    assert "the rules on people" in str(published(people_body(people("permit", Role.ADMIN))))


def test_what_is_known_of_a_target_stands_in_the_catalogue() -> None:
    named = replace(SHOP, services=(replace(SHOP.services[2], team="shop", environment=Environment.STAGING),))

    assert matter_of("config:web.yaml", named, "high", "config_restore") == Matter(
        "config:web.yaml", "shop", "staging", "high", "config_restore"
    )
    assert matter_of("job:a", named) == Matter("job:a")
