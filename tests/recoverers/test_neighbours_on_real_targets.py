"""Real processes and pages: a service that, once it is started, takes from its neighbour what that one lives on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.adapters.checks import Checks
from infra.adapters.processes import Processes
from infra.adapters.surroundings import Surroundings
from recoverers.execute import drive
from recoverers.journal import RunState, fold
from recoverers.perform import accept
from recoverers.recipes.service_restart import ServiceRestart
from recoverers.terms import Around, Terms
from schemas.catalogue import CARDS, card_named
from schemas.recoveries import Condition, Neighbour, OutcomeStatus, RecoveryOutcome
from schemas.services import Services, ServiceSpec
from tests.support.executor_world import ports, service_in, start_by_hand, wait_for
from tests.support.fakes import FakeHands
from tests.support.real_hands import RealHands
from tests.support.runs import command, outcomes

# Answers well as long as its file is there; the other one moves that file away as soon as it starts.
_NEEDY = "import http.server,os,sys\nclass Page(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n        self.send_response(200 if os.path.exists(sys.argv[2]) else 500)\n        self.end_headers()\nhttp.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),Page).serve_forever()"  # noqa: E501
_GREEDY = "import http.server,os,sys\nif os.path.exists(sys.argv[2]): os.remove(sys.argv[2])\nhttp.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),http.server.SimpleHTTPRequestHandler).serve_forever()"  # noqa: E501


def program(row: ServiceSpec, text: str, port: int, file: Path) -> ServiceSpec:
    return replace(row, argv=(sys.executable, "-I", "-c", text, str(port), str(file)))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    first, second = ports(2)
    file = tmp_path / "shared"
    file.write_text("x", encoding="ascii")
    greedy = program(service_in(tmp_path, "greedy", first), _GREEDY, first, file)
    needy = program(service_in(tmp_path, "needy", second, "other", ("greedy",)), _NEEDY, second, file)
    start_by_hand(needy)
    assert wait_for(lambda: all(Checks().passes(probe) for probe in needy.probes), 60)
    yield Services((greedy, needy))
    os.kill(int(Path(needy.pid_file).read_text(encoding="ascii")), 9)


def restart(services: Services, hands: FakeHands) -> RecoveryOutcome:
    card = card_named(CARDS, "service_restart")
    assert card is not None
    recipe = ServiceRestart(services, Processes(), Checks())
    # Long enough for any answer, and shorter than a test should wait for one that will not come.
    quick = replace(recipe, traits=replace(recipe.traits, verify_within_s=6.0))
    order = replace(command("service_restart", "service:greedy"), scope="group:shop", opened_at=hands.now(), issued_at=hands.now())
    terms = Terms(quick, card, 0.0, around=Around(services, Surroundings(services)))
    drive(fold(RunState(order), accept(RunState(order), terms, hands)), terms, hands)
    return outcomes(hands)[0]


def test_the_started_service_is_stopped_again_when_its_neighbour_does_not_bear_it(services: Services) -> None:
    outcome = restart(services, RealHands())
    assert (outcome.status, outcome.reason) == (OutcomeStatus.ROLLED_BACK, "verification failed: it made service:needy worse")
    assert outcome.neighbours == (Neighbour("service:needy", Condition.WELL, Condition.ILL, "needy-http: answered 500"),)
    assert not Processes().is_alive(services.services[0])
    assert outcome.rollback_s is not None
    assert outcome.rollback_s < 60
