"""What the gateway costs: processor time a request beside the bare handler's in turns, and the answers of both at 200 a second."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from infra.broker.install import cache_folder, install
from schemas.policy import Policy
from tests.bench.figures import Figure, at_least, below, quantile
from tests.bench.open_loop import Sent, request_bytes, send_all
from tests.support.gateway import signed
from tests.support.gateway_process import GatewayProcess
from tests.support.github_hooks import workflow_job
from tests.support.whole_system import WholeSystem

ROUNDS = 4
REQUESTS = 250
AT_ONCE = 16
RATE = 200
WARM_S, STEADY_S = 3, 10


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


def steady(process: GatewayProcess, name: str) -> tuple[Sent, float]:
    """Return what a server answered like at a steady rate, after a warm-up at the same, and the milliseconds of its processor a request."""
    wired = [request_bytes(process.url, "/ingest/github", headers, body) for body, headers in requests(name, RATE * (WARM_S + STEADY_S))]
    asyncio.run(send_all(process.url, wired[: RATE * WARM_S], RATE))
    before = cpu_s(process)
    sent = asyncio.run(send_all(process.url, wired[RATE * WARM_S :], RATE))
    return sent, 1000 * (cpu_s(process) - before) / (RATE * STEADY_S)


def told(sent: Sent, cpu_ms: float) -> str:
    """Return in words what one server answered like, and what it and the client needed for that."""
    took = f"p50 {quantile(sent.took, 0.5):.1f} ms, p99 {quantile(sent.took, 0.99):.1f} ms, CPU {cpu_ms:.2f} ms a request"
    return f"{took}, the client's own {sent.cpu:.2f} ms and its sending late by p99 {quantile(sent.late, 0.99):.1f} ms"


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
            answered, beside = steady(ours, "steady"), steady(bare, "steady")
        finally:
            for process in (ours, bare):
                if hasattr(process, "process"):
                    process.close()
            system.close()
    how = f"{ROUNDS} x {REQUESTS} signed 13 KiB deliveries in turns, CPU {ours_ms:.2f} ms beside {bare_ms:.2f} ms a request"
    rule = f"{RATE}/s for {STEADY_S} s after {WARM_S} s, from when each was due to its 202 (acknowledged by Kafka)"
    return [
        at_least("gateway_over_bare_handler", ratio, "ratio", 0.5, how),
        below("gateway_p99", quantile(answered[0].took, 0.99), "ms", 100, f"{rule}; {told(*answered)}; bare handler {told(*beside)}"),
    ]
