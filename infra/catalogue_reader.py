"""The configuration as it stands on ``heal.catalogue``; every worker reads it from there, so that no two disagree."""

from __future__ import annotations

import time

from infra.kafka import read_to_end
from schemas.configuration import Configuration, configuration_from
from schemas.errors import UnreachableError
from schemas.oversight import CatalogueEntry

_RETRY_S = 0.2


def read_configuration(brokers: str, publisher_key: str, deadline_s: float = 30.0) -> Configuration:
    """Return the published configuration, waiting for the publisher until the deadline; raises UnreachableError with the reason."""
    end = time.monotonic() + deadline_s
    while True:
        entries = [record for record in read_to_end(brokers, "heal.catalogue") if isinstance(record, CatalogueEntry)]
        found = configuration_from(entries, publisher_key)
        if isinstance(found, Configuration):
            return found
        if time.monotonic() > end:
            raise UnreachableError("configuration", found, "Publish it: `healstream up` does, or check HEALSTREAM_PUBLISHER_KEY")
        time.sleep(_RETRY_S)
