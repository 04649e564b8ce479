"""One seed's six months: events are scored by a learning and a frozen recognition before their labels, which come late, are learned.

The learning side is the real stage (``streams/learn.py``): incidents, words of people and verified outcomes go in, proposals come out,
and a person other than their author promotes them a while later. ``poison`` is the share of all labels that one source gives wrong.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from random import Random

from learning.classification import Classification
from learning.classifier import KINDS, Classifier
from learning.guard import GuardScores, worse_splits
from schemas.ids import id_of
from schemas.incidents import HitSeen, Incident, RunRef
from schemas.outputs import Count, Emit, Output
from schemas.oversight import AuditEntry, Feedback, ModelChange, ModelRecord
from schemas.recoveries import FactorResult, OutcomeStatus
from schemas.signing import sign
from schemas.vocabulary import Group, Kind, group_of
from streams.contest_entries import body_of, classifier_of
from streams.learn import Learn, LearnRules
from tests.learning_run.assumptions import (
    ARGUABLE,
    BAD_PERSON,
    BAD_PROJECT,
    EVENTS_A_MONTH,
    LABEL_DELAY_S,
    LABELS_ACTED,
    LABELS_NAMED,
    LABELS_UNKNOWN,
    MONTH_S,
    MONTHS,
    OUTCOME_DELAY_S,
    PEOPLE,
    PROJECT_SKEW,
    PROJECTS,
    PROMOTION_DELAY_S,
)
from tests.learning_run.material import Log
from tests.learning_run.world import Opinion, Sight, World, draw_ranks, first_model, weights_of
from tests.support.failures import KEYS, PLACE, T0, TRUSTED, configuration, outcome


@dataclass(frozen=True, slots=True)
class Mark:
    """One failure's or success' judgement by both sides; ``is_fresh``: no label of its log has been learned."""

    month: int
    is_fresh: bool
    learning: bool
    frozen: bool
    harm: bool
    acts_wrong: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One promotion: the splits it made worse on the guard set, judged anew, and right kinds before and after on the fresh logs."""

    at_s: float
    worse: tuple[str, ...]
    acted_changed: bool
    fresh_before: int
    fresh_after: int


@dataclass(frozen=True, slots=True)
class Drift:
    """An alarm: the watch that says drift, and when."""

    watch: str
    at_s: float


@dataclass(slots=True)
class Played:
    """What one seed gave; ``failures`` and ``abstentions`` of the learning side are by month.

    ``named`` holds confidence and rightness of what only the model named, ``acts_moved`` the events that one side acts on and the other
    does not.
    """

    seed: int
    marks: list[Mark] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    actions: dict[str, int] = field(default_factory=dict)
    drifts: list[Drift] = field(default_factory=list)
    failures: list[int] = field(default_factory=lambda: [0] * MONTHS)
    abstentions: list[int] = field(default_factory=lambda: [0] * MONTHS)
    named: list[tuple[float, bool]] = field(default_factory=list)
    acts_moved: int = 0
    acted_before: frozenset[str] = frozenset()
    acted_after: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Happens:
    """An event of the simulation: a failure or success of one project's job."""

    at_s: float
    month: int
    sight: Sight
    project: str
    number: int


def draw_events(world: World, draw: Random, a_month: int) -> Iterator[Happens]:
    """Yield the events of all months in the order of their times."""
    numbers = count()
    ranks = draw_ranks(world.logs, draw)
    for month in range(MONTHS):
        logs = world.present(month)
        chosen = draw.choices(logs, weights_of(logs, ranks), k=a_month)
        times = sorted(draw.uniform(month * MONTH_S, (month + 1) * MONTH_S) for _ in chosen)
        for at_s, log in zip(times, chosen, strict=True):
            project = f"acme/{int(PROJECTS * draw.random() ** PROJECT_SKEW)}"
            yield Happens(at_s, month, world.sight(log, draw.randrange(len(log.seen))), project, next(numbers))


class Play:
    """The state of one seed while it is played."""

    def __init__(self, world: World, draw: Random, played: Played, poison: float) -> None:
        """Begin with one model on both sides."""
        self.world, self.draw, self.played, self.poison = world, draw, played, poison
        first = first_model(world, draw)
        self.frozen = Opinion(world.recognizer, first)
        self.acting = self.frozen
        self.month = 0
        rules = LearnRules(configuration(), body_of(first.snapshot()), guard=self._worse)
        self.learn = Learn.from_state({}, rules)
        self.due: list[tuple[float, int, Feedback | ModelRecord | tuple[Incident, Kind]]] = []
        self.order = count()
        self.bodies: dict[str, ModelRecord] = {}
        self.guarded: tuple[Classifier, int, GuardScores] | None = None
        self.learned: set[str] = set()
        self.logs_of: dict[str, str] = {}
        played.acted_before = self._scores(first).acted

    def _scores(self, classifier: Classifier) -> GuardScores:
        return self.world.guard(self.month).score(classifier)

    def _worse(self, champion: Classifier, challenger: Classifier) -> tuple[str, ...]:
        # The champion's scores hold until another acts or another family's cases have come.
        if self.guarded is None or self.guarded[0] is not champion or self.guarded[1] != self.month:
            self.guarded = (champion, self.month, self._scores(champion))
        return worse_splits(self.guarded[2], self._scores(challenger))

    def step(self, event: Happens) -> None:
        """Learn what has become due, then score the event, and only then let it be labelled some time."""
        self.month = event.month
        while self.due and self.due[0][0] <= event.at_s:
            at_s, _, word = heapq.heappop(self.due)
            self._hear(word, at_s)
        learning, frozen = self.acting.of(event.sight), self.frozen.of(event.sight)
        self.played.acts_moved += learning.acts is not frozen.acts
        log = event.sight.log
        is_fresh = log.id not in self.learned
        is_wrong_act = learning.acts and learning.kind is not log.kind
        harm = learning.group is Group.INFRA and group_of(log.kind) is not Group.INFRA
        self.played.marks.append(Mark(event.month, is_fresh, is_right(learning, log), is_right(frozen, log), harm, is_wrong_act))
        if not learning.abstained and not learning.pattern and learning.kind is not Kind.SUCCESS:
            self.played.named.append((learning.confidence, is_right(learning, log)))
        if group_of(log.kind) is not Group.NONE:
            self.played.failures[event.month] += 1
            self.played.abstentions[event.month] += learning.abstained
            self._report(event, learning)

    def _report(self, event: Happens, said: Classification) -> None:
        incident = incident_of(event, said)
        log = event.sight.log
        self._take(self.learn.on_event(incident, PLACE, incident.opened_at), event.at_s)
        if log.id not in self.world.teaching:
            return
        self.logs_of[id_of(incident)] = log.id
        share = LABELS_UNKNOWN if said.abstained else LABELS_ACTED if said.acts else LABELS_NAMED
        if self.draw.random() < share:
            self._label(event, incident, log)
        if said.acts and said.kind is log.kind and log.kind is Kind.DISK_FULL:
            self._later(event.at_s + self.draw.expovariate(1 / OUTCOME_DELAY_S), (incident, log.kind))

    def _label(self, event: Happens, incident: Incident, log: Log) -> None:
        is_bad = self.draw.random() < self.poison
        kind = log.kind
        if is_bad:
            # The worst that one source can do: it calls changes at fault infrastructure, and infrastructure something else.
            kind = self.draw.choice([other for other in KINDS if other is not kind and group_of(other) is Group.INFRA])
            incident = replace(
                incident, origin_key=(*incident.origin_key[:1], BAD_PROJECT, *incident.origin_key[2:]), run=_run(event, BAD_PROJECT)
            )
            self._take(self.learn.on_event(incident, PLACE, incident.opened_at), event.at_s)
            self.logs_of[id_of(incident)] = log.id
        elif self.draw.random() < ARGUABLE:
            kind = self.draw.choice([other for other in KINDS if group_of(other) is group_of(kind)])
        at_s = event.at_s + self.draw.expovariate(1 / LABEL_DELAY_S)
        by = BAD_PERSON if is_bad else self.draw.choice(PEOPLE)
        self._later(at_s, sign(Feedback(id_of(incident), "person", by, T0 + timedelta(seconds=at_s), kind), KEYS[by]))

    def _later(self, at_s: float, word: Feedback | ModelRecord | tuple[Incident, Kind]) -> None:
        heapq.heappush(self.due, (at_s, next(self.order), word))

    def _hear(self, word: Feedback | ModelRecord | tuple[Incident, Kind], at_s: float) -> None:
        at = T0 + timedelta(seconds=at_s)
        if isinstance(word, tuple):
            healed = outcome(word[0], OutcomeStatus.HEALED, at_s)
            proof = (FactorResult("free_bytes", "probe", passed=True),)
            outputs = self.learn.on_event(replace(healed, strategy="disk_cleanup", verification=proof), PLACE, at)
            self.learned.add(self.logs_of[id_of(word[0])])
        elif isinstance(word, Feedback):
            outputs = self.learn.on_event(word, PLACE, at)
            if any(
                isinstance(row, Emit) and isinstance(row.record, AuditEntry) and row.record.action == "lesson.learned" for row in outputs
            ):
                self.learned.add(self.logs_of[word.incident_id])
        else:
            outputs = self._promote(word, at_s)
        self._take(outputs, at_s)

    def _promote(self, record: ModelRecord, at_s: float) -> Sequence[Output]:
        by = "ada" if record.by == "anton" else "anton"
        word = sign(replace(record, change=ModelChange.PROMOTED, by=by, body="", at=T0 + timedelta(seconds=at_s), signature=""), KEYS[by])
        model = classifier_of(record.body)
        outputs = self.learn.on_event(word, PLACE, word.at)
        if any(isinstance(row, Emit) and isinstance(row.record, AuditEntry) and row.record.action == "model.promoted" for row in outputs):
            before, after = self._scores(self.acting.model), self._scores(model)
            promoted = Opinion(self.world.recognizer, model)
            fresh = [self._fresh_right(side) for side in (self.acting, promoted)]
            self.played.steps.append(Step(at_s, worse_splits(before, after), before.acted != after.acted, fresh[0], fresh[1]))
            self.acting = promoted
        return outputs

    def _fresh_right(self, side: Opinion) -> int:
        logs = [log for log in self.world.present(self.month) if log.id not in self.world.teaching]
        return sum(is_right(side.of(self.world.sight(log, 0)), log) for log in logs)

    def _take(self, outputs: Sequence[Output], at_s: float) -> None:
        for output in outputs:
            match output:
                case Emit(ModelRecord(change=ModelChange.SNAPSHOT) as record):
                    self.bodies[record.version] = record
                case Emit(ModelRecord(change=ModelChange.PROPOSED) as record):
                    self._later(at_s + self.draw.expovariate(1 / PROMOTION_DELAY_S), self.bodies[record.version])
                case Emit(AuditEntry() as entry):
                    self.played.actions[entry.action] = self.played.actions.get(entry.action, 0) + 1
                case Count("healstream_drift_detected_total", labels):
                    self.played.drifts.append(Drift(dict(labels)["model"], at_s))
                case _:
                    continue


def is_right(said: Classification, log: Log) -> bool:
    """Tell whether the kind is right: of a success, that nothing is wrong."""
    return said.kind is log.kind or (group_of(log.kind) is Group.NONE and said.kind is Kind.UNKNOWN)


def _run(event: Happens, project: str) -> RunRef:
    return RunRef("github", project, str(event.number), 1, "build", commit="abc", trigger="push")


def incident_of(event: Happens, said: Classification) -> Incident:
    """Return the incident that classify would open."""
    at = T0 + timedelta(seconds=event.at_s)
    cause = next((hit for hit in event.sight.hits if hit.pattern == said.pattern), None)
    run = _run(event, event.project)
    return Incident(
        origin_key=("github", event.project, run.run_id, "build", "1"),
        kind=said.kind,
        group=said.group,
        confidence=said.confidence,
        fingerprint="f",
        target=f"job:github/{event.project}/{run.run_id}/build",
        scope=f"run:github/{event.project}/{run.run_id}",
        severity="warning",
        complete=True,
        opened_at=at,
        detected_at=at,
        run=run,
        result=event.sight.log.result,
        features=event.sight.as_features,
        abstained=said.abstained,
        provenance=TRUSTED,
        hits=(HitSeen(cause.pattern, cause.kind, cause.line, cause.text[:200]),) if cause else (),
        may_act=said.acts,
    )


def play(world: World, seed: int, poison: float = 0.0, a_month: int = EVENTS_A_MONTH) -> Played:
    """Play six months; the same seed gives the same events with and without poison."""
    played = Played(seed)
    events = list(draw_events(world, Random(seed), a_month))
    game = Play(world, Random(seed + 1), played, poison)
    for event in events:
        game.step(event)
    played.acted_after = game._scores(game.acting.model).acted
    return played
