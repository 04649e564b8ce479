"""What a Prometheus beside this copy scrapes: a file of targets that follows the processes' ports; written by ``system.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from console.home import Home


def scraped_file(home: Home) -> Path:
    """Return the file that ``file_sd_configs`` reads; it is there while the copy runs."""
    return home.state / "prometheus-targets.json"


def scraped_text(rows: Sequence[Mapping[str, object]]) -> str:
    """Return the targets of a supervisor's rows; each says by a label which process it is, for its port is another at each start."""
    served = [row for row in rows if row["port"]]
    targets = [{"targets": [f"127.0.0.1:{row['port']}"], "labels": {"process": str(row["name"])}} for row in served]
    return json.dumps(targets, indent=2) + "\n"
