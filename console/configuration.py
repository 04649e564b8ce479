"""From the configuration folder's files to ``schemas.configuration.Configuration``, or to problems as ``file:line:column``.

Called by ``console/publish.py`` and ``healstream config``. All problems are told at once; a set with a problem is never used.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from console.file_shapes import HealstreamFile, PeopleFile, PolicyFile, ServicesFile
from console.heartbeat_rule import HeartbeatRule
from console.notice_problems import notice_problems
from console.notice_shapes import NoticesFile
from console.notices.rules import NoticeRules
from console.plugins import known_cards
from console.rule_places import rule_problems
from console.target_problems import target_problems
from console.window_checks import window_problems
from console.workflow_files import FOLDER, names_in, workflows_in
from console.yaml_places import Document, Problem, Step, read_document
from infra.compiled_patterns import CompiledPatterns
from learning.patterns.loader import REVIEWS_FILE, load_catalogue
from learning.patterns.loader import read_folder as read_patterns
from schemas.authorization import DEFAULT_RULES, faults_in
from schemas.catalogue import CARDS
from schemas.configuration import PATTERNS_PREFIX, Configuration, Keys, cards_with, reviews_from
from schemas.errors import ConfigurationError
from schemas.pattern_review import PatternReview, why_not_counted
from schemas.people import People, Right
from schemas.policy import Policy
from schemas.services import Services, start_order
from schemas.strategy_card import StrategyCard

_REVIEWS_MEND = "write it with `healstream pattern accept|enable|disable`, not by hand"
M = TypeVar("M", bound=BaseModel)
HEALSTREAM, SERVICES, PEOPLE, POLICY = "healstream.yaml", "services.yaml", "people.yaml", "policy/"
NOTICES = "notices.yaml"
REVIEWS = f"patterns/{REVIEWS_FILE}"
CEDAR = ".cedar"


@dataclass(frozen=True, slots=True)
class Files:
    """The texts of a configuration folder by relative name, and those of the shipped and own pattern files."""

    texts: Mapping[str, str]
    patterns: Mapping[str, str]

    def digest(self) -> str:
        """Return the version of exactly these texts."""
        lines = (f"{name}\0{text}\0" for name, text in sorted({**self.texts, **self.patterns}.items()))
        return hashlib.blake2b("".join(lines).encode(), digest_size=16).hexdigest()


def read_folder(folder: Path, shipped_patterns: Path) -> Files:
    """Read the files; raises ConfigurationError when the folder cannot be read. Own patterns of the same name replace shipped ones."""
    texts = _read_texts(folder)
    try:
        patterns = read_patterns(shipped_patterns) | (read_patterns(folder / "patterns") if (folder / "patterns").is_dir() else {})
        reviews = folder / "patterns" / REVIEWS_FILE
        texts |= {REVIEWS: reviews.read_text(encoding="utf-8")} if reviews.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(folder), str(error), "Make the files readable UTF-8") from error
    return Files(texts, patterns)


def _read_texts(folder: Path) -> dict[str, str]:
    if not (folder / HEALSTREAM).is_file():
        raise ConfigurationError(str(folder), f"there is no {HEALSTREAM}", "Make one with `healstream init`")
    try:
        names = [name for name in (HEALSTREAM, SERVICES, PEOPLE, NOTICES) if (folder / name).is_file()]
        texts = {name: (folder / name).read_text(encoding="utf-8") for name in names}
        kinds = ((POLICY, {".yaml", CEDAR}), (FOLDER, {".yaml"}))
        more = [(below, path) for below, ends in kinds for path in sorted((folder / below).glob("*")) if path.suffix in ends]
        return texts | {f"{below}{path.name}": path.read_text(encoding="utf-8") for below, path in more}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(folder), str(error), "Make the files readable UTF-8") from error


def configuration_of(files: Files, keys: Keys, cards: Sequence[StrategyCard] = CARDS) -> Configuration | list[Problem]:
    """Return the whole configuration, or everything that is wrong with the files; ``cards`` are the strategies that a policy may name."""
    problems: list[Problem] = []
    policy, persons = _policy_in(files.texts, problems, cards), _people_in(files.texts, problems)
    workflows = workflows_in(_below(FOLDER, files.texts), tuple(cards), problems)
    services = _shape(SERVICES, files.texts.get(SERVICES, ""), ServicesFile, problems)
    _notices_in(files.texts, persons, problems)
    problems += _pattern_problems(files.patterns)
    reviews = _reviews(files.texts.get(REVIEWS, ""), problems)
    if problems or services is None:
        return problems
    known = _services(services[1], files)
    problems += [*_service_problems(services[0], known), *_review_problems(reviews, persons)]
    problems += window_problems(_policy_texts(files.texts), known)
    if problems:
        return problems
    return Configuration(
        policy=policy,
        services=known,
        people=persons,
        keys=keys,
        patterns=tuple((f"{PATTERNS_PREFIX}{name}", text) for name, text in sorted(files.patterns.items())),
        reviews=reviews,
        cards=cards_with(workflows, tuple(cards)),
        workflows=workflows,
        version=files.digest(),
    )


def load_configuration(folder: Path, shipped_patterns: Path, keys: Keys) -> Configuration:
    """Return the folder's configuration; raises ConfigurationError with every problem's place."""
    found = configuration_of(read_folder(folder, shipped_patterns), keys, known_cards())
    if isinstance(found, list):
        raise _refused(found)
    return found


def load_without_patterns(folder: Path) -> Configuration:
    """Return the folder's configuration but for its patterns, which take long to check; raises ConfigurationError like the whole."""
    found = configuration_of(Files(_read_texts(folder), {}), Keys(), known_cards())
    if isinstance(found, list):
        raise _refused(found)
    return found


def load_people(folder: Path) -> People:
    """Return the folder's people, whatever else is wrong in it: who may stop healing must not hang on a pattern file."""
    problems: list[Problem] = []
    people = _people_in(_read_texts(folder), problems)
    if problems:
        raise _refused(problems)
    return people


def load_policy(folder: Path) -> Policy:
    """Return the folder's policy, with its oversight and secrets, whatever is wrong in its other files, or with an installed package."""
    problems: list[Problem] = []
    policy = _policy_in(_read_texts(folder), problems, None)
    if problems:
        raise _refused(problems)
    return policy


def load_checkpoints_place(folder: Path) -> str:
    """Return where the audit's checkpoints are kept too, as ``healstream.yaml`` says; empty for nowhere."""
    return load_main(folder).checkpoints


def load_heartbeat(folder: Path) -> HeartbeatRule | None:
    """Return whom this copy tells that it is well, as ``healstream.yaml`` says; None for nobody."""
    row = load_main(folder).heartbeat
    return row.record() if row else None


def load_notices(folder: Path) -> NoticeRules:
    """Return who is told of what; no rules where the folder says nothing of it."""
    problems: list[Problem] = []
    texts = _read_texts(folder)
    rules = _notices_in(texts, _people_in(texts, problems), problems)
    if problems:
        raise _refused(problems)
    return rules


def load_services(folder: Path) -> Services:
    """Return the folder's services, whatever is wrong in its other files."""
    problems: list[Problem] = []
    read = _shape(SERVICES, _read_texts(folder).get(SERVICES, ""), ServicesFile, problems)
    if read is None:
        raise _refused(problems)
    return _services(read[1], Files({}, {}))


def load_main(folder: Path) -> HealstreamFile:
    """Return the folder's ``healstream.yaml``, whatever is wrong in its other files."""
    problems: list[Problem] = []
    main = _shape(HEALSTREAM, _read_texts(folder)[HEALSTREAM], HealstreamFile, problems)
    if main is None:
        raise _refused(problems)
    return main[1]


def _refused(problems: Sequence[Problem]) -> ConfigurationError:
    said = "\n".join(str(problem) for problem in problems)
    return ConfigurationError("configuration", said, "Correct the named lines; the old set stays in force")


def _people_in(texts: Mapping[str, str], problems: list[Problem]) -> People:
    read = _shape(PEOPLE, texts.get(PEOPLE, ""), PeopleFile, problems)
    if read is None:
        return People()
    people = People(tuple(row.record() for row in read[1].people), _rules_in(texts, problems))
    problems += [*_repeated(read[0], "people", [person.name for person in people.persons]), *_locked_out(texts, people)]
    return people


def _notices_in(texts: Mapping[str, str], people: People, problems: list[Problem]) -> NoticeRules:
    read = _shape(NOTICES, texts.get(NOTICES, ""), NoticesFile, problems)
    if read is None:
        return NoticeRules()
    rules = read[1].record()
    problems += notice_problems(read[0], rules, [person.name for person in people.persons])
    return rules


def _rules_in(texts: Mapping[str, str], problems: list[Problem]) -> str:
    found = {name: text for name, text in texts.items() if name.endswith(CEDAR)}
    mend = "correct the rule; docs/policy.md lists what it may speak of"
    problems += [Problem(name, row.line, row.column, row.what, mend) for name, text in found.items() for row in faults_in(text)]
    # A folder from before there were rules keeps the rights that its roles had.
    return "\n".join(found.values()) if found else DEFAULT_RULES


def _policy_in(texts: Mapping[str, str], problems: list[Problem], cards: Sequence[StrategyCard] | None) -> Policy:
    main = _shape(HEALSTREAM, texts.get(HEALSTREAM, ""), HealstreamFile, problems)
    known = None if cards is None else (*(card.name for card in cards), *names_in(_below(FOLDER, texts)))
    policy = _policy(_policy_texts(texts), known, problems)
    return policy if main is None else replace(policy, oversight=main[1].oversight, secrets=main[1].secrets)


def _shape(file: str, text: str, shape: type[M], problems: list[Problem]) -> tuple[Document, M] | None:
    document = read_document(file, text)
    if isinstance(document, Problem):
        problems.append(document)
        return None
    try:
        return document, shape.model_validate(document.plain)
    except ValidationError as error:
        problems += [document.problem(_path(fault["loc"]), _words(fault["msg"])) for fault in error.errors()]
        return None


def _path(loc: Sequence[Step]) -> tuple[Step, ...]:
    return tuple(loc)


def _words(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "there is no such field")


def _below(folder: str, texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name.startswith(folder)}


def _policy_texts(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in _below(POLICY, texts).items() if not name.endswith(CEDAR)}


def _policy(texts: Mapping[str, str], known: Sequence[str] | None, problems: list[Problem]) -> Policy:
    found: dict[str, object] = {}
    origin: dict[str, str] = {}
    for file, text in texts.items():
        parsed = _shape(file, text, PolicyFile, problems)
        if parsed is None:
            continue
        document, rows = parsed
        for name, value in rows.fields_set().items():
            if name in found:
                problems.append(document.problem((name,), f"{origin[name]} sets it too", "keep one of the two"))
            found[name], origin[name] = value, file
        problems += rule_problems(document, [row.record() for row in rows.rules or ()])
        for index, row in enumerate(rows.strategies or ()):
            if known is not None and row.strategy not in known:
                mend = f"name one of {', '.join(known)}"
                problems.append(document.problem(("strategies", index, "strategy"), f"{row.strategy} is no strategy", mend))
    policy = replace(Policy(), **found)  # type: ignore[arg-type]
    return _ordered(policy, origin, problems)


_RISING = (
    ("medium_from", "high_from", "critical_from", "never_from"),
    ("office_from_hour", "office_until_hour"),
    ("again_first_wait_s", "again_longest_wait_s"),
    # What waits for longer than it is valid would never be done.
    ("again_first_wait_s", "decision_valid_s"),
)


def _ordered(policy: Policy, origin: Mapping[str, str], problems: list[Problem]) -> Policy:
    for names in _RISING:
        values = [getattr(policy, name) for name in names]
        if values != sorted(values):
            place = next((origin[name] for name in names if name in origin), POLICY)
            problems.append(Problem(place, 1, 1, f"{' <= '.join(names)} does not hold", "put them in order"))
    return policy


def _services(rows: ServicesFile, files: Files) -> Services:
    return Services(
        services=tuple(row.record() for row in rows.services),
        configs=tuple(row.record() for row in rows.configs),
        ci=tuple(row.record() for row in rows.ci),
        version=hashlib.blake2b(files.texts.get(SERVICES, "").encode(), digest_size=16).hexdigest(),
        upstreams=tuple(row.record() for row in rows.upstreams),
        disks=tuple(row.record() for row in rows.disks),
        containers=tuple(row.record() for row in rows.containers),
        caches=tuple(row.record() for row in rows.caches),
        lockfiles=tuple(row.record() for row in rows.lockfiles),
        indexes=tuple(row.record() for row in rows.indexes),
        prometheus=tuple(row.record() for row in rows.prometheus),
        limits=tuple(row.record() for row in rows.limits),
        deployments=tuple(row.record() for row in rows.deployments),
        nodes=tuple(row.record() for row in rows.nodes),
        trunks=tuple(row.record() for row in rows.trunks),
        pushes=tuple(row.record() for row in rows.pushes),
        runners=tuple(row.record() for row in rows.runners),
        metric_rules=tuple(row.record() for row in rows.metric_rules),
        metric_queries=tuple(row.record() for row in rows.metric_queries),
    )


def _service_problems(document: Document, services: Services) -> list[Problem]:
    known = {spec.name: spec for spec in services.services}
    problems = _repeated(document, "services", [spec.name for spec in services.services])
    problems += _repeated(document, "configs", [spec.name for spec in services.configs])
    problems += target_problems(document, services)
    problems += [*_repeated(document, "upstreams", [spec.name for spec in services.upstreams]), *_shared_hosts(document, services)]
    for index, spec in enumerate(services.services):
        for name in spec.depends_on:
            if name not in known:
                problems.append(
                    document.problem(("services", index, "depends_on"), f"{name} is no service", "name one that is in the file")
                )
        if all(name in known for name in spec.depends_on) and start_order(known, spec.name) is None:
            problems.append(document.problem(("services", index, "depends_on"), "the dependencies form a ring", "break it"))
    for index, row in enumerate(services.configs):
        if row.service not in known:
            problems.append(document.problem(("configs", index, "service"), f"{row.service} is no service", "name one that is in the file"))
    return problems


def _shared_hosts(document: Document, services: Services) -> list[Problem]:
    owners: dict[str, str] = {}
    problems: list[Problem] = []
    for index, spec in enumerate(services.upstreams):
        for number, host in enumerate(spec.hosts):
            if owners.setdefault(host, spec.name) != spec.name:
                mend = "leave it to one of the two"
                problems.append(document.problem(("upstreams", index, "hosts", number), f"{owners[host]} answers for {host} too", mend))
    return problems


def _locked_out(texts: Mapping[str, str], people: People) -> list[Problem]:
    # Own rules can leave nobody who could stop healing, or let it go on again; only files could mend that then.
    own = next((name for name in sorted(texts) if name.endswith(CEDAR)), None)
    if own is None or people.rules == DEFAULT_RULES or not people.persons or faults_in(people.rules):
        return []
    mend = "permit it to somebody of people.yaml"
    return [
        Problem(own, 1, 1, f"the rules let nobody {right} of the fleet", mend)
        for right in (Right.ENGAGE_SWITCH, Right.RELEASE_SWITCH)
        if not any(people.may(person.name, right) for person in people.persons)
    ]


def _repeated(document: Document, section: str, names: Sequence[str]) -> list[Problem]:
    return [
        document.problem((section, index, "name"), f"{name} is there twice", "give it another name")
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def _pattern_problems(patterns: Mapping[str, str]) -> list[Problem]:
    # The same set is not checked twice: that takes seconds, and most changes of a folder leave it alone.
    loaded = load_catalogue(patterns, CompiledPatterns.in_cache(os.environ))
    if not isinstance(loaded, list):
        return []
    return [Problem(f"patterns/{row.file}", row.line, row.column, row.message, "correct the pattern") for row in loaded]


def _reviews(text: str, problems: list[Problem]) -> tuple[PatternReview, ...]:
    try:
        return reviews_from(text)
    except json.JSONDecodeError as error:
        problems.append(Problem(REVIEWS, error.lineno, error.colno, error.msg, _REVIEWS_MEND))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problems.append(Problem(REVIEWS, 1, 1, f"this is no list of reviews: {error}", _REVIEWS_MEND))
    return ()


def _review_problems(reviews: Sequence[PatternReview], people: People) -> list[Problem]:
    found = ((review, why_not_counted(review, people)) for review in reviews)
    return [Problem(REVIEWS, 1, 1, f"the word on {review.pattern} does not count: {why}", _REVIEWS_MEND) for review, why in found if why]
