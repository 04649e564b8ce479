"""One pattern that no tool prints: what the tests of custom patterns write into a folder or publish."""

from __future__ import annotations

import json

OWN_ROW: dict[str, object] = {
    "id": "flux-phase",
    "kind": "environment_config",
    "title": "The flux is out of phase",
    "expressions": ["flux is out of phase"],
    "weight": 0.95,
    "examples": ["the flux is out of phase", "flux is out of phase now"],
    "counter_examples": ["the flux", "out of phase"],
    "source": "ours",
    "since": "1.1",
}


def own_file(**other: object) -> str:
    """Return the text of a pattern file that holds it, with fields changed."""
    return json.dumps({"family": "own", "patterns": [{**OWN_ROW, **other}]})
