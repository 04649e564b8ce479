"""pip installing the requirements of a small project."""

from __future__ import annotations

from schemas.vocabulary import Kind
from tests.corpus.faults import PACKAGES
from tests.corpus.recipe import Recipe
from tests.corpus.recipes.rows import over
from tests.corpus.sites import python_index, wheel

_INDEX = python_index(
    {
        "acme-client": {"acme_client-1.4.0-py3-none-any.whl": wheel("acme_client", "1.4.0", ("acme-wire>=2",))},
        "acme-wire": {"acme_wire-2.1.3-py3-none-any.whl": wheel("acme_wire", "2.1.3")},
    }
)
_INSTALL = Recipe(
    "pip-install",
    "pip",
    "python",
    "none",
    Kind.SUCCESS,
    "python -m venv .venv\n.venv/bin/pip install --retries 1 --timeout 2 --no-cache-dir --index-url @HTTPS@/simple -r requirements.txt",
    files={"requirements.txt": "acme-client==1.4.0\n"},
    needs=("python",),
    site=_INDEX,
    env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
)
RECIPES = (
    *over(_INSTALL, ("refused", "unresolved", "hang", "reset", "500", "503", "401", "404", "expired", "self_signed", "none"), PACKAGES),
)
