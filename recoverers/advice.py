"""What a person should do about a target that was left as it is, by the reason that its recipe gave; used by ``conclude``."""

from __future__ import annotations

# The fact under which a recipe names what it noticed of its target beside the failure.
NOTICED = "noticed"
TAKES_LONGER = "takes_longer_and_longer"
_BY_REASON = {
    TAKES_LONGER: "Open an issue: its passing runs took longer and longer; split it or make it faster, or it runs out of time again",
    "rules_free_too_little": "Resize: make the disk larger, or let its rules clean more; what they allow at once does not make it well",
    "start_forbidden": "Bring back by hand what must be well before its start, in the order that its operators know",
    "scaled_to_the_most": "Scale: raise most_replicas in services.yaml, or give each replica more; it has all that its bounds allow",
    "does_not_resolve": "Correct the version in the manifest, or bring it to the index: no version there meets it",
    "no_green_parent": "Find the change by hand: more than one lies between the last success and the first failure",
    "test_unknown": "Read the log: what failed is no test that the commit's own list names",
    "watcher_silent": "Look at what looks at it: it lives and answers, and yet nothing is heard of it",
    "disk_unreadable": "Mount the disk again or correct its path in services.yaml; nothing could be said of its use",
}


def advice_on(reason: str) -> str:
    """Return the advice, empty when the reason needs none."""
    return _BY_REASON.get(reason.partition(":")[0], "")
