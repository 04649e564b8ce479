"""A record that the broker did not take is never reported as delivered."""

from __future__ import annotations

import pytest

from infra.broker.server import free_ports
from infra.kafka import deliver
from schemas.avro_codec import Codec
from schemas.errors import UnreachableError
from schemas.events import HealthCheck, HealthStatus
from tests.support.records import AT


def test_records_that_were_given_up_are_counted_and_named_unreachable() -> None:
    checks = [HealthCheck("service:web", "tcp", HealthStatus.PASS, AT), HealthCheck("service:db", "tcp", HealthStatus.PASS, AT)]
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(UnreachableError, match="did not take 2 of 2 records") as raised:
        deliver(address, checks, Codec([HealthCheck]), 0.3)
    assert raised.value.exit_code == 5
