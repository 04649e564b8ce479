"""Cases that a policy must keep: what its rules make of given values, and whether people may do what is asked; no broker is needed.

Called by ``healstream policy test``. A file of cases stands beside the policy under version control, so that a change that breaks what
somebody relies on is noticed before it is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from console.shape import Name, Shape
from console.yaml_places import Document, Problem, read_document
from schemas.authorization import Matter
from schemas.conditions import Type, Value, Variable
from schemas.decisions import RiskFactor, Verdict
from schemas.people import People, Person, Right, Role
from schemas.policy import Policy
from schemas.rule_variables import VARIABLES
from streams.gates.rules import judge_findings
from streams.risk import capped
from streams.rule_findings import Ruled, ask_rules

_KNOWN: Mapping[str, Variable] = {row.name: row for row in VARIABLES}
_FROM_RISK = frozenset({"risk", "tier"})
# What a case does not name: a quiet failure of a service by day that nobody would mind being healed.
_QUIET: Mapping[str, Value] = {
    "kind": "service_down",
    "group": "infrastructure",
    "confidence": 1.0,
    "complete": True,
    "members": 1,
    "level": "automatic",
    "attempt": 1,
    "success_rate": 1.0,
    "opened_by": "healstream",
    "hour": 12,
    "office_hours": True,
    "trust": "protected",
    "origin": "local",
    "result": "",
    "environment": "",
}
_EMPTY: Mapping[Type, Value] = {Type.TEXT: "", Type.COUNT: 0, Type.NUMBER: 0.0, Type.FLAG: False, Type.TEXTS: (), Type.WORDS: {}}
_TAKES: Mapping[Type, tuple[type, ...]] = {
    Type.TEXT: (str,), Type.COUNT: (int,), Type.NUMBER: (int, float), Type.FLAG: (bool,), Type.TEXTS: (list,), Type.WORDS: (dict,),
}  # fmt: skip
_MEND = "correct the case; docs/policy.md lists what it may give"


class PlaceRow(Shape):
    """What an action is about."""

    target: str = "fleet"
    team: str = ""
    environment: str = ""
    tier: str = ""
    strategy: str = ""


class PeopleCase(Shape):
    """Whether somebody of these roles, or of this name, may do it there."""

    name: Annotated[str, Field(min_length=1)]
    who: Name = "somebody"
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    action: Right
    on: PlaceRow = PlaceRow()
    allowed: bool


class RuleCase(Shape):
    """What the rules make of these values: those that hold, in the order in which they are asked, and the verdict."""

    name: Annotated[str, Field(min_length=1)]
    given: Annotated[dict[str, str | bool | int | float | list[str] | dict[str, str]], Field(default_factory=dict)]
    holds: tuple[str, ...]
    verdict: Verdict = Verdict.HEAL


class CasesFile(Shape):
    """A file of cases."""

    people: tuple[PeopleCase, ...] = ()
    rules: tuple[RuleCase, ...] = ()


@dataclass(frozen=True, slots=True)
class Cases:
    """A read file and its places."""

    document: Document
    file: CasesFile

    def count(self) -> int:
        """Return how many cases there are."""
        return len(self.file.people) + len(self.file.rules)


def read_cases(file: str, text: str) -> Cases | list[Problem]:
    """Return the cases, or what is wrong with the file."""
    document = read_document(file, text)
    if isinstance(document, Problem):
        return [document]
    try:
        found = CasesFile.model_validate(document.plain)
    except ValidationError as error:
        return [document.problem(tuple(fault["loc"]), fault["msg"]) for fault in error.errors()]
    wrong = [
        document.problem(("rules", index, "given", name), why, _MEND)
        for index, case in enumerate(found.rules)
        for name, value in case.given.items()
        if (why := _why_not(name, value))
    ]
    return wrong or Cases(document, found)


def broken_cases(cases: Cases, policy: Policy, people: People) -> list[Problem]:
    """Return the cases that the policy does not keep, each at its place and with what it does instead."""
    return [*_broken_rules(cases, policy), *_broken_people(cases, people)]


def _why_not(name: str, value: object) -> str:
    if name not in _KNOWN or name in _FROM_RISK:
        return f"a case gives no {name}; it gives {', '.join(sorted(_KNOWN.keys() - _FROM_RISK))}"
    row = _KNOWN[name]
    if not isinstance(value, _TAKES[row.type]) or (isinstance(value, bool) and row.type is not Type.FLAG):
        return f"{name} is of type {row.type}"
    if row.choices and value not in row.choices:
        return f"{name} is one of {', '.join(row.choices)}"
    return ""


def _broken_rules(cases: Cases, policy: Policy) -> Iterator[Problem]:
    for index, case in enumerate(cases.file.rules):
        ruled = ask_given(policy, case.given)
        holding = tuple(row.rule for row in ruled.findings)
        verdict = judge_findings(ruled.findings, policy.oversight)
        at = ("rules", index)
        if holding != case.holds:
            told = f"{case.name}: what holds is {_list(holding)}, not {_list(case.holds)}"
            yield cases.document.problem((*at, "holds"), told, "correct the policy or the case")
        if verdict.verdict is not case.verdict:
            told = f"{case.name}: the verdict is {verdict.verdict} ({verdict.reason}), not {case.verdict}"
            yield cases.document.problem((*at, "verdict"), told, "correct the policy or the case")


def ask_given(policy: Policy, given: Mapping[str, object]) -> Ruled:
    """Return what the policy's rules make of the given values; what is not given is quiet."""
    values: dict[str, Value] = {row.name: _QUIET.get(row.name, row.choices[0] if row.choices else _EMPTY[row.type]) for row in VARIABLES}
    values |= {name: _typed(_KNOWN[name], value) for name, value in given.items()}
    kind, _, name = str(values["target"]).partition(":")
    values |= {"target_type": given.get("target_type", kind), "target_name": given.get("target_name", name)}  # type: ignore[dict-item]
    return ask_rules(policy, capped([RiskFactor("given", "", float(str(values["base_risk"])))]), values)


def _typed(row: Variable, value: object) -> Value:
    if row.type is Type.NUMBER and isinstance(value, int | float):
        return float(value)
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]


def _broken_people(cases: Cases, people: People) -> Iterator[Problem]:
    for index, case in enumerate(cases.file.people):
        on = Matter(case.on.target, case.on.team, case.on.environment, case.on.tier, case.on.strategy)
        known = People((Person(case.who, frozenset(case.roles), ""),), people.rules)
        if known.may(case.who, case.action, on) is not case.allowed:
            told = f"{case.name}: {case.who} may {'not ' if case.allowed else ''}{case.action} on {on.target}"
            yield cases.document.problem(("people", index), told, "correct the rules in policy/*.cedar or the case")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "no rule"
