"""A configuration that is not in force: a whole folder, or a folder of policy files over the other files that are in force.

Called by ``healstream replay --policy`` and ``healstream config diff``.
"""

from __future__ import annotations

from pathlib import Path

from console.configuration import HEALSTREAM, POLICY, Files, configuration_of, read_folder
from console.plugins import known_cards
from schemas.configuration import Configuration, Keys
from schemas.errors import ConfigurationError


def candidate_in(folder: Path, current: Path, shipped_patterns: Path) -> Configuration:
    """Return the candidate; raises ConfigurationError with the place of each mistake."""
    whole = (folder / HEALSTREAM).is_file()
    files = read_folder(folder, shipped_patterns) if whole else _over(folder, read_folder(current, shipped_patterns))
    found = configuration_of(files, Keys(), known_cards())
    if isinstance(found, Configuration):
        return found
    said = "\n".join(map(str, found))
    raise ConfigurationError(str(folder), said, "Correct the named lines; nothing was changed")


def _over(folder: Path, current: Files) -> Files:
    try:
        texts = {f"{POLICY}{path.name}": path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(folder), str(error), "Make the files readable UTF-8") from error
    if not texts:
        raise ConfigurationError(str(folder), f"it has neither {HEALSTREAM} nor a policy file", "Name a folder with one of them")
    return Files({name: text for name, text in current.texts.items() if not name.startswith(POLICY)} | texts, current.patterns)
