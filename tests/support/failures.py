"""Small detections, incidents and outcomes, and a shop of three services, for the tests of classify, decide and learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.configuration import Configuration
from schemas.decisions import Admission, AdmissionState
from schemas.events import Origin, Provenance, Trust
from schemas.ids import Record, content_id, id_of
from schemas.incidents import Detection, DetectionStatus, EvidenceRef, Feature, HitSeen, Incident, RunRef
from schemas.outputs import Emit, Output, Place
from schemas.oversight import Control, Override, RolloutLevel
from schemas.people import People, Person, Role
from schemas.policy import Policy, StrategyPolicy
from schemas.recoveries import OutcomeStatus, RecoveryOutcome
from schemas.services import ConfigSpec, Services, ServiceSpec
from schemas.signing import private_key_from, public_text, sign
from schemas.vocabulary import Kind, Result, group_of
from streams.classified import Classified

T0 = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
PLACE = Place("heal.detections", 0, 7)
TRUSTED = Provenance(Origin.LOCAL, Trust.SAME_REPOSITORY)
KEYS: dict[str, Ed25519PrivateKey] = {name: private_key_from(name.encode().ljust(32, b".")) for name in ("olga", "anton", "vera", "ada")}
ROLES = {"olga": Role.OPERATOR, "anton": Role.APPROVER, "vera": Role.VIEWER, "ada": Role.ADMIN}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def service(name: str, *needs: str, configs: tuple[str, ...] = (), healing: bool = True) -> ServiceSpec:
    return ServiceSpec(name, "shop", ("run", name), ".", f"{name}.pid", needs, (), configs, healing)


SHOP = Services(
    services=(service("store"), service("api", "store"), service("web", "api", configs=("web.yaml",)), service("frozen", healing=False)),
    configs=(ConfigSpec("web.yaml", "web", "web.yaml", "repo", "web.yaml", "c0ffee"),),
)


def configuration(
    level: RolloutLevel = RolloutLevel.AUTOMATIC, policy: Policy | None = None, targets: tuple[str, ...] = ()
) -> Configuration:
    rows = tuple(StrategyPolicy(name, level, targets) for name in ("service_restart", "config_restore", "rerun_job"))
    people = People(tuple(Person(name, frozenset({role}), public_text(KEYS[name])) for name, role in ROLES.items()))
    return Configuration(policy=replace(policy or Policy(), strategies=rows), services=SHOP, people=people, version="v1")


def probe(target: str, seconds: float, status: str = "fail", name: str = "process", detector: str = "health") -> Detection:
    passed = status == "pass"
    return Detection(
        status=DetectionStatus.RESOLVED if passed else DetectionStatus.FIRING,
        target=target,
        scope=SHOP.scope_of(target),
        detector=detector,
        complete=True,
        first_at=at(seconds - 1),
        last_at=at(seconds),
        severity="critical",
        evidence=(EvidenceRef("infra.health", 0, 1, content_id("Check", target, name, seconds, status)),),
        signals=(("probe", name), ("status", status)),
        provenance=TRUSTED,
        traceparent="00-1-2-01",
    )


def run_of(attempt: int = 1, job: str = "build") -> RunRef:
    return RunRef("github", "acme/api", "77", attempt, job, commit="abc", trigger="push")


def failed_job(attempt: int = 1, seconds: float = 0, kind: Kind = Kind.NETWORK_CONNECTIVITY, job: str = "build") -> Detection:
    return Detection(
        status=DetectionStatus.FIRING,
        target=f"job:github/acme/api/77/{job}",
        scope="run:github/acme/api/77",
        detector="job_log",
        complete=True,
        first_at=at(seconds),
        last_at=at(seconds),
        severity="warning",
        evidence=(EvidenceRef("ci.events", 0, attempt, f"{job}{attempt}"),),
        hits=(HitSeen("other", kind, 1, "x"), HitSeen("pip-timeout", kind, 3, "port 4711", (("port", "4711"),))),
        features=(Feature(1, 0.5), Feature(2, 0.25)),
        run=run_of(attempt, job),
        result=Result.FAILURE,
        provenance=TRUSTED,
    )


def passed_job(attempt: int, seconds: float = 0) -> Detection:
    return replace(failed_job(attempt, seconds), status=DetectionStatus.SUMMARY, result=Result.SUCCESS, hits=())


def classify_hits(detection: Detection) -> Classified:
    return Classified(detection.hits[0].kind, 0.97, reasons=("pattern",), line=3, pattern="pip-timeout")


def incident(target: str = "job:github/acme/api/77/build", kind: Kind = Kind.NETWORK_CONNECTIVITY, confidence: float = 0.97) -> Incident:
    job = failed_job()
    is_job = target.startswith("job:")
    return Incident(
        origin_key=("github", "acme/api", "77", "build", "1") if is_job else (SHOP.scope_of(target), "1"),
        kind=kind,
        group=group_of(kind),
        confidence=confidence,
        fingerprint="f",
        target=target,
        scope=job.scope if is_job else SHOP.scope_of(target),
        severity="warning",
        complete=True,
        opened_at=T0,
        detected_at=at(1),
        run=job.run if is_job else None,
        result=Result.FAILURE if is_job else None,
        features=job.features,
        provenance=TRUSTED,
        hits=job.hits[1:] if is_job else (),
        traceparent="00-1-2-01",
    )


def admitted(incident_id: str, seconds: float, command: str = "c1") -> Admission:
    return Admission(incident_id, "d1", AdmissionState.ADMITTED, "", at(seconds), command_id=command)


def outcome(of: Incident, status: OutcomeStatus, seconds: float, attempt: int = 1, command: str = "c1") -> RecoveryOutcome:
    healed = status is OutcomeStatus.HEALED
    return RecoveryOutcome(
        incident_id=id_of(of),
        decision_id="d1",
        attempt=attempt,
        final=not (status is OutcomeStatus.ROLLED_BACK and attempt < 2),
        target=of.target,
        kind=of.kind,
        status=status,
        reason="",
        opened_at=of.opened_at,
        detected_at=of.detected_at,
        finished_at=at(seconds),
        command_id=command,
        strategy="rerun_job" if of.run else "service_restart",
        verified_at=at(seconds) if healed else None,
    )


def override(incident_id: str, by: str, nonce: str = "n1", verdict: str = "") -> Control:
    return sign(Control(f"override/{incident_id}/{nonce}", by, at(50), override=Override(nonce, run=True, force_verdict=verdict)), KEYS[by])


def records(outputs: Sequence[Output], *types: type[Record]) -> list[Record]:
    return [output.record for output in outputs if isinstance(output, Emit) and isinstance(output.record, types)]
