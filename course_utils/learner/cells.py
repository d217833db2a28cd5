"""Which cells have run: so that a function is recognised that its cell, as it stands now, no longer makes."""

import ast
import difflib
import re
import sys
from dataclasses import dataclass

from course_utils.checks.places import own_files

__all__ = ["older_than_its_cell", "watch"]

_LIMIT = 2000  # runs that are remembered
_ALIKE = 0.8  # share of the text that two cells have in common where one is the other, renamed


@dataclass(frozen=True)
class _Run:
    """One run of a cell: its id (if the front end tells), source, file name in tracebacks, and how it ended."""

    cell: str | None
    source: str
    file: str
    error: str = ""
    line: int | None = None

    def defines(self, name):
        return re.search(rf"^[ \t]*(?:async\s+def|def|class)\s+{re.escape(name)}\b", self.source, re.MULTILINE)

    @property
    def names(self):
        return re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", self.source, re.MULTILINE)


class _Watch:
    """Notes every cell that a kernel has run."""

    def __init__(self, shell):
        self.shell, self.runs = shell, []

    def note(self, result):
        error = result.error_before_exec or result.error_in_exec
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
        self.runs.append(_Run(getattr(result.info, "cell_id", None), result.info.raw_cell,
                              self.file_of(result.info.raw_cell, getattr(result.info, "transformed_cell", None),
                                           result.execution_count), type(error).__name__ if error else "", line))
        del self.runs[:-_LIMIT]

    def file_of(self, source, transformed, number):
        return self.shell.compile.get_code_name(source, transformed or source, number)


_watches = []  # one for the shell of this process


def _shell():
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def watch():
    """Note from now on which cells run; without IPython nothing is done."""
    shell = _shell()
    if shell is None or any(w.shell is shell for w in _watches):
        return
    found = _Watch(shell)
    _watches[:] = [found]
    shell.events.register("post_run_cell", found.note)


def older_than_its_cell(answer):
    """Say of a function that its cell, as it ran last, did not make it.

    Parameters
    ----------
    answer : callable

    Returns
    -------
    str
        One sentence; empty if the function is that of its cell, or nothing is known of it.
    """
    try:
        return _older(answer, _runs())
    except Exception:  # a front end that tells other things; the check does not depend on it
        return ""


def _runs():
    shell = _shell()
    noted = next((w.runs for w in _watches if w.shell is shell), [])
    return noted or (_from_history(shell) if shell is not None else [])


def _from_history(shell):
    """What the history tells where nobody watched: the sources, and which of them are no Python."""
    for number, source in enumerate(shell.history_manager.input_hist_raw):
        error, line = "", None
        try:
            ast.parse(shell.transform_cell(source))
        except SyntaxError as problem:
            error, line = type(problem).__name__, problem.lineno
        yield _Run(None, source, _Watch(shell).file_of(source, None, number), error, line)


def _older(answer, runs):
    name, files, runs = getattr(answer, "__name__", ""), own_files(answer), list(runs)
    made = max((i for i, run in enumerate(runs) if run.file in files), default=None)
    if made is None or not name.isidentifier():
        return ""
    later = [run for run in runs[made + 1:] if _is_same_cell(runs[made], run, name)]
    if not later:
        return ""
    last = later[-1]
    if last.error:
        where = f" in its line {last.line}" if last.line else ""
        return (f"The cell that defines `{name}` stopped with {last.error}{where} when it last ran: "
                "what is checked here is the older function.")
    if last.defines(name):
        return ""
    now = f"defines `{last.names[-1]}` now" if last.names else f"no longer defines `{name}`"
    return f"The cell that defined `{name}` {now}: what is checked here is the older function."


def _is_same_cell(made, run, name):
    """Whether a later run is one of the cell that made the function."""
    if made.cell is not None and run.cell is not None:
        return run.cell == made.cell or bool(run.error and run.defines(name))
    if run.defines(name):
        return True
    # No ids: a cell that would be the same if its function had the old name. Quotient and length first, they are cheap.
    if len(run.names) != 1 or run.error or "raise NotImplementedError" in run.source:  # stubs are all alike
        return False
    renamed = re.sub(rf"\b{run.names[0]}\b", name, run.source)
    match = difflib.SequenceMatcher(None, made.source, renamed, autojunk=False)
    return match.real_quick_ratio() > _ALIKE and match.quick_ratio() > _ALIKE and match.ratio() > _ALIKE
