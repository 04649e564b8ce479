"""Train the shipped classifier anew from the shipped patterns: ``python -m learning.write_model FOLDER``, called by ``make model``."""

from __future__ import annotations

import sys
from pathlib import Path

from learning.patterns.loader import Catalogue, load_catalogue, read_folder
from learning.patterns.matcher import Matcher
from learning.training import model_text, train_model

# Any number would do; a fixed one makes the model the same everywhere.
SEED = 7


def main(folder: Path) -> int:
    """Write ``model.json`` beside the patterns; return 1 with their problems when they do not load."""
    loaded = load_catalogue(read_folder(folder))
    if not isinstance(loaded, Catalogue):
        sys.stderr.writelines(f"{problem}\n" for problem in loaded)
        return 1
    (folder / "model.json").write_text(model_text(train_model(Matcher(loaded), SEED).snapshot()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
