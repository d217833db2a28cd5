"""How many processors there are, and which one a worker and its children run on."""

import os

__all__ = ["count", "stay_on_one"]


def count():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def stay_on_one(number):
    """Keep this process and what it starts on one processor: a worker and its children take turns, and need no more.

    Left to the system, workers and children move about, and find little of what they need in the caches.

    Parameters
    ----------
    number : int
        Which one, counted from 0; beyond the last it starts again.
    """
    if hasattr(os, "sched_setaffinity"):
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[number % len(processors)]})
