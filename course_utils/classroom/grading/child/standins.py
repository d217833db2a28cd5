"""What stands in a child for things that a notebook has and a child has not: the course, threads, compilers, exits.

The same stand-ins are there however an answer is loaded. No reference is among them: a call of the course that an
assignment does not allow gives a thing that lets the cells around it go on, and refuses to work inside an answer.
"""

import concurrent.futures
import importlib.machinery
import os
import sys
import threading
import time
import types

__all__ = ["Refused", "arm", "course"]

_QUIET = ("start", "hint", "show", "progress", "reset_progress")  # calls that answers may leave inside


class Refused(ImportError):
    """Part of the course was used inside an answer that the assignment does not allow there."""


class Absent:
    """In the place of something of the course: it takes part in whatever a cell does with it."""

    def __init__(self, course, name):
        object.__setattr__(self, "_told", (course, name))

    def _again(self, *args, **kwargs):
        course, name = object.__getattribute__(self, "_told")
        if course.answering:
            raise Refused(course.words(name))
        return self

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._again()

    def __iter__(self):
        self._again()
        return iter(())

    def __bool__(self):
        self._again()
        return False

    def __len__(self):
        self._again()
        return 0

    def __repr__(self):
        return "<part of the course that is not here>"

    __str__ = __repr__

    def __format__(self, spec):
        return repr(self)

    def __enter__(self):
        return self._again()

    def __exit__(self, *exception):
        return False

    def __setattr__(self, name, value):
        self._again()

    def __float__(self):
        self._again()
        return 0.0

    def __int__(self):
        self._again()
        return 0

    __index__ = __int__
    __array_ufunc__ = None  # arrays leave it to this thing what comes of both
    __call__ = __getitem__ = __setitem__ = __neg__ = __invert__ = __abs__ = _again
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _again
    __matmul__ = __rmatmul__ = __pow__ = __rpow__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _again
    __lt__ = __le__ = __gt__ = __ge__ = _again


class Course:
    """The course as a child knows it: quiet calls, the modules that are allowed, and `Absent` for all else.

    Attributes
    ----------
    answering : bool
        Whether an answer is being called, or loaded: then nothing absent may be used.
    checked : dict
        What each check was given, by the name of its exercise.
    on_check : callable or None
        Called with that name.
    """

    def __init__(self, allowed):
        self.allowed, self.answering, self.checked, self.on_check = tuple(allowed), True, {}, None

    def words(self, name):
        """Say what may be used; `check` in the notebook says the same."""
        may = ", ".join(self.allowed) or "nothing of the course"
        return f"an answer may not use {name}; this homework allows {may}"

    def check(self, name, answer=None):
        """In the place of the course's: remember what was to be checked."""
        self.checked[str(name)] = answer
        if self.on_check is not None:
            self.on_check(str(name))

    def own(self, name):
        """In the place of the course's: what was checked under that name, else something absent."""
        if self.answering:
            raise Refused(self.words("own"))
        return self.checked.get(str(name)) or Absent(self, f'own("{name}")')

    def install(self):
        """Put it where imports find it."""
        module = sys.modules.setdefault("course_utils", types.ModuleType("course_utils"))
        module.__path__ = []
        for name in _QUIET:
            setattr(module, name, lambda *args, **kwargs: None)
        module.check, module.own = self.check, self.own
        sys.modules["course_utils"] = module
        moved = sys.modules.get("course_utils.moved")  # there if anything is allowed
        for before, today in moved.MOVED.items() if moved else ():
            if today in sys.modules:
                sys.modules[before] = sys.modules[today]
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        """Give a module of absent things for one of the course that is not here."""
        if name.split(".")[0] != "course_utils" or name in sys.modules:
            return None
        if self.answering:
            raise Refused(self.words(name), name=name)
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        """Make that module."""
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: _absent(self, f"{spec.name}.{name}")
        return module

    def exec_module(self, module):
        """There is nothing in it to run."""


def _absent(course, name):
    if name.rsplit(".", 1)[1].startswith("__"):
        raise AttributeError(name)
    return Absent(course, name)


course = None


def install_course(allowed):
    """Make the stand-in of this child."""
    global course
    course = Course(allowed)
    course.install()
    return course


class _AtOnce(concurrent.futures.Executor):
    """Runs what it is given at once: a child may not start threads or processes."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def submit(self, function, /, *args, **kwargs):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def _run_at_once(thread):
    """In the place of `Thread.start`."""
    thread._started.set()
    thread.run()
    thread._course_done = True


def _leave(code=0):
    raise SystemExit(f"os._exit({code})")


def _as_it_is(function=None, *args, **kwargs):
    """In the place of compilers of PyTorch: what they make does what the function itself does."""
    if function is None or not callable(function):
        return lambda inner: inner
    return function


def arm():
    """Replace in this process what a child cannot have; what was bound by then stays in this module's hands."""
    os._exit = _leave
    os.abort = _leave
    time.sleep = lambda seconds=0: None
    for name in ("ThreadPoolExecutor", "ProcessPoolExecutor"):
        setattr(concurrent.futures, name, _AtOnce)
    threading.Thread.start = _run_at_once
    threading.Thread.join = lambda thread, timeout=None: None
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads = lambda number: None
        torch.set_num_interop_threads = lambda number: None
        torch.compile = _as_it_is
        torch.jit.script = _as_it_is
        torch.jit.trace = lambda function, *args, **kwargs: function
