"""From ``recipes/<family>.toml`` to recipes: a row that names several faults becomes one recipe for each, labelled by a table."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from schemas.errors import ConfigurationError
from schemas.vocabulary import Kind
from tests.corpus.faults import CLONE, FETCH, IMAGES, PACKAGES
from tests.corpus.recipe import NO_LIMIT, Limit, Recipe, Stop
from tests.corpus.registries import SITES

FOLDER = Path(__file__).parent / "recipes"
LABELS: Mapping[str, dict[str, Kind]] = {"fetch": dict(FETCH), "packages": dict(PACKAGES), "clone": dict(CLONE), "images": dict(IMAGES)}
_ROW = frozenset(
    {
        "id", "tool", "language", "fault", "label", "faults", "labels", "but", "script", "project", "files", "prepare", "kit", "needs",
        "site", "where", "shows", "limit", "env", "limit_seconds",
    }
)  # fmt: skip
_TUPLES = ("full", "read_only")


def read_families(folder: Path = FOLDER) -> dict[str, tuple[Recipe, ...]]:
    """Return the recipes of every file in the folder by family, the file's name; raises ConfigurationError that names file and row."""
    return {path.stem: tuple(_recipes_of(path)) for path in sorted(folder.glob("*.toml"))}


def _recipes_of(path: Path) -> Iterator[Recipe]:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    for number, row in enumerate(told["recipe"], start=1):
        place = f"{path.name}: row {number} ({row.get('id', 'without an id')})"
        unknown = set(row) - _ROW
        if unknown:
            raise ConfigurationError(place, f"it has the unknown words {sorted(unknown)}", "Use those of tests/corpus/recipe.py.")
        try:
            yield from _expanded({**told.get("defaults", {}), **row, **_of_project(told, row)})
        except (KeyError, ValueError, TypeError) as error:
            raise ConfigurationError(place, f"it is no recipe ({error!r})", "Compare it with its neighbours.") from error


def _of_project(told: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the row's project gives it: files under the row's own, and anything that the row leaves open."""
    if "project" not in row:
        return {}
    project = dict(told["project"][row["project"]])
    open_words = {key: value for key, value in project.items() if key not in row}
    return open_words | {"files": {**project.get("files", {}), **row.get("files", {})}}


def _expanded(row: Mapping[str, Any]) -> Iterator[Recipe]:
    if "faults" not in row:
        yield _recipe(row, row["id"], row["fault"], Kind(row["label"]))
        return
    # Some clients see less than the table says: what they say then goes by the rules of recognition.
    labels = LABELS[row["labels"]] | {fault: Kind(label) for fault, label in row.get("but", {}).items()}
    for fault in row["faults"]:
        yield _recipe(row, f"{row['id']}-{fault.replace('_', '-')}", fault, labels[fault])


def _recipe(row: Mapping[str, Any], id_: str, fault: str, label: Kind) -> Recipe:
    return Recipe(
        id=id_,
        tool=row["tool"],
        language=row["language"],
        fault=fault,
        label=label,
        script=row["script"].strip("\n"),
        files=row.get("files", {}),
        prepare=row.get("prepare", ""),
        kit=row.get("kit", ""),
        needs=tuple(row.get("needs", ())),
        site=SITES[row["site"]]() if "site" in row else {},
        where=row.get("where", ""),
        shows=row.get("shows", ""),
        limit=_limit(row["limit"]) if "limit" in row else NO_LIMIT,
        env=row.get("env", {}),
        limit_seconds=row.get("limit_seconds", 150),
    )


def _limit(row: Mapping[str, Any]) -> Limit:
    words: dict[str, Any] = {key: tuple(value) if key in _TUPLES else value for key, value in row.items()}
    return Limit(**{**words, "stop": Stop(row.get("stop", Stop.NEVER))})
