"""Write the ``.avsc`` files from the records' classes: ``python -m schemas.write_avsc FOLDER``, called by ``make schemas``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from schemas.avro_shape import schema_of
from schemas.topics import ALL_RECORDS


def avsc_texts() -> dict[str, str]:
    """Return file name -> text for every record that crosses a topic."""
    return {f"{record.RECORD}.avsc": json.dumps(schema_of(record), indent=1) + "\n" for record in ALL_RECORDS}


def main(folder: Path) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in avsc_texts().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
