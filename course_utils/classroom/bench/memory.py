"""The peak memory of a notebook's kernel: what a learner's place on a hub has to hold."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

from course_utils.classroom.lab.kernels import run_notebook

__all__ = ["peak"]

# Linux's VmHWM begins anew with a program, ru_maxrss with the process that started it.
_ASK = """
import pathlib, resource, sys
status = pathlib.Path("/proc/self/status")
if status.is_file():
    print(next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024))
"""


def peak(path):
    """Run a notebook unsolved, from top to bottom, and ask its kernel for the most memory it held.

    Parameters
    ----------
    path : Path
        The notebook; its file stays as it is.

    Returns
    -------
    float
        Mebibytes of resident memory (RSS), the kernel alone, not the server.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_code_cell(_ASK))
    with tempfile.TemporaryDirectory() as folder:  # a learner's own answers and journal stay out of it
        run_notebook(notebook, path.parent, env={"COURSE_PROGRESS": str(Path(folder) / "progress.jsonl"),
                                                 "COURSE_KEEP_ANSWERS": "off"})
    return float(notebook.cells[-1].outputs[0].text)
