"""Who each process is to the broker and what it may do there: one table, from which the broker's access rules and a page are made.

Who writes a topic stands in ``topics.py``; here stands which process speaks under those names, and what it reads. What no row gives is
denied. ``infra/acls_admin.py`` puts it in force; the page is ``python -m schemas.principals > docs/principals.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from typing_extensions import override

from schemas.topics import TOPICS

# Clients that look at partitions of their own choice and never commit: the broker wants a group's name of them all the same.
LOOKERS = "healstream-look-"
STATE = "heal.state."
PUBLISHED = ("heal.catalogue", "learning.models", "heal.demotions")
_ALL = tuple(topic.name for topic in TOPICS)
_SHOWN = ("heal.incidents", "heal.decisions", "heal.admissions", "recovery.outcomes", "heal.control")


class Resource(StrEnum):
    """What a right is given on, in the broker's words."""

    TOPIC = "TOPIC"
    GROUP = "GROUP"
    TRANSACTION = "TRANSACTIONAL_ID"


class Operation(StrEnum):
    """What may be done with it, in the broker's words; who reads or writes may see the ends too."""

    READ = "READ"
    WRITE = "WRITE"
    DESCRIBE = "DESCRIBE"
    SETTINGS = "DESCRIBE_CONFIGS"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One row of the broker's access rules; ``is_prefix``: of every name that begins so. Rows of others may hold words that ours do not."""

    principal: str
    resource: str
    name: str
    operation: str
    is_prefix: bool = False
    host: str = "*"
    is_denial: bool = False

    @override
    def __str__(self) -> str:
        """Say it in words."""
        where = "" if self.host == "*" else f" from {self.host}"
        name = f"{self.name}*" if self.is_prefix else self.name
        return f"{self.principal} {'may not' if self.is_denial else 'may'} {self.operation} {self.resource} {name}{where}"

    def is_on(self, topic: str) -> bool:
        """Tell whether it is about this topic."""
        return self.resource == Resource.TOPIC and (self.name in {topic, "*"} or (self.is_prefix and topic.startswith(self.name)))


@dataclass(frozen=True, slots=True)
class Principal:
    """One process: what it is, under which names of the table of topics it writes, and what it reads beside the state that it keeps.

    ``groups`` and ``transactions`` are beginnings of names. Who ``looks`` checks at its start that every topic is there, and may see
    names and ends of all. ``settings``: the topics whose settings it compares with what was promised.
    """

    name: str
    what: str
    writers: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()
    looks: bool = True
    settings: tuple[str, ...] = ()

    @property
    def username(self) -> str:
        """Return the name that it proves to the broker."""
        return f"healstream-{self.name}"

    @property
    def writes(self) -> tuple[str, ...]:
        """Return the topics that it writes."""
        return tuple(topic.name for topic in TOPICS if set(topic.writers) & set(self.writers))

    @property
    def all_reads(self) -> tuple[str, ...]:
        """Return the topics that it reads, those of its state too."""
        return tuple(dict.fromkeys((*self.reads, *(name for name in self.writes if name.startswith(STATE)))))


PRINCIPALS: tuple[Principal, ...] = (
    Principal(
        "detect",
        "`streams.app` with the role detect",
        ("detect",),
        ("ci.logs", "ci.events", "infra.metrics", "infra.health", "infra.alerts", *PUBLISHED),
        ("healstream-detect",),
    ),
    Principal(
        "middle",
        "`streams.app` with the role middle: classify, decide, learn",
        ("classify", "decide", "learn"),
        (*_SHOWN, "heal.detections", "learning.feedback", *PUBLISHED),
        ("healstream-middle",),
    ),
    Principal(
        "gatekeeper",
        "`streams.gatekeeper`: admit and the notary",
        ("admit", "notary"),
        (
            "heal.decisions",
            "heal.control",
            "recovery.outcomes",
            "heal.incidents",
            "heal.detections",
            "heal.audit.entries",
            "heal.catalogue",
        ),
        ("healstream-admit", "healstream-notary"),
        ("healstream-admit", "healstream-notary"),
    ),
    Principal(
        "executor",
        "`recoverers.worker`",
        ("executor",),
        ("recovery.commands", "recovery.journal", "heal.lease", "heal.control", "heal.catalogue", "heal.detections"),
        ("healstream-executor",),
        ("healstream-execute-",),
    ),
    Principal("prober", "`streams.prober`, which polls metrics too", ("prober", "scraper"), ("heal.catalogue", "ci.events")),
    Principal("gateway", "`console.serve`: what other systems send over HTTP", ("gateway",)),
    Principal(
        "fetcher",
        "`console.fetch_logs`: asks CI servers for the logs that their events came without",
        ("fetcher",),
        ("ci.events", "heal.catalogue"),
        ("healstream-fetch",),
    ),
    Principal(
        "reporter",
        "`console.report_runs`: writes check runs and issues about incidents of jobs",
        ("reporter",),
        ("heal.incidents", "heal.decisions", "recovery.outcomes", "heal.catalogue"),
        ("healstream-report",),
        ("healstream-report",),
    ),
    Principal(
        "notify",
        "`console.notify`: tells people, and programs that read CDEvents",
        ("notify",),
        (*_SHOWN, "heal.catalogue"),
        ("healstream-notify",),
        ("healstream-notify",),
    ),
    Principal(
        "supervisor",
        "`console.system`: publishes the configuration and a stop that was said while Kafka was down, writes case files and checkpoints",
        ("publisher", "supervisor"),
        (*_SHOWN, "heal.catalogue", "heal.audit", "heal.lease"),
    ),
    Principal(
        "operator",
        "the commands of people; what they say counts by their own signature",
        ("publisher", "console"),
        _ALL,
        settings=("heal.audit",),
    ),
    Principal("ci-producer", "programs that tell of CI jobs", ("ci-producer",), looks=False),
    Principal("target-producer", "programs that tell of metrics and health", ("target-producer",), looks=False),
    Principal(
        "outcome-reader",
        "programs that read how recoveries ended",
        reads=("recovery.outcomes",),
        groups=("healstream-outcome-reader",),
        looks=False,
    ),
)
_PRODUCERS = frozenset({"ci-producer", "target-producer"})


def rights_of(principal: Principal) -> frozenset[Right]:
    """Return everything that a principal may do."""
    topics = [(name, Operation.WRITE) for name in principal.writes]
    topics += [(name, Operation.READ) for name in principal.all_reads]
    topics += [(name, Operation.SETTINGS) for name in principal.settings]
    topics += [(name, Operation.DESCRIBE) for name in (_ALL if principal.looks else ())]
    prefixes = [(Resource.GROUP, name, Operation.READ) for name in principal.groups]
    prefixes += [(Resource.GROUP, LOOKERS, Operation.DESCRIBE)] if principal.looks else []
    prefixes += [(Resource.TRANSACTION, name, Operation.WRITE) for name in principal.transactions]
    literal = [Right(principal.username, Resource.TOPIC, name, operation) for name, operation in topics]
    return frozenset((*literal, *(Right(principal.username, *place, is_prefix=True) for place in prefixes)))


def all_rights() -> frozenset[Right]:
    """Return the broker's access rules as they ought to be."""
    return frozenset(right for principal in PRINCIPALS for right in rights_of(principal))


def is_ours(right: Right) -> bool:
    """Tell whether a right is one of our principals': of these, exactly the rows of the table may be in force."""
    return right.principal in {one.username for one in PRINCIPALS}


def faults_of(found: frozenset[Right]) -> list[str]:
    """Return in what the rules in force differ from the table; others may be allowed to read, and to write where programs may produce."""
    wanted = all_rights()
    missing = [f"missing: {right}" for right in sorted(wanted - found)]
    surplus = [f"not in the table: {right}" for right in sorted(found - wanted) if is_ours(right)]
    strangers = [f"a stranger's: {right}" for right in sorted(found) if not is_ours(right) and _is_dangerous(right)]
    return [*missing, *surplus, *strangers]


def _is_dangerous(right: Right) -> bool:
    is_harmless = right.is_denial or right.operation in {Operation.READ, Operation.DESCRIBE, Operation.SETTINGS}
    return not is_harmless and any(right.is_on(topic.name) for topic in TOPICS if not set(topic.writers) & _PRODUCERS)


def render() -> str:
    """Return the page ``docs/principals.md``."""
    lines = [
        "# Who may do what on the broker",
        "",
        "Rendered from `schemas/principals.py` and the writers in `schemas/topics.py`; change them there and run",
        "`python -m schemas.principals > docs/principals.md`. What no row gives is denied. `docs/security.md` says how to use it.",
        "",
        "| principal | is | writes | reads | group ids that begin with | transactional ids that begin with |",
        "|---|---|---|---|---|---|",
    ]
    for one in PRINCIPALS:
        reads = "every topic" if one.reads == _ALL else _listed(one.all_reads)
        cells = (f"`{one.username}`", one.what, _listed(one.writes), reads, _listed(one.groups), _listed(one.transactions))
        lines.append(f"| {' | '.join(cells)} |")
    looking = ", ".join(f"`{one.username}`" for one in PRINCIPALS if one.looks)
    return "\n".join([*lines, "", f"Names and ends of every topic, but no records, are seen by {looking}.", ""])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "-"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 - the page goes to standard output
