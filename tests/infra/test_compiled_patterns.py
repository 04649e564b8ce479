"""The cache of compiled patterns: what is whole comes back, what is broken or gone is nothing, and old files go."""

from __future__ import annotations

from pathlib import Path

from infra.compiled_patterns import KEPT_FILES, CompiledPatterns


def test_what_was_kept_comes_back_and_what_was_cut_does_not(tmp_path: Path) -> None:
    store = CompiledPatterns.in_cache({"XDG_CACHE_HOME": str(tmp_path)})
    store.put("k", b"compiled")
    assert (store.get("k"), store.get("other")) == (b"compiled", None)
    file = tmp_path / "healstream" / "patterns" / "k.hsdb"
    file.write_bytes(file.read_bytes()[:-1])
    assert store.get("k") is None


def test_a_folder_that_refuses_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = CompiledPatterns(tmp_path / "file" / "below")
    store.put("k", b"compiled")
    assert store.get("k") is None


def test_only_the_newest_files_stay(tmp_path: Path) -> None:
    store = CompiledPatterns(tmp_path)
    for number in range(KEPT_FILES + 3):
        store.put(str(number), b"compiled")
    assert len(list(tmp_path.iterdir())) == KEPT_FILES
