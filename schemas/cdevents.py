"""What programs outside are told of incidents in the words of CDEvents (specification 0.5.0), carried as CloudEvents on Kafka.

The value is the JSON that the specification names, not Avro, and the ``ce_`` headers are those of the CloudEvents Kafka binding in its
binary mode: any CDEvents consumer reads them without our schemas. Made by ``console/notices/telling.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from schemas.ids import Identified, IdPart, id_of

SPECIFICATION = "0.5.0"


class CdType(StrEnum):
    """The events that are told, each with the version of its own schema."""

    INCIDENT_DETECTED = "dev.cdevents.incident.detected.0.3.0"
    INCIDENT_RESOLVED = "dev.cdevents.incident.resolved.0.3.0"
    SERVICE_ROLLEDBACK = "dev.cdevents.service.rolledback.0.3.0"


@dataclass(frozen=True, slots=True)
class CdEvent(Identified):
    """One event: ``subject`` is the incident or the service, ``artifact`` a package URL; what is empty is left out."""

    RECORD: ClassVar[str] = "CdEvent"

    type: CdType
    subject: str
    at: datetime
    source: str = "/healstream"
    description: str = ""
    environment: str = ""
    service: str = ""
    artifact: str = ""

    @property
    def key(self) -> str:
        """Return the key on the topic."""
        return self.subject

    def id_fields(self) -> tuple[IdPart, ...]:
        """Return the fields of the id: told again, it is the same event."""
        return (self.type, self.source, self.subject, self.at)

    def headers(self) -> list[tuple[str, str | bytes | None]]:
        """Return the headers of the CloudEvents Kafka binding."""
        rows = {
            "ce_specversion": "1.0",
            "ce_id": id_of(self),
            "ce_source": self.source,
            "ce_type": self.type.value,
            "ce_subject": self.subject,
            "ce_time": _time(self.at),
            "content-type": "application/json",
        }
        return [(name, text.encode()) for name, text in rows.items()]

    def body(self) -> bytes:
        """Return the event's JSON."""
        context = {"specversion": SPECIFICATION, "id": id_of(self), "source": self.source, "type": self.type.value}
        content: dict[str, object] = {"description": self.description, "artifactId": self.artifact}
        content |= {name: {"id": found} for name, found in (("environment", self.environment), ("service", self.service)) if found}
        subject = {"id": self.subject, "source": self.source, "content": {name: value for name, value in content.items() if value}}
        return json.dumps({"context": {**context, "timestamp": _time(self.at)}, "subject": subject}).encode()


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
