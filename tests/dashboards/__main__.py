"""``python -m tests.dashboards``: write the dashboards anew."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.dashboards.draw import documents

FOLDER = Path(__file__).parents[2] / "infra/deploy/grafana"


def main() -> int:
    """Write every file, and remove those of dashboards that are gone."""
    found = documents()
    for path in FOLDER.glob("*.json"):
        if path.name not in found:
            path.unlink()
    for name, text in found.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
