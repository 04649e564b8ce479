"""git cloning, fetching and checking out against a remote that is not well, and steps that go wrong or right on this side."""

from __future__ import annotations

from schemas.vocabulary import Kind
from tests.corpus.faults import CLONE
from tests.corpus.recipe import Limit, Recipe
from tests.corpus.recipes.rows import over

_WHO = {
    "GIT_AUTHOR_NAME": "Acme CI",
    "GIT_AUTHOR_EMAIL": "ci@acme.example",
    "GIT_COMMITTER_NAME": "Acme CI",
    "GIT_COMMITTER_EMAIL": "ci@acme.example",
    "GIT_TERMINAL_PROMPT": "0",
}
_CLONE = Recipe(
    "git-clone",
    "git",
    "none",
    "none",
    Kind.SUCCESS,
    "git clone --depth 50 @HTTPS@/acme/app.git src\ncd src && git log -1 --oneline",
    needs=("git",),
    env=_WHO,
)
_FETCH = Recipe(
    "git-fetch",
    "git",
    "none",
    "none",
    Kind.SUCCESS,
    "git version\ngit -c protocol.version=2 fetch --no-tags --prune --no-recurse-submodules --depth=1 origin +refs/pull/812/merge:refs/remotes/pull/812/merge\ngit checkout --progress --force refs/remotes/pull/812/merge",
    prepare="git init -q . && git remote add origin @HTTPS@/acme/app",
    needs=("git",),
    env=_WHO,
)
_WIRE = (
    "refused",
    "unresolved",
    "unanswered",
    "reset",
    "empty",
    "500",
    "502",
    "503",
    "429",
    "401",
    "403",
    "404",
    "expired",
    "wrong_host",
    "not_tls",
)
_REMOTE = """git init -q -b main /tmp/none 2>/dev/null || true
git init -q -b main remote && cd remote && echo one > a.txt && git add . && git commit -qm "first" && echo two > a.txt && git commit -qam "second" && cd ..
"""


def _local(id_: str, fault: str, label: Kind, script: str, prepare: str = "", limit: Limit = Limit()) -> Recipe:  # noqa: B008 - frozen
    return Recipe(id_, "git", "none", fault, label, script, prepare=_REMOTE + prepare, needs=("git",), env=_WHO, limit=limit)


RECIPES = (
    *over(_CLONE, (*_WIRE, "portal", "no_resolver"), CLONE),
    *over(_FETCH, ("refused", "unresolved", "reset", "503", "401", "404", "expired", "truncated"), CLONE),
    _local("git-clone-missing-branch", "missing_ref", Kind.SCM_CHECKOUT, "git clone --branch release/9.1 remote src"),
    _local(
        "git-checkout-missing-commit",
        "missing_ref",
        Kind.SCM_CHECKOUT,
        "git clone -q remote src\ncd src\ngit checkout 4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d",
    ),
    _local(
        "git-fetch-missing-ref", "missing_ref", Kind.SCM_CHECKOUT, "git clone remote src\ncd src\ngit fetch origin +refs/pull/99/merge:"
    ),
    _local("git-clone-missing-repository", "missing_repository", Kind.SCM_CHECKOUT, "git clone ./no-such-repository src"),
    _local("git-clone-not-empty", "dirty_tree", Kind.SCM_CHECKOUT, "git clone remote src", "mkdir src && touch src/left-over\n"),
    _local(
        "git-checkout-dirty",
        "dirty_tree",
        Kind.SCM_CHECKOUT,
        "cd src\ngit checkout HEAD~1",
        "git clone -q remote src && echo local > src/a.txt\n",
    ),
    _local(
        "git-index-lock",
        "left_over_lock",
        Kind.SCM_CHECKOUT,
        "cd src\ngit reset --hard origin/main",
        "git clone -q remote src && touch src/.git/index.lock\n",
    ),
    _local(
        "git-submodule-missing",
        "missing_ref",
        Kind.SCM_CHECKOUT,
        "git clone remote src\ncd src\ngit -c protocol.file.allow=always submodule update --init --recursive",
        "cd remote && git -c protocol.file.allow=always submodule --quiet add ../remote vendor/lib && git update-index --cacheinfo 160000,1234567890123456789012345678901234567890,vendor/lib && git commit -qm sub\n",
    ),
    _local(
        "git-corrupt-object",
        "corrupt_cache",
        Kind.INTEGRITY_OR_CACHE,
        "cd src\ngit fsck --full\ngit checkout HEAD~1",
        "git clone -q --no-hardlinks remote src && cd src && f=$(find .git/objects -type f -path '*/??/*' | sort | head -1) && chmod u+w $f && echo broken > $f\n",
    ),
    _local(
        "git-clone-disk-full",
        "full_disk",
        Kind.DISK_FULL,
        "git clone --no-local ../tmp/remote src",
        "cd remote && head -c 3000000 /dev/urandom > blob.bin && git add . && git commit -qm blob && mv ../remote ../../tmp/remote\n",
        Limit(full=("app",), room_kib=2000),
    ),
    _local(
        "git-rebase-conflict",
        "conflict",
        Kind.SCM_CHECKOUT,
        "cd src\ngit rebase origin/main",
        "git clone -q remote src && cd remote && echo three > a.txt && git commit -qam third && cd ../src && echo mine > a.txt && git commit -qam mine && git fetch -q\n",
    ),
    _local(
        "git-clone-fine",
        "none",
        Kind.SUCCESS,
        "git clone --no-local remote src\ncd src\ngit log -1 --format=%s\ngit checkout --detach HEAD~1",
    ),
    _local(
        "git-fetch-fine",
        "none",
        Kind.SUCCESS,
        "git init src\ncd src\ngit remote add origin ../remote\ngit fetch --no-tags --progress origin main\ngit checkout -B main origin/main\ngit status",
    ),
)
