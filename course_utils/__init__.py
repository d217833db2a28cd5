"""Utilities of the attention course: the set-up cell, the checker and the live figures.

Importing the package costs next to nothing: each public name is loaded when it is first used,
so that `import course_utils` needs neither NumPy, PyTorch nor Matplotlib.
"""

from importlib import import_module

__version__ = "0.1.0"

# public name -> the module that holds it
_HOME = {
    "start": "session",
    "show": "session",
    "check": "learner",
    "hint": "learner",
    "own": "learner",
    "progress": "overview",
    "reset_progress": "overview",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'course_utils' has no attribute {name!r}")
    value = getattr(import_module(f"course_utils.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted([*globals(), *_HOME])
