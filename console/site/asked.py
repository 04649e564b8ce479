"""What a request asks of the history, checked once: filters, how many rows, where they begin; the same for the page and programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from console.site.views import MAX_PAGE, Filters


class Asked(BaseModel):
    """The words of the address; a time without a zone is refused, for nobody could tell which is meant."""

    model_config = ConfigDict(extra="ignore")

    state: str = Field("", max_length=40)
    kind: str = Field("", max_length=80)
    target: str = Field("", max_length=200)
    strategy: str = Field("", max_length=80)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    after: str = Field("", max_length=120)

    def filters(self) -> Filters:
        """Return the filters alone."""
        return Filters(self.state, self.kind, self.target, self.strategy, self.since, self.until)


AskedHere = Annotated[Asked, Query()]
