"""Commands that must not be carried out: each is refused before anything is done, and the audit says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from recoverers.admission import audit_refused, early_end, wrong_with
from recoverers.journal import RunState
from recoverers.perform import finish
from recoverers.plan import check_command
from schemas.avro_codec import Codec
from schemas.configuration import Configuration
from schemas.decisions import ApprovalGiven, HealingCommand, Mode
from schemas.door import Refused, admit_bytes
from schemas.oversight import AuditEntry, Lease
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.signing import private_key_from, public_text, sign
from tests.support.fakes import START, FakeHands
from tests.support.runs import JOB, RECIPES, SERVICES, Sandbox, command

ADMIT, STRANGER = private_key_from(bytes(range(32))), private_key_from(bytes(range(1, 33)))
ORDER = sign(command("service_restart", "service:web"), ADMIT)
HERE = Configuration(services=SERVICES)
KNOWN = frozenset(strategy for strategy, _ in RECIPES)
CODEC = Codec([HealingCommand, Lease])


def read(raw: bytes | None) -> object:
    return admit_bytes(raw, CODEC, lambda record: wrong_with(record, public_text(ADMIT)))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (CODEC.encode(replace(ORDER, signature="")), "signature"),
        (CODEC.encode(replace(ORDER, signature="no base64")), "signature"),
        (CODEC.encode(sign(ORDER, STRANGER)), "signature"),
        (CODEC.encode(replace(ORDER, target="service:db")), "signature"),
        (CODEC.encode(replace(ORDER, mode=Mode.DRY_RUN)), "signature"),
        (CODEC.encode(replace(ORDER, not_after=START + timedelta(days=1))), "signature"),
        (CODEC.encode(replace(ORDER, parameters=(("service", "db"),))), "signature"),
        (CODEC.encode(replace(ORDER, bounds=(("max_services", 99),))), "signature"),
        (CODEC.encode(replace(ORDER, approvals=(ApprovalGiven("bob", ORDER.plan_hash, "n", START),))), "signature"),
        (CODEC.encode(replace(ORDER, epoch=99)), "signature"),
        (CODEC.encode(Lease(1, 1, START)), "does not belong"),
        (CODEC.encode(ORDER)[:-4], ""),
        (b"", ""),
        (None, ""),
    ],
    ids=[
        "unsigned",
        "no signature",
        "signed by another key",
        "another target",
        "another mode",
        "longer valid",
        "other parameters",
        "wider bounds",
        "an approval added",
        "another epoch",
        "no command",
        "cut off",
        "empty",
        "nothing",
    ],
)
def test_what_admit_did_not_sign_as_it_is_becomes_a_dead_letter_and_an_audit_entry(raw: bytes | None, why: str) -> None:
    refused = read(raw)
    assert isinstance(refused, Refused)
    assert why in refused.detail
    entry = audit_refused(refused, "recovery.commands/0/7", START)
    assert (entry.actor, entry.action, entry.subject) == ("executor", "command.refused", "recovery.commands/0/7")
    assert dict(entry.details)["sha256"] == refused.sha256
    assert "service:" not in str(entry), "nothing that a stranger's record claims is repeated"


def test_what_admit_signed_is_read_as_it_is() -> None:
    assert read(CODEC.encode(ORDER)) == ORDER


def job(**parameters: str) -> HealingCommand:
    named = {"source": "github", "project": "acme/api", "run_id": "77", "job": "build", **parameters}
    return command("rerun_job", JOB, parameters=tuple(named.items()))


@pytest.mark.parametrize(
    ("order", "seconds", "status", "reason"),
    [
        (lambda: ORDER, 121, OutcomeStatus.EXPIRED, "command_expired"),
        (lambda: command("service_restart", "service:gone"), 0, OutcomeStatus.REFUSED, "target_unknown"),
        (lambda: command("config_restore", "config:gone"), 0, OutcomeStatus.REFUSED, "target_unknown"),
        (lambda: command("await_upstream", "upstream:gone"), 0, OutcomeStatus.REFUSED, "target_unknown"),
        (lambda: command("service_restart", "config:web-conf"), 0, OutcomeStatus.REFUSED, "target_does_not_fit"),
        (lambda: command("rerun_job", "service:web"), 0, OutcomeStatus.REFUSED, "target_does_not_fit"),
        (lambda: replace(ORDER, strategy="dance"), 0, OutcomeStatus.REFUSED, "recipe_changed"),
        (lambda: replace(ORDER, scope="group:other"), 0, OutcomeStatus.REFUSED, "scope_changed"),
        (lambda: replace(ORDER, parameters=(("service", "db"),)), 0, OutcomeStatus.REFUSED, "parameters_do_not_fit"),
        (
            lambda: command("config_restore", "config:web-conf", parameters=(("config", "x"),)),
            0,
            OutcomeStatus.REFUSED,
            "parameters_do_not_fit",
        ),
        (lambda: job(run_id="78"), 0, OutcomeStatus.REFUSED, "parameters_do_not_fit"),
    ],
)
def test_a_signed_command_that_does_not_fit_ends_before_it_begins_with_its_outcome_and_audit(
    order: Callable[[], HealingCommand], seconds: float, status: OutcomeStatus, reason: str
) -> None:
    ending = early_end(order(), HERE, KNOWN, START + timedelta(seconds=seconds))
    assert ending is not None
    assert (ending.status, ending.reason) == (status, reason)
    hands, sandbox = FakeHands(), Sandbox()
    untouched = sandbox.effects()
    finish(RunState(order()), ending, sandbox.terms(ORDER), hands)
    [outcome] = [row for row in hands.others if isinstance(row, RecoveryOutcome)]
    assert (outcome.status, outcome.reason, outcome.final) == (status, reason, True)
    assert [row.action for row in hands.others if isinstance(row, AuditEntry)] == [f"recovery.{status}"]
    assert sandbox.effects() == untouched


@pytest.mark.parametrize("order", [lambda: ORDER, lambda: replace(ORDER, parameters=(("service", "web"),)), job])
def test_a_command_that_fits_may_begin(order: Callable[[], HealingCommand]) -> None:
    assert early_end(order(), HERE, KNOWN, START) is None


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (lambda: replace(ORDER, recipe_version=2), "recipe_changed"),
        (lambda: replace(ORDER, bounds=(("max_services", 9), ("start_timeout_s", 20))), "plan_out_of_bounds"),
        (lambda: replace(ORDER, bounds=(("unheard of", 1),)), "plan_out_of_bounds"),
        (lambda: replace(ORDER, deadline_s=ORDER.deadline_s + 1), "plan_out_of_bounds"),
        (lambda: replace(ORDER, parameters=(("service", "web"),)), "plan_changed"),
        (lambda: replace(ORDER, approvals=(ApprovalGiven("bob", "another plan", "n", START),)), "plan_changed"),
    ],
)
def test_a_plan_that_is_not_the_one_that_was_decided_or_approved_is_refused(order: Callable[[], HealingCommand], reason: str) -> None:
    terms = Sandbox().terms(ORDER)
    ending = check_command(order(), terms.recipe, terms.card)
    assert ending is not None
    assert (ending.status, ending.reason) == (OutcomeStatus.REFUSED, reason)
