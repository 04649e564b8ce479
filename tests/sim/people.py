"""The people of the simulation: who halts and releases, and what they answer when a plan is shown to them, some of it out of order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.decisions import HealingCommand, Mode
from schemas.ids import id_of
from schemas.oversight import Approval, Control, KillSwitch, SwitchMode
from schemas.people import People as Persons
from schemas.people import Person, Role
from schemas.signing import private_key_from, public_text, sign
from streams.binding import Letter, letter_of
from tests.sim.log import Log
from tests.sim.timeline import Timeline
from tests.support.memory_topics import CODEC

KEYS: dict[str, Ed25519PrivateKey] = {
    name: private_key_from(name.encode().ljust(32, b".")) for name in ("olga", "anton", "vera", "mallory")
}
ROLES = {"olga": Role.OPERATOR, "anton": Role.APPROVER, "vera": Role.VIEWER}
PEOPLE = Persons(tuple(Person(name, frozenset({role}), public_text(KEYS[name])) for name, role in ROLES.items()))

WAYS = ("yes", "yes", "yes", "no", "never", "late", "other plan", "no right", "forged", "expired")


class Stage(Protocol):
    """What people need of the world they live in."""

    log: Log
    timeline: Timeline
    random: Random

    def put(self, letter: Letter) -> None:
        """Append a letter as soon as the broker takes it."""
        ...


@dataclass
class People:
    """Looks at every plan that is shown and answers it once, in a way and after a time that are drawn."""

    world: Stage
    always: str = ""
    answered: set[str] = field(default_factory=set)
    read: dict[int, int] = field(default_factory=dict)

    def look(self) -> None:
        """Answer what was shown since the last look."""
        for partition in range(self.world.log.partitions):
            known = self.world.log.known("recovery.commands", partition)
            for record in known[self.read.get(partition, 0) :]:
                if isinstance(record, HealingCommand) and record.mode is Mode.PLAN and id_of(record) not in self.answered:
                    self.answered.add(id_of(record))
                    self._answer(record)
            self.read[partition] = len(known)

    def _answer(self, shown: HealingCommand) -> None:
        way = self.always or self.world.random.choice(WAYS)
        after_s = self.world.random.uniform(0.5, 8.0) if way != "late" else 70.0
        call: Callable[[], None] = partial(self._say, shown, way)
        if way != "never":
            self.world.timeline.at(self.world.timeline.now_s + after_s, call)

    def _say(self, shown: HealingCommand, way: str) -> None:
        now = self.world.timeline.now
        by = {"no right": "vera", "forged": "anton"}.get(way, "anton")
        plan = "f" * len(shown.plan_hash) if way == "other plan" else shown.plan_hash
        ends = now - timedelta(seconds=1) if way == "expired" else now + timedelta(hours=1)
        said = Control(f"approval/{shown.decision_id}/{by}", by, now, approval=Approval(plan, way != "no", ends, f"nonce-{way}"))
        self.send(said, KEYS["mallory" if way == "forged" else by])

    def switch(self, scope: str, mode: SwitchMode, by: str) -> None:
        """Engage or release a switch."""
        said = Control(f"killswitch/{scope}", by, self.world.timeline.now, killswitch=KillSwitch(mode, "drill"))
        self.send(said, KEYS[by])

    def send(self, said: Control, key: Ed25519PrivateKey) -> None:
        """Say one word, signed with this key."""
        self.world.put(letter_of(sign(said, key), "", CODEC))
