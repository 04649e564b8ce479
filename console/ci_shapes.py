"""The shape of one CI server of ``services.yaml``: how it is logged in to, and what of it is asked for and written."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from console.shape import Name, Shape
from schemas.services import CiApp, CiReport, CiServer

HOST = r"^(\*\.)?[a-z0-9]([a-z0-9-]{0,62})(\.[a-z0-9]([a-z0-9-]{0,62}))*$"
_NUMBER = r"^[0-9]{1,20}$"


class CiAppRow(Shape):
    """An App by whose key short-lived tokens are asked for."""

    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.]{1,40}$")]
    installation_id: Annotated[str, Field(pattern=_NUMBER)]
    key_file: Annotated[str, Field(min_length=1)]

    def record(self) -> CiApp:
        """Return the record."""
        return CiApp(self.app_id, self.installation_id, self.key_file)


class CiRow(Shape):
    """One GitHub-shaped server."""

    source: Name
    api_url: Annotated[str, Field(pattern=r"^https?://")]
    token_file: str = ""
    projects: Annotated[tuple[str, ...], Field(min_length=1)]
    app: CiAppRow | None = None
    fetch_logs: bool = False
    log_hosts: Annotated[tuple[Annotated[str, Field(pattern=HOST)], ...], Field(max_length=20)] = ()
    reports: tuple[CiReport, ...] = ()

    @model_validator(mode="after")
    def _one_login(self) -> Self:
        if self.app and self.token_file:
            raise ValueError("an app gets its own tokens: leave token_file out, or the app")
        return self

    def record(self) -> CiServer:
        """Return the record."""
        app = self.app.record() if self.app else None
        return CiServer(self.source, self.api_url, self.token_file, self.projects, app, self.fetch_logs, self.log_hosts, self.reports)
