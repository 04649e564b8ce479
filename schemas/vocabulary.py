"""The stable names of what can go wrong: kinds, their groups and how a job may end; read by every package.

The taxonomy is the contract of ``classify --jsonl`` and of every record that carries a kind.
"""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    """The side that a kind is on; it alone says whether healing may be considered at all."""

    INFRA = "infra"
    CODE = "code"
    NONE = "none"
    RUNTIME = "runtime"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What is wrong; a pattern says how it showed. ``unknown`` is an abstention, not a failure kind."""

    NETWORK_CONNECTIVITY = "network_connectivity"
    DNS_RESOLUTION = "dns_resolution"
    TLS_CERTIFICATE = "tls_certificate"
    REMOTE_SERVICE_ERROR = "remote_service_error"
    RATE_LIMITED = "rate_limited"
    AUTH_CREDENTIALS = "auth_credentials"
    DEPENDENCY_RESOLUTION = "dependency_resolution"
    PACKAGE_INSTALL_FAILURE = "package_install_failure"
    LOCKFILE_MISMATCH = "lockfile_mismatch"
    INTEGRITY_OR_CACHE = "integrity_or_cache"
    DISK_FULL = "disk_full"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    RUNNER_LOST_OR_CANCELLED = "runner_lost_or_cancelled"
    CONTAINER_RUNTIME = "container_runtime"
    SERVICE_UNAVAILABLE = "service_unavailable"
    ENVIRONMENT_CONFIG = "environment_config"
    SCM_CHECKOUT = "scm_checkout"
    COMPILE_ERROR = "compile_error"
    TEST_FAILURE = "test_failure"
    LINT_OR_POLICY = "lint_or_policy"
    BUILD_CONFIG_ERROR = "build_config_error"
    SUCCESS = "success"
    SERVICE_DOWN = "service_down"
    SERVICE_DEGRADED = "service_degraded"
    CRASH_LOOP = "crash_loop"
    CONFIG_DRIFT = "config_drift"
    METRIC_ANOMALY = "metric_anomaly"
    SLO_BURN = "slo_burn"
    HEARTBEAT_MISSING = "heartbeat_missing"
    FLAKY_TEST = "flaky_test"
    BRANCH_BROKEN = "branch_broken"
    UNKNOWN = "unknown"


class Result(StrEnum):
    """How a CI job ended: the OpenTelemetry CI/CD enum, and ``unknown``."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLATION = "cancellation"
    SKIP = "skip"
    UNKNOWN = "unknown"


FAILED_RESULTS = frozenset({Result.FAILURE, Result.ERROR, Result.TIMEOUT, Result.CANCELLATION})

_CODE = frozenset({Kind.COMPILE_ERROR, Kind.TEST_FAILURE, Kind.LINT_OR_POLICY, Kind.BUILD_CONFIG_ERROR})
_RUNTIME = frozenset(
    {
        Kind.SERVICE_DOWN,
        Kind.SERVICE_DEGRADED,
        Kind.CRASH_LOOP,
        Kind.CONFIG_DRIFT,
        Kind.METRIC_ANOMALY,
        Kind.SLO_BURN,
        Kind.HEARTBEAT_MISSING,
        # What several ends of one job say together; a single log is the code's own.
        Kind.FLAKY_TEST,
        Kind.BRANCH_BROKEN,
    }
)
_NOT_HEALABLE = frozenset({Kind.TLS_CERTIFICATE, Kind.AUTH_CREDENTIALS, Kind.DEPENDENCY_RESOLUTION, Kind.ENVIRONMENT_CONFIG})

# What fails again until its owner mends it, unless somebody who can be asked says that it would not.
_ASKED_FIRST = frozenset({Kind.DEPENDENCY_RESOLUTION})

# What a party outside of every repository causes.
OUTSIDE_KINDS = frozenset(
    {
        Kind.NETWORK_CONNECTIVITY,
        Kind.DNS_RESOLUTION,
        Kind.TLS_CERTIFICATE,
        Kind.REMOTE_SERVICE_ERROR,
        Kind.RATE_LIMITED,
        Kind.SERVICE_UNAVAILABLE,
    }
)

# GitHub's words for a conclusion, beside the OpenTelemetry ones (docs of the check-runs API).
_RESULT_WORDS = {
    "cancelled": Result.CANCELLATION,
    "timed_out": Result.TIMEOUT,
    "skipped": Result.SKIP,
    "startup_failure": Result.ERROR,
    "action_required": Result.UNKNOWN,
    "neutral": Result.SUCCESS,
    "stale": Result.UNKNOWN,
    "failed": Result.FAILURE,
    "passed": Result.SUCCESS,
}


def group_of(kind: Kind) -> Group:
    """Return the group of a kind."""
    if kind is Kind.UNKNOWN:
        return Group.UNKNOWN
    if kind is Kind.SUCCESS:
        return Group.NONE
    if kind in _CODE:
        return Group.CODE
    return Group.RUNTIME if kind in _RUNTIME else Group.INFRA


def is_healable(kind: Kind) -> bool:
    """Tell whether the taxonomy marks the kind as one that a recipe may heal; code, success and unknown never are."""
    return group_of(kind) in {Group.INFRA, Group.RUNTIME} and kind not in _NOT_HEALABLE


def is_asked_first(kind: Kind) -> bool:
    """Tell whether a recipe may try a kind that is not healable, because it first asks whether the failure would come again."""
    return kind in _ASKED_FIRST


def result_from_word(word: str | None) -> Result:
    """Read a conclusion in OpenTelemetry's or GitHub's words; an unknown word becomes ``unknown``."""
    text = (word or "").strip().lower()
    if text in _RESULT_WORDS:
        return _RESULT_WORDS[text]
    return Result(text) if text in set(Result) else Result.UNKNOWN
