"""What the shapes of all configuration files share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, Field(pattern=NAME)]
Seconds = Annotated[float, Field(gt=0, le=30 * 24 * 3600)]


class Shape(BaseModel):
    """What all shapes share: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
