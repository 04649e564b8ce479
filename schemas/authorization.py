"""Who may do what, as Cedar judges it: texts of rules to answers, and to faults with their places; the only home of ``cedarpy``.

Pure. ``schemas/people.py`` asks it for console, admit and executors alike, so that all judge by the text that the catalogue carries.
Nothing is allowed that no rule permits, a ``forbid`` beats every ``permit``, and a rule that cannot be evaluated denies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import cedarpy

FLEET = "fleet"
MAX_RULES_CHARS = 256 * 1024
MAX_STATEMENT_CHARS, MAX_DEPTH = 4_000, 30
# Workers know one text at a time; a few more while a folder is edited and checked.
_TEXTS_KEPT = 16
_QUOTED = re.compile(r"`([^`]+)`")
_NAMED_BY_PLACE = re.compile(r"^for policy `policy[0-9]+`[:,] ")

# What rules may speak of. Roles and actions are those of ``schemas/people.py``; an attribute that is not known is an empty text.
SCHEMA = """
entity Role enum ["viewer", "operator", "approver", "admin"];
entity Person in [Role] = { name: String };
entity Target = { type: String, name: String, team: String, environment: String, tier: String, strategy: String };
action view, approve, override, engage_switch, release_switch, promote_model, edit_pattern
  appliesTo { principal: [Person], resource: [Target] };
"""

DEFAULT_RULES = """\
// Who may do what. Nothing is allowed that no rule here permits, and a forbid beats every permit.
// docs/policy.md lists the actions and what is known of a person and a target.
@id("everybody-looks")
permit (
  principal in Role::"viewer",
  action == Action::"view",
  resource
);

@id("operators-run-the-place")
permit (
  principal in Role::"operator",
  action in [Action::"view", Action::"override", Action::"engage_switch", Action::"release_switch", Action::"edit_pattern"],
  resource
);

@id("approvers-let-things-happen")
permit (
  principal in Role::"approver",
  action in [Action::"view", Action::"approve", Action::"engage_switch", Action::"release_switch", Action::"promote_model"],
  resource
);

@id("admins-do-everything")
permit (principal in Role::"admin", action, resource);
"""


@dataclass(frozen=True, slots=True)
class Matter:
    """What an action is about: a target, or the whole fleet; a part that is not known is an empty text."""

    target: str = FLEET
    team: str = ""
    environment: str = ""
    tier: str = ""
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text of rules, and where (line and column from 1)."""

    line: int
    column: int
    what: str


@dataclass(frozen=True, slots=True)
class _Statement:
    line: int
    column: int
    text: str

    def fault(self, what: str) -> Fault:
        """Return a fault at the word that the complaint quotes, else at the statement's beginning."""
        said = _NAMED_BY_PLACE.sub("", what)
        at = next((self.text.find(word) for word in _QUOTED.findall(said) if word in self.text), 0)
        before = self.text[:at]
        column = at - before.rfind("\n") if "\n" in before else self.column + at
        return Fault(self.line + before.count("\n"), column, said)


def is_permitted(rules: str, name: str, roles: Iterable[str], action: str, matter: Matter) -> bool:
    """Tell whether the rules let the person do it there; a rule that fails while it is evaluated denies."""
    return _is_allowed(_policies(rules), name, roles, action, matter)


def is_permitted_somewhere(rules: str, name: str, roles: Iterable[str], action: str) -> bool:
    """Tell whether there may be a target on which the rules let the person do it: their conditions on targets are left out.

    It is the first check of a word whose target is known to its judge only; that one asks ``is_permitted``.
    """
    return _is_allowed(_widest(rules), name, roles, action, Matter())


def faults_in(rules: str) -> list[Fault]:
    """Return everything that is wrong with a text of rules, by the schema too."""
    if len(rules) > MAX_RULES_CHARS:
        return [Fault(1, 1, f"the rules are longer than {MAX_RULES_CHARS} characters")]
    return [statement.fault(what) for statement in _statements(rules) for what in _wrong_with(statement.text)]


def _is_allowed(policies: cedarpy.PolicySet, name: str, roles: Iterable[str], action: str, matter: Matter) -> bool:
    kind, _, rest = matter.target.partition(":")
    about = {"team": matter.team, "environment": matter.environment, "tier": matter.tier, "strategy": matter.strategy}
    person, target = {"type": "Person", "id": name}, {"type": "Target", "id": matter.target}
    entities: list[dict[str, object]] = [
        {"uid": person, "attrs": {"name": name}, "parents": [{"type": "Role", "id": str(role)} for role in roles]},
        {"uid": target, "attrs": {"type": kind, "name": rest, **about}, "parents": []},
    ]
    request = {"principal": person, "action": {"type": "Action", "id": str(action)}, "resource": target}
    answer = cedarpy.is_authorized(request, policies, entities)
    return answer.allowed and not answer.diagnostics.errors


@lru_cache(_TEXTS_KEPT)
def _policies(rules: str) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_str(rules)


@lru_cache(_TEXTS_KEPT)
def _widest(rules: str) -> cedarpy.PolicySet:
    return cedarpy.PolicySet.from_str("\n".join(_widened(statement.text) for statement in _statements(rules)))


def _widened(statement: str) -> str:
    """Return a permit without what it asks of the target, and a forbid only when it asks nothing."""
    words = list(_words(statement))
    effect = next(n for n, (_, word) in enumerate(words) if word in {"permit", "forbid"} and (n == 0 or words[n - 1][1] != "@"))
    comma = _second_comma(words[effect:])
    if words[effect][1] == "permit":
        return f"{statement[words[effect][0] : comma]}, resource);"
    return statement if [word for at, word in words if at > comma] == ["resource", ")", ";"] else ""


def _second_comma(words: Sequence[tuple[int, str]]) -> int:
    # The scope is (principal, action, resource); an action may be a list with commas of its own.
    depths = accumulate(_STEP.get(word, 0) for _, word in words)
    return [at for (at, word), depth in zip(words, depths, strict=True) if word == "," and depth == 1][1]


def _wrong_with(statement: str) -> list[str]:
    if len(statement) > MAX_STATEMENT_CHARS:
        return [f"a rule has at most {MAX_STATEMENT_CHARS} characters"]
    # Cedar reads brackets by recursion, and a deep enough text would end the process.
    if max(accumulate(_STEP.get(word, 0) for _, word in _words(statement)), default=0) > MAX_DEPTH:
        return [f"a rule has brackets in brackets at most {MAX_DEPTH} deep"]
    try:
        read = cedarpy.PolicySet.from_str(statement)
    except ValueError as error:
        return [f"this is no Cedar: {error}"]
    if len(read) == 0:
        return ["a template permits nothing by itself: write the person or role instead of ?principal and ?resource"]
    return [error.error for error in cedarpy.validate_policies(statement, SCHEMA).errors]


def _statements(rules: str) -> Iterator[_Statement]:
    begin: int | None = None
    for at, word in _words(rules):
        begin = at if begin is None else begin
        if word == ";":
            yield _statement(rules, begin, at + 1)
            begin = None
    if begin is not None:
        yield _statement(rules, begin, len(rules))


# A comment, a text in quotes (closed or not), a name, or one character that is neither space nor the beginning of those.
_WORD = re.compile(r"//[^\n]*|\"(?:\\.|[^\"\\])*\"?|[A-Za-z_]\w*|\S", re.DOTALL)
_STEP: Mapping[str, int] = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


def _words(rules: str) -> Iterator[tuple[int, str]]:
    return ((found.start(), found[0]) for found in _WORD.finditer(rules) if not found[0].startswith("//"))


def _statement(rules: str, begin: int, end: int) -> _Statement:
    line = rules.count("\n", 0, begin) + 1
    return _Statement(line, begin - rules.rfind("\n", 0, begin), rules[begin:end])
