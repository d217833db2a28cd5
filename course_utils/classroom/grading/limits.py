"""What a submission may use, and the ways in which its judging ends: by its own doing, or by nothing of its own."""

import signal
from dataclasses import dataclass

__all__ = ["FROM_OUTSIDE", "Gone", "Limits", "Lost", "NotJudged", "patiently"]

# Signals that an answer cannot send to itself: the filter of system calls refuses them.
FROM_OUTSIDE = (-signal.SIGTERM, -9)
_TRIES = 4  # how often a submission is judged before the run says that it cannot


@dataclass(frozen=True)
class Limits:
    """What one exercise of one submission may use.

    Attributes
    ----------
    call : int
        Processor time for one call, in seconds.
    cpu : int
        Processor time in all, in seconds.
    wall : float
        Time for one call by the clock, in seconds; time spent waiting for a busy processor does not count.
    memory : int
        Bytes above what Python with NumPy and PyTorch needs.
    whole : float
        Time for all calls of one submission by the clock, in seconds; waiting for a busy processor does not count.
    results : int
        Bytes of all results of one submission together.
    run : int
        Processor time for running the notebook's cells where an answer needs them, in seconds; no cell gets more
        than half of it.
    """

    call: int = 2
    cpu: int = 8
    wall: float = 6.0
    memory: int = 1 << 30
    run: int = 20
    whole: float = 180.0
    results: int = 64 << 20


class Gone(Exception):
    """The child can no longer be asked; `kind` says why: "time", "memory", "ended" or "garbled"."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Lost(BaseException):
    """The grader's own line broke: a zygote is gone, or somebody else ended a child.

    Nothing is said by it about the answer, so nothing that reads answers may catch it as an answer's error: it is no
    `Exception`. What was under way has to be done again from the beginning (see `patiently`).
    """


class NotJudged(RuntimeError):
    """The grader's own line broke each time that a submission was judged."""


def patiently(zygote, judge):
    """Do something with a zygote; where the grader's own line breaks, do it again with a new one.

    Parameters
    ----------
    zygote : Zygote
    judge : callable
        Without arguments; it asks `zygote` and keeps nothing before its end.

    Returns
    -------
    object
        What `judge` gives.

    Raises
    ------
    NotJudged
        If it breaks each time.
    """
    for _ in range(_TRIES):
        try:
            return judge()
        except Lost as lost:
            why = lost
            zygote.renew()
    raise NotJudged(f"could not be judged, {_TRIES} times: {why}")
