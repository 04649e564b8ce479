"""Services that are units of a real systemd: what only systemd does, and the recipe that starts them."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from infra.adapters.probes import Probes
from infra.adapters.processes import Processes
from infra.adapters.service_managers import ServiceManagers
from infra.adapters.step_records import StepRecords
from infra.adapters.systemctl import Systemctl
from infra.adapters.units import Units
from recoverers.ports import ProcessPort
from schemas.attempts import StepStatus
from schemas.events import HealthStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus
from schemas.services import Services, ServiceSpec
from tests.recoverers.test_recipes_on_real_targets import carry_out, real_world
from tests.support.executor_world import wait_for
from tests.support.user_manager import UserManager

NAP = "[Service]\nExecStart=/bin/sleep 10000\nExecReload=/bin/true\n"
NOBODY = Systemctl(("systemctl", "--user"), (("XDG_RUNTIME_DIR", "/nowhere"),))


def spec_of(manager: UserManager, name: str, text: str = NAP) -> ServiceSpec:
    manager.write(f"{name}.service", text)
    return ServiceSpec(name, "g", (), "", "", unit=f"{name}.service")


def units(manager: UserManager, place: Path) -> Units:
    return Units(StepRecords(place / "units"), manager.client)


def test_a_start_of_somebody_else_is_not_stopped(manager: UserManager, tmp_path: Path) -> None:
    spec, port = spec_of(manager, "other"), units(manager, tmp_path)
    assert port.start(spec, "k").status is StepStatus.OK
    manager.systemctl("restart", spec.unit)
    assert port.stop_started(spec, "k").status is StepStatus.OK
    assert port.is_alive(spec)
    assert port.reload(spec).status is StepStatus.OK


def test_a_start_that_a_crash_cut_off_before_it_was_written_down_is_found(manager: UserManager, tmp_path: Path) -> None:
    spec, port = spec_of(manager, "crash"), units(manager, tmp_path)
    assert port.start(spec, "k").status is StepStatus.OK
    book = tmp_path / "units" / "k.jsonl"
    intent, _ = book.read_text(encoding="utf-8").splitlines()
    assert json.loads(intent) == {"unit": spec.unit, "before": ""}
    book.write_text(f"{intent}\n", encoding="utf-8")

    assert port.has_started(spec, "k")
    assert wait_for(lambda: port.stop_started(spec, "k").status is StepStatus.OK, 60)
    assert not port.is_alive(spec)


def test_a_unit_that_has_ended_is_not_started_twice_with_one_key(manager: UserManager, tmp_path: Path) -> None:
    spec, port = spec_of(manager, "once"), units(manager, tmp_path)
    assert port.start(spec, "k").status is StepStatus.OK
    manager.systemctl("stop", spec.unit)
    assert port.start(spec, "k").status is StepStatus.FAILED
    assert port.start(spec, "l").status is StepStatus.OK


def test_a_unit_that_failed_too_often_is_forgiven_and_one_that_cannot_start_is_said(manager: UserManager, tmp_path: Path) -> None:
    limits = "[Unit]\nStartLimitIntervalSec=1000\nStartLimitBurst=1\n"
    spec, port = spec_of(manager, "often", f"{limits}[Service]\nExecStart=/bin/false\n"), units(manager, tmp_path)
    for _ in range(3):
        manager.systemctl("start", spec.unit)
    assert wait_for(lambda: (port.systemctl.state(spec.unit) or pytest.fail("silent")).active == "failed", 60)
    manager.write(spec.unit, limits + NAP)
    assert port.start(spec, "k").status is StepStatus.OK

    broken = spec_of(manager, "broken", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
    said = port.start(broken, "b")
    assert said.status is StepStatus.FAILED
    assert "exit-code" in said.detail
    assert "not-found" in port.start(replace(spec, unit="nobody.service"), "n").detail
    assert port.reload(broken).status is StepStatus.FAILED


def test_a_manager_that_does_not_answer_is_said_and_nothing_is_believed(tmp_path: Path) -> None:
    spec, port = ServiceSpec("x", "g", (), "", "", unit="x.service"), Units(StepRecords(tmp_path), NOBODY)
    assert not port.is_alive(spec)
    assert port.start(spec, "k").status is StepStatus.FAILED
    assert not port.has_started(spec, "k")
    assert port.stop_started(spec, "k").status is StepStatus.PENDING


def test_a_name_is_never_an_option(tmp_path: Path) -> None:
    spec = ServiceSpec("x", "g", (), "", "", unit="--help")
    assert Units(StepRecords(tmp_path), Systemctl(("echo",))).systemctl.run("show", 5.0, spec.unit).tail.endswith("show -- --help")


def test_a_probe_sees_the_unit_and_asks_of_no_other_one(manager: UserManager, tmp_path: Path) -> None:
    spec, port = spec_of(manager, "seen"), units(manager, tmp_path)
    probe = ProbeSpec("unit", ProbeKind.UNIT, spec.unit, timeout_s=60.0)

    def look(client: Systemctl, address: str = spec.unit) -> HealthStatus:
        seen = Probes(Services(services=(spec,)), systemctl=client).look(replace(probe, address=address))
        return asyncio.run(seen).status

    assert look(manager.client) is HealthStatus.FAIL
    assert port.start(spec, "k").status is StepStatus.OK
    assert look(manager.client) is HealthStatus.PASS
    assert look(manager.client, "other.service") is HealthStatus.FAIL
    assert look(NOBODY) is HealthStatus.DEGRADED


@pytest.mark.parametrize("answers", [True, False])
def test_a_dead_unit_is_started_by_the_recipe_or_stopped_again(manager: UserManager, tmp_path: Path, answers: bool) -> None:
    spec = spec_of(manager, f"web-{answers}".lower())
    manager.systemctl("start", spec.unit)
    manager.systemctl("kill", "--signal=KILL", spec.unit)
    port = units(manager, tmp_path)
    assert wait_for(lambda: not port.is_alive(spec), 60)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1] if answers else 9}"
        kept = replace(spec, probes=(ProbeSpec("port", ProbeKind.TCP, address),))
        services = Services(services=(kept,))
        keepers: ProcessPort = ServiceManagers(Processes(), port)
        world = replace(real_world(services, tmp_path), processes=keepers)
        outcome = carry_out(world, "service_restart", f"service:{spec.name}", deadline_s=5.0)

    assert outcome.status is (OutcomeStatus.HEALED if answers else OutcomeStatus.ROLLED_BACK), outcome
    assert port.is_alive(spec) is answers
