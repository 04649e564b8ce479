"""From one recipe to one stored log, or to one line that says why there is none; called by ``__main__`` and by its end-to-end test."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from learning.stored_logs import StoredLog
from schemas.vocabulary import Group, group_of
from tests.corpus.dress import Ended, dress, dress_of, result_of
from tests.corpus.kits import KITS, made_kit
from tests.corpus.recipe import Recipe, Stop
from tests.corpus.sanitise import cap, private_words
from tests.corpus.stage import Ran, is_runnable_without_names, placed, run_recipe, shown


def record(recipe: Recipe, family: str, under: Path, *, has_namespace: bool) -> StoredLog | str:
    """Run the recipe and return its log; a text says in one line why there is no log."""
    missing = [tool for tool in recipe.needs if shutil.which(tool) is None]
    if missing:
        return f"{' and '.join(missing)} not installed here"
    if not has_namespace and not is_runnable_without_names(recipe):
        return "it needs names or limits that only root may make"
    kit = made_kit(recipe.kit) if recipe.kit in KITS else None
    if isinstance(kit, str):
        return kit
    with placed(recipe, under, kit, has_namespace=has_namespace) as place:
        try:
            ran = run_recipe(recipe, place)
        except subprocess.CalledProcessError as error:
            return f"its preparation failed: {' | '.join(str(error.output).strip().splitlines()[-4:])}"
        commands = [line for line in shown(recipe.script, recipe, place).strip().split("\n") if line.strip()]
    return _judged(recipe, family, ran, commands)


def _judged(recipe: Recipe, family: str, ran: Ran, commands: list[str]) -> StoredLog | str:
    """Return the log when the run shows what the recipe says; a recording whose cause is in doubt is worth nothing."""
    tail = " | ".join(ran.output.strip().splitlines()[-6:])
    if ran.is_overdue:
        return f"it was still running after {recipe.limit_seconds} s: {tail}"
    if not ran.is_met:
        return f"the fault was not met: {tail}"
    is_stopped = recipe.limit.stop is not Stop.NEVER
    if is_stopped and not ran.was_stopped:
        return f"it ended with {ran.exit_code} before it could be stopped: {tail}"
    if not is_stopped and (ran.exit_code == 0) != (group_of(recipe.label) is Group.NONE):
        return f"it ended with {ran.exit_code}, which is not what {recipe.label} does: {tail}"
    if recipe.shows and not re.search(recipe.shows, ran.output, re.MULTILINE):
        return f"its output does not show {recipe.shows!r}: {tail}"
    lines = cap(ran.output.rstrip("\n").split("\n"))
    ended = Ended(recipe.id, commands, lines, ran.exit_code, recipe.limit.stop)
    text = dress(ended)
    private = private_words(text, ("hs-corpus", "hs-kits", "hs-docker", "/root/", "/work/"))
    if private:
        return f"it names this machine or a registry: {sorted(set(private))[:4]}"
    return StoredLog(
        recipe.id,
        recipe.tool,
        family,
        recipe.language,
        recipe.fault,
        recipe.label,
        result_of(ended),
        dress_of(recipe.id, recipe.limit.stop),
        text,
        ran.exit_code,
        recipe.id,
    )
