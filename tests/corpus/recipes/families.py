"""Every family of recipes by the name of its file of recordings; the order is of no account."""

from __future__ import annotations

from collections.abc import Mapping

from tests.corpus.recipe import Recipe
from tests.corpus.recipes import downloads, git, pip

FAMILIES: Mapping[str, tuple[Recipe, ...]] = {
    "downloads": downloads.RECIPES,
    "git": git.RECIPES,
    "pip": pip.RECIPES,
}
