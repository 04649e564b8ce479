"""From what a person types to the configuration that is meant: the folder, what is published, a kept version, or a git revision.

Called by ``healstream config diff|rollback``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from console.backup import as_files, is_ours, whole_files
from console.config_candidate import candidate_in
from console.config_versions import chosen, kept_sets
from console.configuration import configuration_of
from console.home import Home
from console.keys import load_key
from console.plugins import known_cards
from console.system_paths import shipped_patterns
from infra.adapters.git_revision import files_at
from infra.kafka import read_to_end
from schemas.configuration import Configuration, Keys, configuration_from
from schemas.errors import ConfigurationError, NotFoundError
from schemas.oversight import CatalogueEntry
from schemas.signing import public_text

FOLDER, PUBLISHED, GIT = "folder", "published", "git:"


def configuration_at(source: str, home: Home, brokers: str) -> Configuration:
    """Return the configuration of a source; raises what says why there is none."""
    if source == PUBLISHED:
        return published(home, brokers)
    if source == FOLDER:
        return candidate_in(home.config, home.config, shipped_patterns())
    if "/" in source and not source.startswith(GIT):
        return candidate_in(Path(source), home.config, shipped_patterns())
    return checked(source, files_of(source, home))


def published(home: Home, brokers: str) -> Configuration:
    """Return what is on the topic; raises UnreachableError or NotFoundError."""
    key = os.environ.get("HEALSTREAM_PUBLISHER_KEY", "") or public_text(load_key(home.keys / "publisher.key"))
    entries = [record for record in read_to_end(brokers, "heal.catalogue") if isinstance(record, CatalogueEntry)]
    found = configuration_from(entries, key)
    if isinstance(found, str):
        raise NotFoundError("published configuration", found, "Publish one with `healstream config publish`")
    return found


def files_of(source: str, home: Home) -> dict[str, str]:
    """Return the files of a kept version or a git revision as they were kept; raises what says why they cannot be had."""
    if not source.startswith(GIT):
        return whole_files(chosen(kept_sets(home), source).store())
    found = files_at(home.config, source.removeprefix(GIT))
    try:
        return {name: content.decode("utf-8") for name, content in found.items() if is_ours(name)}
    except UnicodeDecodeError as error:
        raise ConfigurationError(source, f"a file is no UTF-8: {error}", "Name another revision") from error


def checked(source: str, files: Mapping[str, str]) -> Configuration:
    """Return the configuration that the files of a source are; raises ConfigurationError with every mistake's place."""
    configuration = configuration_of(as_files(files, shipped_patterns()), Keys(), known_cards())
    if isinstance(configuration, Configuration):
        return configuration
    raise ConfigurationError(source, "\n".join(map(str, configuration)), "Name another version; nothing was changed")
