"""Leaves what a long-lived process has loaded by its start out of the search for garbage; ``streams/app.py`` and ``console/serve.py``."""

from __future__ import annotations

import gc

# The youngest objects are looked through after so many new ones, the older ones after so many rounds of those before them.
_THRESHOLDS = (10_000, 20, 20)


def keep_what_is_loaded() -> None:
    """Search for garbage once more, then never again among what is there now, and less often among what comes later.

    A full search stops every thread, and most of what it would look through are the libraries: a hundred thousand objects that stay.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
