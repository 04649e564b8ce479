"""The JSON Schema of a workflow file, for editors: ``python -m console.workflow_schema FILE``. A test holds the stored file current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from console.workflow_shapes import WorkflowFile


def schema_text() -> str:
    """Return the schema as JSON text."""
    schema = WorkflowFile.model_json_schema(by_alias=True)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
