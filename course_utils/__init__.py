"""Utilities of the attention course: the set-up cell, the checker and the live figures.

Importing the package costs next to nothing: each public name is loaded when it is first used,
so that `import course_utils` needs neither NumPy, PyTorch nor Matplotlib.
"""

from course_utils import moved
from course_utils.lazy import lazily

__version__ = "0.1.0"

__all__ = ["check", "hint", "own", "progress", "reset_progress", "show", "start"]
__getattr__, __dir__ = lazily(__name__, dict.fromkeys(__all__, "learner"))
moved.remember()
