"""Running a notebook's cells in order, as a kernel does when errors do not stop it.

IPython's syntax is understood, nothing is drawn, and every cell has an end: one that takes too long is left, and
the cells after it are run.
"""

import __future__

import ast
import asyncio
import inspect
import re
import signal
import sys
import types

__all__ = ["Kernel", "TooLong", "new_namespace"]

_FEATURES = [getattr(__future__, name) for name in __future__.all_feature_names]
_IPYTHON = re.compile(r"^\s*(%|!|\?|get_ipython)|\?\s*$|^\s*[\w.,\s]+=\s*[%!]", re.MULTILINE)


class TooLong(BaseException):
    """Raised inside a cell whose time is over."""


class Kernel:
    """A namespace and the cells that were run in it.

    Parameters
    ----------
    namespace : dict
    """

    def __init__(self, namespace):
        self.namespace, self.flags = namespace, 0
        namespace["get_ipython"] = lambda: self
        namespace["In"], namespace["Out"], namespace["_"] = [""], {}, ""

    def run(self, name, source, seconds):
        """Run one cell.

        Parameters
        ----------
        name : str
            For line numbers.
        source : str
        seconds : float
            Processor time after which it is left.

        Returns
        -------
        BaseException or None
            What it raised.
        """
        try:
            code = self._compiled(name, source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return error
        try:
            with _Alarm(seconds):
                self._do(code)
        except BaseException as error:  # SystemExit too: in a notebook it ends the cell, not the kernel
            return error
        return None

    def _compiled(self, name, source):
        flags = self.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        try:
            code = compile(source, f"<{name}>", "exec", flags, dont_inherit=True)
        except SyntaxError:
            if not _IPYTHON.search(source):
                raise
            code = compile(_plain(source), f"<{name}>", "exec", flags, dont_inherit=True)
        for feature in _FEATURES:  # like a kernel: what one cell asks of the future holds for those after it
            self.flags |= code.co_flags & feature.compiler_flag
        return code

    def _do(self, code):
        if not code.co_flags & inspect.CO_COROUTINE:
            exec(code, self.namespace)
            return
        coroutine = eval(code, self.namespace)
        try:
            asyncio.run(coroutine)
        except OSError:  # no loop can be had here: whatever waits is asked again at once
            try:
                while True:
                    coroutine.send(None)
            except StopIteration:
                pass

    # --- what IPython's syntax is turned into ---

    def run_line_magic(self, name, line, *rest, **options):
        """Run what `%time` and `%timeit` time; all other magic is left out."""
        if name in ("time", "timeit", "prun"):
            self._timed(line, keep=name == "time")

    def run_cell_magic(self, name, line, cell):
        """Run the cell below `%%time` and the like; that of another language is left out."""
        if name == "timeit":
            self._timed(f"{line}\n{cell}", keep=False)
        elif name in ("time", "capture", "prun"):
            exec(self._compiled("cell magic", cell), self.namespace)

    def magic(self, line):
        """The old way to write it."""
        name, _, rest = line.partition(" ")
        self.run_line_magic(name, rest)

    def _timed(self, text, keep):
        text = re.sub(r"^(\s*-\w+(\s+\d+)?)+\s*", "", text)
        exec(self._compiled("magic", text), self.namespace if keep else dict(self.namespace))

    def system(self, command):
        """Nothing is started from here."""

    def getoutput(self, command, *args, **kwargs):
        """Nothing is started from here, so nothing comes back."""
        return []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


def _plain(source):
    """Turn IPython's syntax into Python, by IPython's own rules where it is installed."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        kept = re.sub(r"^(\s*)([%!?]|.*\?\s*$).*$", r"\1pass", source, flags=re.MULTILINE)
        return re.sub(r"^(\s*[\w.,\s]+=)\s*[%!].*$", r"\1 []", kept, flags=re.MULTILINE)
    return TransformerManager().transform_cell(source)


class _Alarm:
    """Raises `TooLong` after some processor time, and again until it gets through."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        if hasattr(signal, "setitimer"):
            self.before = signal.signal(signal.SIGPROF, self._ring)
            signal.setitimer(signal.ITIMER_PROF, self.seconds, 0.05)

    def __exit__(self, *exception):
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, self.before)

    def _ring(self, number, frame):
        raise TooLong("it was left after a time")


def new_namespace():
    """Make the module that a notebook's cells see as ``__main__``."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    main.__dict__["display"] = lambda *things, **options: None
    main.__dict__["exit"] = main.__dict__["quit"] = lambda *args: None
    return main.__dict__
