"""How a probe looks at the world: a process, a TCP port, an HTTP page, a metric, a file against its pinned git blob, a disk's use.

No decision is made here: one look, one status and one line of why. Called by ``streams/prober.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import ClassVar
from urllib.parse import urlsplit

from infra.adapters.allowed_hosts import may_ask
from infra.adapters.authorities import trusted
from infra.adapters.bounded_run import run_bounded
from infra.adapters.cache_checks import broken_entries
from infra.adapters.certificate_look import look_at_certificate
from infra.adapters.cluster import Cluster
from infra.adapters.cluster_looks import IN_CLUSTER, look_in_cluster
from infra.adapters.containers import Containers
from infra.adapters.dial import connect_to, status_of
from infra.adapters.disk_usage import usage_of
from infra.adapters.git_files import MAX_BYTES, pinned_content
from infra.adapters.in_sync import why_out_of_sync
from infra.adapters.launch import pid_in, start_ticks
from infra.adapters.limits import Limits
from infra.adapters.lockfiles import Lockfiles
from infra.adapters.look import Figure, Look
from infra.adapters.prometheus import Prometheus
from infra.adapters.systemctl import Systemctl
from schemas.attempts import ContainerState
from schemas.events import HealthStatus
from schemas.probes import ASKS_PROMETHEUS, ProbeKind, ProbeSpec
from schemas.recoveries import Condition
from schemas.services import Services
from schemas.targets.container import ContainerSpec
from schemas.targets.spec import spec_for
from schemas.watches import watches_of

_ASKS_OTHERS = ASKS_PROMETHEUS | {ProbeKind.COMMAND}
# How a check tells what it saw, as plug-ins of Nagios do; what they do not know, and any other number, is no word on the target.
_BY_EXIT_CODE = {0: HealthStatus.PASS, 1: HealthStatus.DEGRADED, 2: HealthStatus.FAIL}


@dataclass(frozen=True, slots=True)
class Probes:
    """The looks; ``allowed`` are the hosts beside loopback that may be asked by HTTP or TCP."""

    services: Services
    allowed: frozenset[str] = frozenset()
    containers: Containers = field(default_factory=Containers.here)
    systemctl: Systemctl = Systemctl()
    cluster: Cluster = field(default_factory=Cluster.here)

    async def look(self, probe: ProbeSpec) -> Look:
        """Look once; never longer than the probe's time-out, and whatever the target does ends as a status."""
        try:
            async with asyncio.timeout(probe.timeout_s):
                return await self._LOOKS[probe.kind](self, probe)
        except TimeoutError:
            # Who is silent here is asked about the target, and is not the target.
            silent = HealthStatus.DEGRADED if probe.kind in _ASKS_OTHERS else HealthStatus.FAIL
            return Look(silent, f"no answer within {probe.timeout_s:g} s")

    async def _process(self, probe: ProbeSpec) -> Look:
        pid = pid_in(Path(probe.address))
        if pid is None:
            return Look(HealthStatus.FAIL, "no pid file, or no number in it")
        # A zombie has no start any more as far as this is concerned: it serves nobody.
        return Look(HealthStatus.PASS) if start_ticks(pid) is not None else Look(HealthStatus.FAIL, f"process {pid} is not alive")

    async def _tcp(self, probe: ProbeSpec) -> Look:
        host, _, port = probe.address.rpartition(":")
        if not may_ask(host, self.allowed) or not port.isdecimal():
            return Look(HealthStatus.FAIL, "not a port of loopback or of an allowed host")
        try:
            sock = await connect_to(host.strip("[]"), int(port))
        except (OSError, OverflowError) as error:
            return Look(HealthStatus.FAIL, f"{probe.address}: {error}"[:300])
        sock.close()
        return Look(HealthStatus.PASS)

    async def _http(self, probe: ProbeSpec) -> Look:
        try:
            parts = urlsplit(probe.address)
            if parts.scheme not in {"http", "https"} or not may_ask(parts.hostname or "", self.allowed):
                return Look(HealthStatus.FAIL, "not a page of loopback or of an allowed host")
            # Only the head is read: a target must not be able to feed us an endless page.
            code = await status_of(parts, trusted)
        except (OSError, OverflowError, ValueError) as error:
            return Look(HealthStatus.FAIL, f"{type(error).__name__}: {error}"[:300])
        if code in probe.statuses if probe.statuses else 200 <= code < 300:
            return Look(HealthStatus.PASS, str(code))
        # "Too many requests" comes from something that lives and has too much to do.
        return Look(HealthStatus.DEGRADED if code == 429 else HealthStatus.FAIL, f"answered {code}")

    async def _container(self, probe: ProbeSpec) -> Look:
        spec = spec_for(probe.address, self.services.containers)
        if spec is None:
            return Look(HealthStatus.FAIL, f"the catalogue has no container {probe.address!r}")
        state = await asyncio.to_thread(self.containers.state, spec.name)
        if state is None:
            # An engine that is silent says nothing of one container.
            return Look(HealthStatus.DEGRADED, "the engine does not answer")
        return judge_container(spec, state, probe.kind)

    async def _disk(self, probe: ProbeSpec) -> Look:
        spec = spec_for(probe.address, self.services.disks)
        if spec is None:
            return Look(HealthStatus.FAIL, f"the catalogue has no disk {probe.address!r}")
        try:
            percent = (await asyncio.to_thread(usage_of, spec)).percent_without()
        except OSError as error:
            # Nothing can be said of its use: somebody has to look, nothing is to be removed.
            return Look(HealthStatus.DEGRADED, f"cannot be read: {error.strerror}")
        status = HealthStatus.FAIL if percent >= spec.full_percent else HealthStatus.PASS
        # Below that there is nothing to heal, and so nothing to foretell.
        is_early = 0 < spec.early_percent <= percent
        figures = (Figure("probe_disk_fill_ratio", "1", percent / spec.full_percent),) if is_early else ()
        return Look(status, f"{percent:.1f} % used", figures)

    async def _cache(self, probe: ProbeSpec) -> Look:
        spec = spec_for(probe.address, self.services.caches)
        if spec is None:
            return Look(HealthStatus.FAIL, f"the catalogue has no cache {probe.address!r}")
        bad = await asyncio.to_thread(broken_entries, spec)
        if bad is None:
            # Nothing can be said of its entries: somebody has to look, nothing is to be rebuilt.
            return Look(HealthStatus.DEGRADED, "its entries cannot be checked")
        return Look(HealthStatus.FAIL, f"{len(bad)} broken, the first is {bad[0][0]}"[:300]) if bad else Look(HealthStatus.PASS)

    async def _unit(self, probe: ProbeSpec) -> Look:
        if not any(spec.unit == probe.address for spec in self.services.services if spec.unit):
            return Look(HealthStatus.FAIL, f"the catalogue has no unit {probe.address!r}")
        state = await asyncio.to_thread(self.systemctl.state, probe.address)
        if state is None:
            # Nothing can be said of it: somebody has to look, nothing is to be started.
            return Look(HealthStatus.DEGRADED, "systemd does not answer")
        return Look(HealthStatus.PASS if state.is_alive else HealthStatus.FAIL, f"{state.active} ({state.sub}), {state.result}")

    async def _command(self, probe: ProbeSpec) -> Look:
        if not any(watch.probe.argv == probe.argv for watch in watches_of(self.services)):
            return Look(HealthStatus.DEGRADED, "the catalogue has no such command")
        # A little less, so that it is ended before the look is over.
        ran = await asyncio.to_thread(run_bounded, probe.argv, Path("/"), probe.timeout_s * 0.9, Path(gettempdir()))
        status = _BY_EXIT_CODE.get(ran.code, HealthStatus.DEGRADED)
        return Look(status, f"ended with {ran.code}: {ran.tail.splitlines()[0] if ran.tail else ''}"[:300])

    async def _metric(self, probe: ProbeSpec) -> Look:
        seen = await asyncio.to_thread(Prometheus(self.services.prometheus, self.allowed).ask, probe)
        # A figure that is bad, or that nobody knows, does not say that the service is down.
        return Look(HealthStatus.PASS if seen.condition is Condition.WELL else HealthStatus.DEGRADED, seen.detail)

    _LOOKS: ClassVar[Mapping[ProbeKind, Callable[[Probes, ProbeSpec], Awaitable[Look]]]] = {
        ProbeKind.PROCESS: _process,
        ProbeKind.TCP: _tcp,
        ProbeKind.HTTP: _http,
        ProbeKind.FILE_HASH: lambda self, probe: asyncio.to_thread(_compare, self.services, probe.address),
        ProbeKind.DISK_USAGE: _disk,
        ProbeKind.CONTAINER_RUNNING: _container,
        ProbeKind.CONTAINER_MEMORY: _container,
        ProbeKind.CONTAINER_IMAGE: _container,
        ProbeKind.CACHE_DIGEST: _cache,
        ProbeKind.LOCKFILE: lambda self, probe: asyncio.to_thread(_ask_lockfile, self.services, probe.address),
        ProbeKind.LIMIT_USE: lambda self, probe: asyncio.to_thread(_read_limit, self.services, probe.address),
        ProbeKind.IN_SYNC: lambda self, probe: _ask_cluster(self.allowed, probe),
        ProbeKind.UNIT: _unit,
        ProbeKind.PROMETHEUS: _metric,
        ProbeKind.ALERT: _metric,
        ProbeKind.CERTIFICATE: lambda self, probe: look_at_certificate(self.allowed, probe),
        ProbeKind.COMMAND: _command,
        **dict.fromkeys(IN_CLUSTER, lambda self, probe: asyncio.to_thread(look_in_cluster, self.cluster, self.services, probe)),
    }


def judge_container(spec: ContainerSpec, state: ContainerState, kind: ProbeKind) -> Look:
    """Return what one look at a container says: that it runs, that it has not run out of memory, that a bad image has not ended it."""
    if not state.exists:
        return Look(HealthStatus.FAIL if kind is ProbeKind.CONTAINER_RUNNING else HealthStatus.PASS, "there is no such container")
    ended = f"ended with {state.exit_code}"
    failed = {
        ProbeKind.CONTAINER_MEMORY: not state.running and state.out_of_memory,
        ProbeKind.CONTAINER_IMAGE: not state.running and not state.out_of_memory and state.image != spec.image,
    }
    if failed.get(kind, not state.running):
        return Look(HealthStatus.FAIL, f"{ended}, out of memory" if state.out_of_memory else ended)
    return Look(HealthStatus.PASS)


def _read_limit(services: Services, target: str) -> Look:
    spec = spec_for(target, services.limits)
    if spec is None:
        return Look(HealthStatus.FAIL, f"the catalogue has no limit {target!r}")
    use = Limits().use(spec)
    if use is None:
        return Look(HealthStatus.DEGRADED, "it cannot be read")
    return Look(HealthStatus.FAIL if use.is_full(spec.full_percent) else HealthStatus.PASS, f"{use.used} of {use.value} used")


async def _ask_cluster(allowed: frozenset[str], probe: ProbeSpec) -> Look:
    hosts = [part.rpartition(":")[0] for part in probe.address.split(",")]
    if not all(may_ask(host, allowed) for host in hosts):
        return Look(HealthStatus.FAIL, "not brokers of loopback or of allowed hosts")
    # Half of the time, so that its word comes before the look is over.
    why = await asyncio.to_thread(why_out_of_sync, probe.address, probe.timeout_s / 2)
    # A cluster that has lost a member still serves.
    return Look(HealthStatus.DEGRADED, why[:300]) if why else Look(HealthStatus.PASS)


def _ask_lockfile(services: Services, target: str) -> Look:
    spec = spec_for(target, services.lockfiles)
    if spec is None:
        return Look(HealthStatus.FAIL, f"the catalogue has no repository {target!r}")
    repositories = Lockfiles()
    base = repositories.base_of(spec)
    fits = repositories.in_step(spec, base) if base else None
    if fits is None:
        # Nothing can be said of it: somebody has to look, nothing is to be written.
        return Look(HealthStatus.DEGRADED, "the tool cannot be asked")
    if fits or repositories.is_being_mended(spec, base):
        return Look(HealthStatus.PASS, "" if fits else "a new lock file waits on its branch")
    return Look(HealthStatus.FAIL, f"{spec.lock} does not fit {spec.manifest} at {base[:12]}")


def _compare(services: Services, name: str) -> Look:
    config = services.config(name)
    if config is None:
        return Look(HealthStatus.FAIL, f"the catalogue has no configuration file {name!r}")
    wanted = pinned_content(config, MAX_BYTES)
    if wanted is None:
        # Without the pinned content nothing can be said of drift: somebody has to look, nothing is to be restored.
        return Look(HealthStatus.DEGRADED, "the pinned content cannot be read")
    try:
        if Path(config.path).stat().st_size > MAX_BYTES:
            return Look(HealthStatus.FAIL, f"larger than {MAX_BYTES} bytes")
        live = Path(config.path).read_bytes()
    except OSError as error:
        return Look(HealthStatus.FAIL, f"cannot be read: {error.strerror}")
    if live == wanted:
        return Look(HealthStatus.PASS)
    return Look(HealthStatus.FAIL, f"sha256 is {sha256(live).hexdigest()[:16]}, pinned is {sha256(wanted).hexdigest()[:16]}")
