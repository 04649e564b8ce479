"""Drift on what comes in and on what labels say of it, as rows of state; used by ``streams/learn.py``.

Inputs: the share of abstentions, of failures whose features the model hardly knows, and of patterns not seen while the usual mix was
learned. Labels: the share of kinds that people correct. What strategies achieve is watched where it is enforced: ``demotions.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from learning.classifier import Classifier
from learning.drift import Familiar, Watch, WatchRules, observe
from schemas.incidents import Incident
from schemas.outputs import Count, Emit, Output
from schemas.oversight import AuditEntry
from streams.rows import Rows

ABSTAINED, UNSEEN, PATTERNS, LABELS = "inputs/abstained", "inputs/unseen", "inputs/patterns", "labels/wrong"
RULES = WatchRules()
# Labels are few: they are judged sooner, and one false alarm in some 1,100 labels is borne.
LABEL_RULES = WatchRules(rise=0.2, bound=7.0, warm_up=40)
_MIX = 200
_KNOWN_SHARE = 0.5


class DriftWatch:
    """The watches and the usual mix of patterns."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Begin again from a snapshot's entries."""
        self._watches = Rows("drift/", Watch, 16)
        self._mix = Rows("mix/", Familiar, 1)
        for rows in (self._watches, self._mix):
            rows.load(entries)

    def on_incident(self, incident: Incident, champion: Classifier, now: datetime) -> Sequence[Output]:
        """Watch one new failure of a run."""
        if incident.run is None:
            return ()
        outputs = [*self._watch(ABSTAINED, incident.abstained, RULES, now)]
        if incident.features:
            familiarity = champion.familiarity({feature.index: feature.weight for feature in incident.features})
            outputs += self._watch(UNSEEN, familiarity < _KNOWN_SHARE, RULES, now)
        if incident.hits:
            outputs += self._on_pattern(incident.hits[0].pattern, now)
        return outputs

    def on_label(self, is_wrong: bool, now: datetime) -> Sequence[Output]:
        """Watch one label: whether a person corrects what was said."""
        return self._watch(LABELS, is_wrong, LABEL_RULES, now)

    def _on_pattern(self, pattern: str, now: datetime) -> Sequence[Output]:
        mix = self._mix.get(PATTERNS) or Familiar()
        if mix.n < _MIX:
            self._mix.put(PATTERNS, mix.learn(pattern))
            return ()
        outputs = self._watch(PATTERNS, not mix.knows(pattern), RULES, now)
        if outputs:
            self._mix.put(PATTERNS, Familiar())
        return outputs

    def _watch(self, name: str, said_yes: bool, rules: WatchRules, now: datetime) -> Sequence[Output]:
        before = self._watches.get(name) or Watch()
        after, is_drift = observe(before, said_yes, rules)
        self._watches.put(name, after)
        if not is_drift:
            return ()
        usual = before.usual(rules)
        details = (
            ("drifts", str(after.drifts)),
            ("usual", f"{usual:.3f}"),
            ("why", f"{name} is at least {rules.rise:.2f} above its usual share"),
        )
        return [
            Emit(AuditEntry("learn", "drift.detected", name, now, details)),
            Count("healstream_drift_detected_total", (("model", name),)),
        ]

    def take_changes(self) -> dict[str, str | None]:
        """Return the entries changed since the last call."""
        return {**self._watches.take_changes(), **self._mix.take_changes()}

    def snapshot(self) -> dict[str, str]:
        """Return all entries."""
        return {**self._watches.snapshot(), **self._mix.snapshot()}
