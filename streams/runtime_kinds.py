"""From the probes and rules that fired on one target to a kind, by table: no model is asked; used by ``streams/classify.py``."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.events import HealthStatus
from schemas.incidents import Alternative, Detection
from schemas.metric_rules import RULE_KINDS
from schemas.probes import ProbeKind
from schemas.services import Services
from schemas.vocabulary import Kind
from streams.classified import Classified

_LIVENESS = frozenset({ProbeKind.PROCESS, ProbeKind.TCP, ProbeKind.HTTP, ProbeKind.CONTAINER_RUNNING, ProbeKind.UNIT})

# What one exact look says; no other probe need agree.
EXACT_KINDS: dict[ProbeKind, Kind] = {
    ProbeKind.FILE_HASH: Kind.CONFIG_DRIFT,
    ProbeKind.DISK_USAGE: Kind.DISK_FULL,
    ProbeKind.CERTIFICATE: Kind.TLS_CERTIFICATE,
    ProbeKind.CONTAINER_MEMORY: Kind.OUT_OF_MEMORY,
    ProbeKind.CONTAINER_IMAGE: Kind.CONTAINER_RUNTIME,
    ProbeKind.CACHE_DIGEST: Kind.INTEGRITY_OR_CACHE,
    ProbeKind.LOCKFILE: Kind.LOCKFILE_MISMATCH,
    ProbeKind.LIMIT_USE: Kind.METRIC_ANOMALY,
    ProbeKind.DEPLOYMENT_IMAGE: Kind.CONTAINER_RUNTIME,
    ProbeKind.DEPLOYMENT_CRASHES: Kind.CRASH_LOOP,
    ProbeKind.DEPLOYMENT_SCALE: Kind.CONFIG_DRIFT,
    ProbeKind.DEPLOYMENT_PODS: Kind.SERVICE_DEGRADED,
    ProbeKind.NODE_CONDITION: Kind.SERVICE_DEGRADED,
}
# What a metric's rule, an alert or a slow answer may say too: of these only the exact look is exact.
_ALSO_SAID = frozenset({Kind.METRIC_ANOMALY, Kind.CRASH_LOOP, Kind.SERVICE_DEGRADED})
_EXACT = frozenset(EXACT_KINDS.values()) - _ALSO_SAID

# Words of an alert's name, in the order in which they are asked: the first that occurs names the kind.
_ALERT_WORDS: tuple[tuple[str, Kind], ...] = (
    ("crashloop", Kind.CRASH_LOOP),
    ("burn", Kind.SLO_BURN),
    ("heartbeat", Kind.HEARTBEAT_MISSING),
    ("watchdog", Kind.HEARTBEAT_MISSING),
    ("absent", Kind.HEARTBEAT_MISSING),
    ("drift", Kind.CONFIG_DRIFT),
    ("instancedown", Kind.SERVICE_DOWN),
    ("servicedown", Kind.SERVICE_DOWN),
    ("targetdown", Kind.SERVICE_DOWN),
    ("oomkill", Kind.OUT_OF_MEMORY),
    # Not full: the kernel stopped writing to save what is there, and only a person may look at that.
    ("readonly", Kind.SERVICE_DEGRADED),
    ("diskfull", Kind.DISK_FULL),
    ("filesystem", Kind.DISK_FULL),
    ("latency", Kind.SERVICE_DEGRADED),
    ("errorrate", Kind.SERVICE_DEGRADED),
)
# A cause before its symptoms, when several kinds were seen on one target.
_PRECEDENCE = (
    Kind.DISK_FULL,
    Kind.OUT_OF_MEMORY,
    Kind.CONTAINER_RUNTIME,
    Kind.INTEGRITY_OR_CACHE,
    Kind.LOCKFILE_MISMATCH,
    Kind.TLS_CERTIFICATE,
    Kind.SERVICE_DOWN,
    Kind.CONFIG_DRIFT,
    Kind.CRASH_LOOP,
    Kind.HEARTBEAT_MISSING,
    Kind.SLO_BURN,
    Kind.SERVICE_DEGRADED,
)
_RULE_KINDS = {
    "metric": Kind.METRIC_ANOMALY,
    "flapping": Kind.SERVICE_DEGRADED,
    "absence": Kind.HEARTBEAT_MISSING,
    "heartbeat": Kind.HEARTBEAT_MISSING,
    "config_hash": Kind.CONFIG_DRIFT,
}
AGREEING, SINGLE, RULE = 0.99, 0.95, 0.9


def probes_of(detection: Detection, services: Services) -> frozenset[str]:
    """Return the kinds of the probes that a detection rests on; a probe's own name is looked up in the catalogue."""
    signals = dict(detection.signals)
    words = signals.get("probe_kind") or signals.get("probes") or signals.get("probe") or detection.detector.rpartition(":")[2]
    by_name = services.probe_kinds(detection.target)
    named = (word.strip() for word in words.split(","))
    return frozenset(str(by_name.get(word, word)) for word in named if word)


def _kind_of(detection: Detection, services: Services) -> Kind:
    signals = dict(detection.signals)
    family = detection.detector.partition(":")[0].replace("-", "_")
    probes = probes_of(detection, services)
    # Only the hash of a file in the catalogue speaks of drift, whatever its probe is called.
    if "config_hash" in probes or (detection.target.startswith("config:") and not family.startswith("alert")):
        return Kind.CONFIG_DRIFT
    exact = next((kind for probe, kind in EXACT_KINDS.items() if probe in probes), None)
    if exact:
        return exact
    if family.startswith("alert"):
        name = signals.get("alertname") or signals.get("alert") or signals.get("name") or detection.detector
        letters = "".join(filter(str.isalnum, name.lower()))
        return next((kind for word, kind in _ALERT_WORDS if word in letters), Kind.UNKNOWN)
    found = next((kind for word, kind in _RULE_KINDS.items() if family.startswith(word)), None)
    if found:
        # A rule of the catalogue says what it means; a word that is none of these is not taken.
        said = next((kind for kind in RULE_KINDS if family == "metric" and kind == signals.get("kind")), None)
        return said or found
    if signals.get("status") == HealthStatus.DEGRADED:
        return Kind.SERVICE_DEGRADED
    return Kind.SERVICE_DOWN if probes & _LIVENESS or family.startswith("health") else Kind.UNKNOWN


def _confidence(kind: Kind, probes: frozenset[str], is_rule: bool) -> float:
    # A rule on a metric may foretell; only a look at the target itself is exact.
    if is_rule:
        return RULE
    # A hash or a count is exact, and two probes that look in different ways do not err together.
    is_exact = kind in _EXACT or any(EXACT_KINDS.get(probe) is kind for probe in ProbeKind if probe in probes)
    if is_exact or len(probes & _LIVENESS) > 1:
        return AGREEING
    return SINGLE if kind in {Kind.SERVICE_DOWN, Kind.SERVICE_DEGRADED} else RULE


def classify_runtime(detections: Sequence[Detection], services: Services) -> Classified:
    """Return the kind of what fired on one target; ``unknown`` when no row of the table knows the signal."""
    kinds = [(_kind_of(detection, services), detection) for detection in detections]
    known = [kind for kind in _PRECEDENCE if any(kind is seen for seen, _ in kinds)]
    kind = known[0] if known else kinds[0][0]
    speaking = [detection for seen, detection in kinds if seen is kind]
    reasons = tuple(f"{detection.detector} fired on {detection.target}" for detection in speaking)
    if kind is Kind.UNKNOWN:
        return Classified(kind, 0.0, reasons=(*reasons, "no rule knows this signal"), abstained=True, pattern=speaking[0].detector)
    probes = frozenset().union(*(probes_of(detection, services) for detection in speaking))
    confidence = _confidence(kind, probes, all(detection.detector.startswith("metric:") for detection in speaking))
    rest = sorted({seen for seen, _ in kinds} - {kind})
    alternatives = (Alternative(kind, confidence), *(Alternative(other, round((1 - confidence) / len(rest), 4)) for other in rest))
    agreed = (f"{len(probes & _LIVENESS)} probes agree",) if len(probes & _LIVENESS) > 1 else ()
    return Classified(kind, confidence, alternatives, (*reasons, *agreed), pattern=speaking[0].detector)
