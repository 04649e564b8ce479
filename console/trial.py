"""A pattern tried on stored logs by the whole recognition, one way for the command line and the page; takes seconds of CPU."""

from __future__ import annotations

import os
from collections.abc import Sequence

from console.pattern_files import PatternShelf
from console.recognition import load_recognizer
from console.system_paths import shipped_patterns
from infra.compiled_patterns import CompiledPatterns
from learning.backtest import BackTest, Budget, back_test
from learning.patterns.loader import catalogue_of
from learning.patterns.matcher import Matcher
from learning.patterns.model import Pattern
from learning.stored_logs import StoredLog
from schemas.policy import Policy


def try_on_logs(shelf: PatternShelf, pattern: Pattern, logs: Sequence[StoredLog], policy: Policy) -> BackTest:
    """Return the back-test of a pattern over logs, judged by the policy's budget."""
    store = CompiledPatterns.in_cache(os.environ)
    matcher = Matcher(shelf.catalogue, store)
    others = tuple(known for known in shelf.catalogue.patterns if known.id != pattern.id)
    # One of the folder is in the set already; any other is compiled with it now, and the workers find that set in the cache.
    is_known = pattern in shelf.catalogue.patterns
    together = matcher if is_known else Matcher(catalogue_of((*others, pattern), shelf.catalogue.families), store)
    recognizer = load_recognizer(shipped_patterns(), matcher)
    return back_test(pattern, logs, recognizer, Budget.of(policy), together)
