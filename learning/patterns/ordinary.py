"""How often a text stands in ordinary logs, roughly: what is common there is a bad sign of a failure, however exact it is.

A wrong guess costs time only: a text that is common after all is looked for, found often, and judged each time.
"""

from __future__ import annotations

from functools import lru_cache

from learning.patterns.common_grams import COMMON_GRAMS

# The automaton compares the last eight letters of a text at once.
WINDOW = 8
GRAM = 5
_COMMON = frozenset(COMMON_GRAMS[at : at + GRAM] for at in range(0, len(COMMON_GRAMS), GRAM))
_SHORT = frozenset(gram[at : at + size] for gram in _COMMON for size in range(1, GRAM) for at in range(GRAM - size + 1))
# What looking for a text of so many bytes costs, beside one of eight.
_COSTS = {1: 2000, 2: 500, 3: 30, 4: 8, 5: 3, 6: 2}
_DIGITS_COST = 600
_COMMON_COST = 250
# One rare place alone may be the border of two common words.
_DOUBTFUL_COST = 3
# Common words in a row are rare together: the automaton stops there often, but finds most of the letters before to be others.
_LONG = 14
_LONG_COST = 20


def stops(text: str) -> range:
    """Return where the windows that stand for a longer text end: where it is, each of them is."""
    return range(min(WINDOW, len(text)), len(text) + 1)


def stop_cost(text: str, stop: int) -> int:
    """Return what looking for a text up to there costs, when its last letters are compared first and those before only then."""
    cost = window_cost(text[max(stop - WINDOW, 0) : stop])
    return min(cost, _LONG_COST) if stop >= _LONG else cost


# Expressions share most of their words.
@lru_cache(maxsize=1 << 18)
def window_cost(window: str) -> int:
    """Return what looking for a short text costs: little when it is long and rare."""
    shown = window.lower()
    cost = _COSTS.get(len(shown.encode()), 1) + (_DIGITS_COST if shown.strip().isdigit() else 0)
    if len(shown) < GRAM:
        return cost + (_COMMON_COST if shown in _SHORT else 0)
    rare = sum(shown[at : at + GRAM] not in _COMMON for at in range(len(shown) - GRAM + 1))
    return cost + (_COMMON_COST, _DOUBTFUL_COST)[rare] if rare <= 1 else cost


@lru_cache(maxsize=1 << 16)
def word_cost(text: str) -> int:
    """Return the same for a text of any length: its best part is looked for."""
    return min(stop_cost(text, stop) for stop in stops(text))
