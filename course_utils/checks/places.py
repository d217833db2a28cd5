"""Where in a notebook something happened: in the answer's own cell, or in another that it calls."""

import dis
import functools
import inspect
import linecache
import os
import re
import traceback
from dataclasses import dataclass

__all__ = ["Place", "is_cell", "own_files", "place_of", "raised_by_stub"]

_STUB = re.compile(r"\braise\s+NotImplementedError\b")


@dataclass(frozen=True)
class Place:
    """A line of the answer's own cell and, where it went on from there into another cell, the function it ended in.

    Attributes
    ----------
    line, code : int or None, str
        In the answer's cell.
    inside : str
        Name of the learner's function of another cell in which it happened; empty if there is none.
    inside_code : str
        The line of that function.
    """

    line: int | None = None
    code: str = ""
    inside: str = ""
    inside_code: str = ""


def own_files(answer):
    """The files (a notebook has one for each cell) in which an answer, a function or a class, is written."""
    while isinstance(answer, functools.partial):
        answer = answer.func
    if inspect.isclass(answer):
        parts = [getattr(part, "__func__", part) for part in vars(answer).values()]
    else:
        parts = [inspect.unwrap(answer) if callable(answer) else None, vars(type(answer)).get("__call__")]
    return {part.__code__.co_filename for part in parts if hasattr(part, "__code__")}


def place_of(answer, error):
    """Find the deepest lines of the learner that an exception went through.

    Parameters
    ----------
    answer : callable
    error : BaseException

    Returns
    -------
    Place
    """
    home, place = own_files(answer), Place()
    for frame in traceback.extract_tb(error.__traceback__):
        code = linecache.getline(frame.filename, frame.lineno or 0).strip()[:100]
        if frame.filename in home:
            place = Place(frame.lineno, code)
        elif is_cell(frame.filename):
            place = Place(place.line, place.code, frame.name if frame.name.isidentifier() else "another cell", code)
    return place


def is_cell(filename):
    """Tell whether a file is a cell of a notebook."""
    return os.path.basename(os.path.dirname(filename)).startswith("ipykernel") or filename.startswith("<ipython-input")


def raised_by_stub(answer, error):
    """Tell whether a NotImplementedError is that of the answer's own `raise`, and not one of a library."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_code.co_filename not in own_files(answer):
        return False
    line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    if line:
        return bool(_STUB.search(line))
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]  # no source: its bytecode
