"""The publisher and the follower of ``heal.catalogue`` in virtual time: what is published acts in a running ``MemoryFlow``."""

from __future__ import annotations

from dataclasses import dataclass, replace

from console.publish import changes_of
from infra.catalogue_follower import LOOK_S
from schemas.configuration import Configuration
from schemas.oversight import CatalogueEntry
from schemas.signing import private_key_from, public_text
from streams.rules import FaustRules, Shipped
from streams.rules_in_force import Heard, next_rules
from tests.support.memory_flow import MemoryFlow

PUBLISHER = private_key_from(b"publisher".ljust(32, b"."))
FOLLOWED = ("heal.catalogue", "learning.models", "heal.demotions")


@dataclass
class MemoryPublisher:
    """Publishes configurations into a flow and lets its workers look at the topics as often as real ones do."""

    flow: MemoryFlow
    shipped: Shipped

    def publish(self, configuration: Configuration) -> None:
        """Send what has changed."""
        wanted = replace(configuration, keys=self.flow.configuration.keys)
        for entry in changes_of(wanted, self.flow.of(CatalogueEntry, "heal.catalogue"), PUBLISHER, self.flow.now):
            self.flow.send(entry)

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass; every two seconds of it the workers look."""
        while seconds > 0:
            self.flow.pass_time(min(seconds, LOOK_S))
            seconds -= LOOK_S
            self.look()

    def look(self) -> FaustRules:
        """Take up what is on the topics now."""
        heard = Heard(public_text(PUBLISHER))
        for topic in FOLLOWED:
            for record in self.flow.topics.records(topic):
                heard.note(record)
        found = next_rules(heard, self.flow.rules, self.shipped, None)
        if found.rules is not None:
            found.rules.matcher.make_ready()
            self.flow.take_up(found.rules)
        return self.flow.rules
