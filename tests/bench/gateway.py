"""What the gateway costs: processor time a request beside the bare handler's on one broker in turns, and its answers at 200 a second."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from infra.broker.install import cache_folder, install
from schemas.policy import Policy
from tests.bench.figures import Figure, at_least, below, quantile
from tests.support.gateway import signed
from tests.support.gateway_process import GatewayProcess
from tests.support.github_hooks import workflow_job
from tests.support.whole_system import WholeSystem

ROUNDS = 4
REQUESTS = 250
AT_ONCE = 16
RATE = 200
STEADY_S = 10
SENDERS = 32


def requests(name: str, count: int) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Yield signed deliveries of a failed job, each of another run, as large as GitHub's."""
    for number in range(count):
        body = json.dumps({**workflow_job(run_id=f"{name}-{number}"), "padding": "x" * 12_000}).encode()
        yield (
            body,
            {**signed(body), "X-GitHub-Event": "workflow_job", "X-GitHub-Delivery": f"{name}-{number}", "Content-Type": "application/json"},
        )


async def flood(url: str, name: str) -> None:
    """Post all, so many at once; raises SystemExit for an answer that is not 202."""
    waiting = list(requests(name, REQUESTS))
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:

        async def drain() -> None:
            while waiting:
                body, headers = waiting.pop()
                answer = await client.post("/ingest/github", content=body, headers=headers)
                if answer.status_code != 202:
                    raise SystemExit(f"{answer.status_code} {answer.text}")

        await asyncio.gather(*(drain() for _ in range(AT_ONCE)))


def cpu_s(process: GatewayProcess) -> float:
    """Return the processor time that a process has used."""
    times = psutil.Process(process.process.pid).cpu_times()
    return float(times.user + times.system)


def cost_ratio(ours: GatewayProcess, bare: GatewayProcess) -> tuple[float, float, float]:
    """Return how much of the bare handler's requests ours serves in the same processor time, and milliseconds a request of both."""
    spent = {ours.url: 0.0, bare.url: 0.0}
    for number in range(-1, ROUNDS):
        for process in (ours, bare):
            before = cpu_s(process)
            asyncio.run(flood(process.url, f"r{number}"))
            # The first round only warms both up.
            spent[process.url] += (cpu_s(process) - before) * (number >= 0)
    each = [1000 * spent[one.url] / (ROUNDS * REQUESTS) for one in (ours, bare)]
    return each[1] / each[0], each[0], each[1]


async def steady(url: str) -> list[float]:
    """Return the milliseconds to each answer at a steady rate, measured from when each was due, however late it could be sent."""
    took: list[float] = []
    begun = time.perf_counter() + 0.5
    waiting = enumerate(list(requests("steady", RATE * STEADY_S)))
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:

        async def drain() -> None:
            # Few senders that take turns: a client with a thousand requests in its pool measures itself.
            for number, (body, headers) in waiting:
                due = begun + number / RATE
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                answer = await client.post("/ingest/github", content=body, headers=headers)
                if answer.status_code != 202:
                    raise SystemExit(f"{answer.status_code} {answer.text}")
                took.append(1000 * (time.perf_counter() - due))

        await asyncio.gather(*(drain() for _ in range(SENDERS)))
    return took


def measure() -> list[Figure]:
    """Return both figures; both servers run beside one broker the whole time."""
    with tempfile.TemporaryDirectory() as folder:
        system = WholeSystem(Path(folder), install(cache_folder(os.environ)))
        ours = GatewayProcess(system.broker.address, Path(folder))
        bare = GatewayProcess(system.broker.address, Path(folder), "tests.bench.bare_gateway", {"PYTHONPATH": "."})
        try:
            system.start_broker(Policy())
            ours.start()
            bare.start()
            ratio, ours_ms, bare_ms = cost_ratio(ours, bare)
            took = asyncio.run(steady(ours.url))
        finally:
            for process in (ours, bare):
                if hasattr(process, "process"):
                    process.close()
            system.close()
    how = f"{ROUNDS} x {REQUESTS} signed 13 KiB deliveries in turns, CPU {ours_ms:.2f} ms beside {bare_ms:.2f} ms a request"
    steady_how = f"{RATE}/s for {STEADY_S} s, from when each was due to its 202 (acknowledged by Kafka); p50 {quantile(took, 0.5):.1f} ms"
    return [
        at_least("gateway_over_bare_handler", ratio, "ratio", 0.5, how),
        below("gateway_p99", quantile(took, 0.99), "ms", 100, steady_how),
    ]
