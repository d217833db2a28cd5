"""Utilities of the attention course: the set-up cell, the checker and the live figures.

Importing the package costs next to nothing: each public name is loaded when it is first used,
so that `import course_utils` needs neither NumPy, PyTorch nor Matplotlib.
"""

from course_utils import moved
from course_utils.lazy import lazily

__version__ = "0.1.0"

# public name -> the module that holds it
_HOMES = {
    "start": "session",
    "show": "session",
    "check": "learner",
    "hint": "learner",
    "own": "learner",
    "progress": "overview",
    "reset_progress": "overview",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazily(__name__, _HOMES)
moved.remember()
