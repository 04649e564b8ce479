"""What all shapes of the configuration files share; used by ``console/file_shapes.py`` and ``console/window_shapes.py``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, Field(pattern=NAME)]


class Shape(BaseModel):
    """What all shapes share: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
