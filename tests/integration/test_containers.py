"""Containers on a real engine: killed, starved of memory, given a bad image, or lying; each is healed or put back as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

import docker
import pytest

from infra.adapters.checks import Checks
from infra.adapters.containers import Containers
from infra.adapters.probes import judge_container
from infra.broker.server import free_ports
from recoverers.container_view import ContainerView
from recoverers.execute import drive
from recoverers.journal import RunState, fold
from recoverers.perform import accept
from recoverers.recipes.container_image import ContainerImage
from recoverers.recipes.container_memory import ContainerMemory
from recoverers.recipes.container_restart import ContainerRestart
from recoverers.terms import Terms
from schemas.attempts import ContainerState, StepStatus
from schemas.catalogue import CARDS, card_named
from schemas.events import HealthStatus
from schemas.probes import ProbeKind, ProbeSpec
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import Services
from schemas.targets.container import ContainerSpec
from tests.support.docker_engine import container_engine, import_image
from tests.support.executor_world import wait_for
from tests.support.real_hands import RealHands
from tests.support.runs import command

MIB = 1024 * 1024
PAGE = b"#!/bin/sh\necho well > /tmp/page\nexec busybox httpd -f -p 127.0.0.1:$PORT -h /tmp\n"
# Fills memory until the kernel ends it, unless it has room for 24 MiB; then it serves.
HUNGRY = b"#!/bin/sh\nbusybox dd if=/dev/zero of=/dev/null bs=24M count=1 || exit 1\n" + PAGE.removeprefix(b"#!/bin/sh\n")
ENTRY = ['ENTRYPOINT ["/bin/sh", "/run.sh"]']


@dataclass
class Engine:
    """A real engine and the images that the tests made in it."""

    host: str
    client: docker.DockerClient
    images: dict[str, str]

    def connect(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.host, timeout=20)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with container_engine() as host:
        client = docker.DockerClient(base_url=host, timeout=20)
        scripts = {"good": PAGE, "hungry": HUNGRY, "bad": b"#!/bin/sh\nexit 3\n", "mute": b"#!/bin/sh\nexec sleep 600\n"}
        images = {name: import_image(client, {"run.sh": text}, f"healstream-{name}", ENTRY) for name, text in scripts.items()}
        try:
            yield Engine(host, client, images)
        finally:
            client.close()


class Box:
    """One container of the test, its spec, and the adapter that heals it."""

    def __init__(self, engine: Engine, image: str, spec: ContainerSpec, port: int) -> None:
        self.spec = spec
        self.adapter = Containers(engine.connect)
        limit = spec.memory_bytes or None
        self.made = engine.client.containers.create(
            engine.images[image],
            name=spec.name,
            network_mode="host",
            environment={"PORT": str(port)},
            labels={"kept": "yes"},
            mem_limit=limit,
            memswap_limit=limit,
        )

    def state(self) -> ContainerState:
        found = self.adapter.state(self.spec.name)
        assert found is not None
        return found

    def wait_until_ended(self) -> None:
        assert wait_for(lambda: not self.state().running, 20)

    def seen_by(self, kind: ProbeKind) -> HealthStatus:
        return judge_container(self.spec, self.state(), kind).status

    def heal(self, make: type[ContainerRestart | ContainerMemory | ContainerImage]) -> RecoveryOutcome:
        """Carry out one command of the recipe."""
        made = make(ContainerView(Services(containers=(self.spec,)), self.adapter, Checks()))
        # What does not come back within seconds here will not come back.
        recipe = replace(made, traits=replace(made.traits, verify_within_s=3.0))
        order = command(recipe.traits.name, self.spec.target)
        card = card_named(CARDS, recipe.traits.name)
        assert card is not None
        hands, terms = RealHands(), Terms(recipe, card, 0.3, "worker-1", 0)
        order = replace(order, issued_at=hands.now(), opened_at=hands.now(), detected_at=hands.now())
        accepted = accept(RunState(order), terms, hands)
        hands.append([accepted])
        drive(fold(RunState(order), accepted), terms, hands)
        return next(record for record in hands.others if isinstance(record, RecoveryOutcome))


@pytest.fixture
def make_box(engine: Engine) -> Iterator[Callable[..., Box]]:
    made: list[str] = []

    def make(made_of: str, **fields: object) -> Box:
        [port] = free_ports(1)
        name = f"healstream-test-{uuid4().hex[:8]}"
        made.append(name)
        answers = (ProbeSpec("page", ProbeKind.HTTP, f"http://127.0.0.1:{port}/page"),)
        spec = ContainerSpec(name, answers=answers, stop_s=1.0, **fields)  # type: ignore[arg-type]
        return Box(engine, made_of, spec, port)

    yield make
    for found in engine.client.containers.list(all=True):
        if any(str(found.name).startswith(name) for name in made):
            found.remove(force=True)


def test_a_killed_container_is_started_and_answers(make_box: Callable[..., Box]) -> None:
    box = make_box("good")
    box.made.start()
    box.made.kill()
    box.wait_until_ended()
    assert box.seen_by(ProbeKind.CONTAINER_RUNNING) is HealthStatus.FAIL

    outcome = box.heal(ContainerRestart)

    assert outcome.status is OutcomeStatus.HEALED
    assert {row.source for row in outcome.verification} == {"engine", "proc", "network"}
    assert box.seen_by(ProbeKind.CONTAINER_RUNNING) is HealthStatus.PASS


def test_a_container_that_runs_and_never_answers_is_restarted_once_and_given_up(make_box: Callable[..., Box]) -> None:
    box = make_box("mute")
    box.made.start()
    before = box.state().started_at

    outcome = box.heal(ContainerRestart)

    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert [step.name.partition(":")[0] for step in outcome.steps] == ["restart"]
    # It ran before, so it runs after: nothing was there to go back to.
    assert box.state().running
    assert box.state().started_at != before


def test_a_container_out_of_memory_gets_half_as_much_again_once(make_box: Callable[..., Box]) -> None:
    box = make_box("hungry", memory_bytes=20 * MIB, memory_cap_bytes=64 * MIB)
    box.made.start()
    box.wait_until_ended()
    # Once, on a loaded machine, the engine had not told of it right after the end.
    assert wait_for(lambda: box.seen_by(ProbeKind.CONTAINER_MEMORY) is HealthStatus.FAIL, 20)

    outcome = box.heal(ContainerMemory)

    assert outcome.status is OutcomeStatus.HEALED, outcome.reason
    assert box.state().memory_bytes == 30 * MIB
    box.made.kill()
    box.wait_until_ended()
    again = box.heal(ContainerMemory)
    assert (again.status, again.reason) == (OutcomeStatus.REFUSED, "plan_out_of_bounds")


def test_more_memory_that_does_not_help_is_taken_back(make_box: Callable[..., Box]) -> None:
    box = make_box("hungry", memory_bytes=8 * MIB, memory_cap_bytes=10 * MIB)
    box.made.start()
    box.wait_until_ended()

    outcome = box.heal(ContainerMemory)

    assert outcome.status is OutcomeStatus.ROLLED_BACK
    assert [step.name.partition(":")[0] for step in outcome.rollback] == ["start", "limit"]
    assert box.state().memory_bytes == 8 * MIB
    assert not box.state().running


def test_a_bad_image_is_replaced_by_the_last_good_one_with_all_else_as_it_was(engine: Engine, make_box: Callable[..., Box]) -> None:
    box = make_box("bad", image=engine.images["good"], memory_bytes=64 * MIB)
    box.made.start()
    box.wait_until_ended()
    assert box.seen_by(ProbeKind.CONTAINER_IMAGE) is HealthStatus.FAIL

    outcome = box.heal(ContainerImage)

    assert outcome.status is OutcomeStatus.HEALED, outcome.reason
    found = engine.client.containers.get(box.spec.name)
    assert (found.labels["kept"], box.state().memory_bytes, box.state().image) == ("yes", 64 * MIB, engine.images["good"])


def test_a_good_image_that_does_not_help_is_taken_back_to_the_very_container(engine: Engine, make_box: Callable[..., Box]) -> None:
    box = make_box("bad", image=engine.images["mute"])
    box.made.start()
    box.wait_until_ended()

    outcome = box.heal(ContainerImage)

    assert outcome.status is OutcomeStatus.ROLLED_BACK
    found = engine.client.containers.get(box.spec.name)
    assert (found.id, found.status) == (box.made.id, "exited")
    assert [row.name for row in engine.client.containers.list(all=True) if box.spec.name in str(row.name)] == [box.spec.name]


def test_what_is_gone_or_cannot_be_asked_is_refused(make_box: Callable[..., Box]) -> None:
    box = make_box("good")
    box.made.remove()
    assert box.heal(ContainerRestart).reason == "target_gone"
    box.adapter = Containers(lambda: docker.DockerClient(base_url="unix:///nowhere/docker.sock"))
    assert box.heal(ContainerRestart).reason == "engine_unreachable"
    assert box.adapter.start(box.spec.name).status is StepStatus.FAILED
