"""From the words that many expressions need to the texts that are looked for, which end alike where they can.

The automaton compares the last letters of all texts at once, and the letters before only where these fit. So few endings make it fast,
rare ones let it run through, and the letters before them keep it from stopping at what is no word.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator

from learning.patterns.ordinary import WINDOW, stop_cost, stops
from learning.patterns.required import Need

# So many letters of a word are looked for, the ending included.
LONGEST = 24
# However many words a common ending stands for, a rarer one of the same word is better.
_DEARER = 2

# An ending, whether its letters are caseless, and what it costs.
_End = tuple[str, bool, int]


def cover(needs: Iterable[Need]) -> list[Need]:
    """Return texts of which each word holds one, and the fragments as they are; always the same ones for the same needs."""
    ordered = sorted(set(needs))
    words = [need for need in ordered if not need.is_fragment]
    texts: set[Need] = set()
    for end, numbers in _shared_ends(words):
        for number in numbers:
            stop = words[number].text.rindex(end[0]) + len(end[0])
            texts.add(Need(words[number].text[max(stop - LONGEST, 0) : stop], end[1]))
    return sorted(texts) + [need for need in ordered if need.is_fragment]


def _shared_ends(words: list[Need]) -> Iterator[tuple[_End, set[int]]]:
    """Yield endings with the words that each stands for, by their cost for each word that is still left when they are taken."""
    holders = _holders(words)
    left = set(range(len(words)))
    heap = [(end[2] / len(found), end) for end, found in holders.items()]
    heapq.heapify(heap)
    while left:
        rate, end = heapq.heappop(heap)
        live = holders[end] & left
        if not live:
            continue
        now = end[2] / len(live)
        # What others have taken meanwhile makes it dearer: it waits for its turn.
        if now > rate:
            heapq.heappush(heap, (now, end))
            continue
        yield end, live
        left -= live


def _holders(words: list[Need]) -> dict[_End, set[int]]:
    holders: dict[_End, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        costs = {stop: stop_cost(word.text, stop) for stop in stops(word.text)}
        dearest = _DEARER * min(costs.values())
        for stop, cost in costs.items():
            if cost <= dearest:
                holders[word.text[max(stop - WINDOW, 0) : stop], word.caseless, cost].add(number)
    return holders
