"""What a learner calls: the set-up of a notebook, check, hint, own and progress, and what they remember."""

from course_utils.lazy import lazily

_HOMES = {
    "check": "calls",
    "hint": "calls",
    "own": "calls",
    "progress": "overview",
    "reset_progress": "overview",
    "show": "session",
    "start": "session",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)
