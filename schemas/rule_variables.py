"""What a policy's conditions may read: every variable with its type, its meaning and, where they are known, its only values.

``console`` checks conditions against it, ``streams/rule_values.py`` fills it in, and ``docs/policy.md`` lists it.
"""

from __future__ import annotations

from schemas.conditions import Type, Variable
from schemas.decisions import Oversight, Tier
from schemas.events import Origin, Trust
from schemas.oversight import RolloutLevel
from schemas.services import Environment
from schemas.vocabulary import Group, Kind, Result

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NOT_KNOWN = ("",)

VARIABLES: tuple[Variable, ...] = (
    Variable("kind", Type.TEXT, "the kind of failure", tuple(Kind)),
    Variable("group", Type.TEXT, "the group of the kind", tuple(Group)),
    Variable("severity", Type.TEXT, "how bad the failure is, as its source says"),
    Variable("confidence", Type.NUMBER, "how sure the kind is, 0 to 1"),
    Variable("complete", Type.FLAG, "whether all evidence is there"),
    Variable("result", Type.TEXT, "how the CI run ended, empty for what is none", (*Result, *NOT_KNOWN)),
    Variable("members", Type.COUNT, "how many failures the incident stands for"),
    Variable("target", Type.TEXT, "what is healed, such as service:web"),
    Variable("target_type", Type.TEXT, "the target's word before the colon"),
    Variable("target_name", Type.TEXT, "the target's words after the colon"),
    Variable("environment", Type.TEXT, "the service's environment, empty for what is no service", (*Environment, *NOT_KNOWN)),
    Variable("team", Type.TEXT, "whose service it is, empty when nobody says"),
    Variable("service_group", Type.TEXT, "the service's group, empty for what is no service"),
    Variable("labels", Type.WORDS, "the service's labels in services.yaml"),
    Variable("dependents", Type.COUNT, "how many services rest on the target"),
    Variable("dependents_share", Type.NUMBER, "their share of all services, 0 to 1"),
    Variable("strategy", Type.TEXT, "what would be done, empty when nothing heals the kind"),
    Variable("level", Type.TEXT, "the strategy's rollout level", tuple(RolloutLevel)),
    Variable("attempt", Type.COUNT, "which attempt on the incident it would be, from 1"),
    Variable("recent_failures", Type.COUNT, "recoveries of the target that failed inside the loop guard's window"),
    Variable("recent_commands", Type.COUNT, "commands on the target inside the loop guard's window"),
    Variable("success_rate", Type.NUMBER, "share of this strategy's recoveries that healed on targets of this type, 0 to 1"),
    Variable("deployments", Type.COUNT, "deployments that run on the target now"),
    Variable("base_risk", Type.NUMBER, "the risk score before the rules, 0 to 100"),
    Variable("risk", Type.NUMBER, "the risk score; rules that add risk still see the score before the rules"),
    Variable("tier", Type.TEXT, "the tier of that score", tuple(Tier)),
    Variable("origin", Type.TEXT, "who vouches for the evidence", tuple(Origin)),
    Variable("trust", Type.TEXT, "whose code wrote the evidence", tuple(Trust)),
    Variable("opened_by", Type.TEXT, "who opened the incident: a person, or healstream"),
    Variable("source", Type.TEXT, "the CI system, empty for what is no run"),
    Variable("project", Type.TEXT, "the run's project, empty for what is no run"),
    Variable("job", Type.TEXT, "the run's job, empty for what is no run"),
    Variable("branch", Type.TEXT, "the run's branch, empty for what is no run"),
    Variable("trigger", Type.TEXT, "what started the run, such as push; empty for what is no run"),
    Variable("oversight", Type.TEXT, "who watches", tuple(Oversight)),
    Variable("hour", Type.COUNT, "the hour of the day in the policy's zone, 0 to 23"),
    Variable("weekday", Type.TEXT, "the day of the week in the policy's zone", WEEKDAYS),
    Variable("office_hours", Type.FLAG, "whether it is a weekday between office_from_hour and office_until_hour"),
)
