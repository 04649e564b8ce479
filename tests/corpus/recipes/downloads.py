"""curl and wget fetching a file that the job needs."""

from __future__ import annotations

from schemas.vocabulary import Kind
from tests.corpus.faults import FETCH
from tests.corpus.recipe import Recipe
from tests.corpus.recipes.rows import over

_FILE = {"/tools/sdk-4.2.1.tar.gz": b"\x1f\x8b" + bytes(range(256)) * 64}
_SUM = {"/tools/sdk-4.2.1.sha256": b"0f3c5d7e9a1b2c4d6e8f0a1b3c5d7e9f0a1b2c3d4e5f60718293a4b5c6d7e8f9  sdk-4.2.1.tar.gz\n"}
_ALL = (
    "refused",
    "unresolved",
    "unanswered",
    "hang",
    "reset",
    "empty",
    "500",
    "503",
    "429",
    "401",
    "403",
    "404",
    "expired",
    "self_signed",
    "wrong_host",
    "not_tls",
)
_CURL = Recipe(
    "curl",
    "curl",
    "none",
    "none",
    Kind.SUCCESS,
    "curl -fsSL --connect-timeout 5 --max-time 8 -o sdk.tar.gz @HTTPS@/tools/sdk-4.2.1.tar.gz\ntar tzf sdk.tar.gz > /dev/null",
    needs=("curl",),
    site=_FILE,
)
_LOUD = Recipe(
    "curl-progress",
    "curl",
    "none",
    "none",
    Kind.SUCCESS,
    'echo "Installing SDK 4.2.1"\ncurl -fLO --connect-timeout 4 --max-time 6 --retry 2 --retry-delay 1 --retry-all-errors @HTTPS@/tools/sdk-4.2.1.tar.gz\necho installed',
    needs=("curl",),
    site=_FILE,
)
_WGET = Recipe(
    "wget",
    "wget",
    "none",
    "none",
    Kind.SUCCESS,
    "wget --tries=2 --waitretry=1 --timeout=3 --retry-on-http-error=500 @HTTPS@/tools/sdk-4.2.1.tar.gz",
    files={"~/.wgetrc": "ca_certificate = @CA@\n"},
    needs=("wget",),
    site=_FILE,
)
RECIPES = (
    *over(_CURL, _ALL, FETCH),
    *over(
        _LOUD,
        (
            "refused",
            "reset_body",
            "truncated",
            "hang",
            "502",
            "504",
            "429_short",
            "unknown_authority",
            "no_resolver",
            "flaky_503",
            "flaky_reset",
            "flaky_429",
        ),
        FETCH,
    ),
    *over(_WGET, (*_ALL, "truncated", "reset_body", "no_resolver", "502", "flaky_500", "flaky_truncated", "none", "loop"), FETCH),
    Recipe(
        "curl-checksum",
        "curl",
        "none",
        "wrong_content",
        Kind.INTEGRITY_OR_CACHE,
        "curl -fsSLO @HTTPS@/tools/sdk-4.2.1.tar.gz\ncurl -fsSLO @HTTPS@/tools/sdk-4.2.1.sha256\nsha256sum -c sdk-4.2.1.sha256",
        needs=("curl", "sha256sum"),
        site=_FILE | _SUM,
        where="tar.gz",
    ),
)
