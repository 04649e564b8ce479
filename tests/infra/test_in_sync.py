"""When a cluster can spare one of its brokers, from what its metadata tell."""

from __future__ import annotations

import pytest

from infra.adapters.in_sync import Replicas, judge_replicas

THREE = Replicas("orders/0", (1, 2, 3), (1, 2, 3))


@pytest.mark.parametrize(
    ("alive", "partitions", "why"),
    [
        ({1, 2, 3}, [THREE], ""),
        ({2, 3}, [Replicas("orders/0", (1, 2, 3), (2, 3))], ""),
        ({2, 3}, [Replicas("orders/0", (1, 2, 3), (2,)), Replicas("once/0", (1,), (1,))], ""),
        ({3}, [Replicas("orders/0", (1, 2, 3), (3,))], "2 brokers are down: 1, 2"),
        ({2, 3}, [Replicas("orders/0", (1, 2), (1,))], "orders/0 has no replica in sync that lives"),
        ({1}, [], ""),
    ],
    ids=["all well", "one is down", "what lies on one broker only", "two are down", "the last one in sync is down", "nothing is kept"],
)
def test_one_broker_may_be_down_as_long_as_no_data_hang_on_it(alive: set[int], partitions: list[Replicas], why: str) -> None:
    assert judge_replicas(alive, partitions) == why
