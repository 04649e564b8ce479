"""What mkdocs asks while it builds the site: the generated pages are put beside the written ones, and into the navigation.

Named in ``mkdocs.yml``. Generated pages exist in the built site only, so none of them can be out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
# ``mkdocs`` as a program of its own does not look into the folder that it is called in.
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.docs.site import expanded, generated_pages  # noqa: E402 - the line above makes it importable


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Spell out what the navigation says as ``kinds/*``."""
    written = [path.relative_to(config.docs_dir).as_posix() for path in sorted(Path(config.docs_dir).rglob("*.md"))]
    config.nav = expanded(config.nav, [*written, *generated_pages()])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for address, text in generated_pages().items():
        files.append(File.generated(config, address, content=text))
    return files
