"""What is different in effect between two configurations, one readable line for each thing; pure, called by ``healstream config diff``.

Files, their order and their comments do not matter: strategies, thresholds, services, people and patterns do. Secrets are never shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from schemas.avro_shape import record_to_plain
from schemas.configuration import Configuration
from schemas.policy import Policy
from schemas.services import Services

_SINGULAR = {"strategies": "strategy", "services": "service", "configs": "config", "ci": "ci server", "upstreams": "upstream"}
_NAMES = ("strategy", "name", "source", "id")
_MOST_TEXT = 200
# By its name, its fields as texts.
Items = dict[str, dict[str, str]]


def differences(before: Configuration, after: Configuration) -> list[str]:
    """Return one line for each thing that is added (+), gone (-) or different (~), in the order of their names."""
    same = dict(before.patterns).items() & dict(after.patterns).items()
    old, new = items_in(_without(before, same)), items_in(_without(after, same))
    return [line for name in sorted(old.keys() | new.keys()) for line in _lines(name, old.get(name), new.get(name))]


def _without(configuration: Configuration, same: object) -> Configuration:
    # Hundreds of pattern files are alike: only the others are read.
    kept = tuple(row for row in configuration.patterns if row not in same)  # type: ignore[operator]
    return replace(configuration, patterns=kept)


def _lines(name: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Iterator[str]:
    if old is None:
        yield f"+ {name}{_said(new or {})}"
    elif new is None:
        yield f"- {name}{_said(old)}"
    else:
        for field in sorted(old.keys() | new.keys()):
            if old.get(field) != new.get(field):
                yield f"~ {name}: {field} {old.get(field, 'unset')} -> {new.get(field, 'unset')}"


def _said(fields: Mapping[str, str]) -> str:
    shown = ", ".join(f"{name} {text}" for name, text in fields.items() if text not in {"[]", '""', "null"})
    return f": {shown[:_MOST_TEXT]}" if shown else ""


def items_in(configuration: Configuration) -> Items:
    """Return everything that has an effect, by name."""
    policy = replace(configuration.policy, secrets=())
    found: Items = {}
    _add(found, "policy", record_to_plain(Policy)(policy))
    found["policy"]["secrets"] = f"{len(configuration.policy.secrets)} literals"
    _add(found, "catalogue", record_to_plain(Services)(replace(configuration.services, version="")))
    for person in configuration.people.persons:
        found[f"person {person.name}"] = {"roles": "+".join(sorted(person.roles)), "public_key": person.public_key}
    for review in configuration.reviews:
        found[f"word on pattern {review.pattern}"] = {"state": review.state.value, "by": review.by}
    for file, text in configuration.patterns:
        _add_patterns(found, file, text)
    return found


def _add(found: Items, name: str, plain: object) -> None:
    """Add a record's own fields under its name, and the named records in its lists as things of their own."""
    for field, value in plain.items() if isinstance(plain, dict) else ():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            for row in value:
                _add_row(found, name, str(field), row)
        elif isinstance(value, dict):
            found.setdefault(name, {}).update({f"{field}.{part}": _text(inner) for part, inner in value.items()})
        elif field not in _SINGULAR and not (field == "version" and name == "catalogue"):
            found.setdefault(name, {})[str(field)] = _text(value)


def _add_row(found: Items, name: str, field: str, row: Mapping[str, object]) -> None:
    known = next((key for key in _NAMES if key in row), "")
    if name in {"policy", "catalogue"} and known:
        rest = {key: value for key, value in row.items() if key != known}
        found[f"{_SINGULAR.get(field, field)} {row[known]}"] = {key: _text(value) for key, value in rest.items()}
    else:
        rows = json.loads(found.setdefault(name, {}).get(field, "[]"))
        found[name][field] = _text([*rows, row])


def _add_patterns(found: Items, file: str, text: str) -> None:
    try:
        rows = json.loads(text)["patterns"]
        for row in rows:
            found[f"pattern {row['id']}"] = {str(key): _text(value) for key, value in row.items() if key != "id"}
    except (ValueError, KeyError, TypeError):
        # A file of another release, or a broken one from an old revision: it is still told from the other.
        found[f"file {file}"] = {"text": _text(text)}


def _text(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=True, sort_keys=True, default=str)
