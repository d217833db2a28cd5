"""The set-up cell of every notebook, and printing that reads the same on every machine."""

import os
import random
import sys
from pathlib import Path

from course_utils.learner import machine, working_copies
from course_utils.shapes import check_whole

__all__ = ["show", "start"]


def start():
    """Prepare a notebook: one thread, fixed seeds, short numbers, figures that can be compared.

    One thread is faster than several for arrays this small, and gives the same digits everywhere.

    Raises
    ------
    ImportError
        If a file beside the notebook, such as ``numpy.py``, hides a package.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    machine.refuse_hidden_packages(Path.cwd())
    machine.prepare_matplotlib()
    import numpy as np

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    random.seed(0)
    np.random.seed(0)
    np.set_printoptions(precision=3, suppress=True, floatmode="fixed")
    from course_utils.learner import cells
    from course_utils.plotting import pictures

    pictures.install()
    cells.watch()
    _tell_of_a_new_version()


def _tell_of_a_new_version():
    """Say in one line that the course has a newer version of this notebook, where it lies beside the learner's."""
    this = Path(os.environ.get("JPY_SESSION_NAME", "")).name  # JupyterLab's server names the notebook there
    if this:
        for pair in working_copies.beside(Path.cwd()):
            if this in (pair.mine.name, pair.new.name):
                print(pair)


def show(*arrays, digits=3, **named):
    """Print arrays rounded, with their shapes, the same on every machine.

    Parameters
    ----------
    *arrays : ndarray or Tensor
        Printed without a name.
    digits : int
        Decimals.
    **named : ndarray or Tensor
        Printed under their names.

    Raises
    ------
    ValueError
        If something has no numbers to show, or `digits` is not a whole number from 0 to 12.

    Examples
    --------
    >>> import numpy as np
    >>> show(weights=np.array([[0.25, 0.75]]))
    weights (1, 2)
    [[0.250 0.750]]
    >>> show(np.array([[10.0, -1.0], [2.0, 3.0]]), digits=0)
    [[10 -1]
     [ 2  3]]
    """
    import numpy as np

    check_whole("digits", digits, 0, 12)
    for name, x in [("", x) for x in arrays] + list(named.items()):
        x = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
        if x.dtype.kind not in "biuf":
            raise ValueError(f"{name or 'the argument'} should be an array of numbers, got {x.dtype}")
        if x.dtype.kind == "f":
            x = np.round(x.astype(float), digits) + 0.0  # + 0.0 turns -0.0 into 0.0
        if name:
            print(f"{name} {x.shape}" if x.ndim else f"{name} ", end="\n" if x.ndim else "")
        # Equal widths keep the columns of a table below each other when some numbers are negative.
        width = max((len(f"{v:.{digits}f}") for v in x.ravel()), default=0) if x.ndim and x.dtype.kind == "f" else 0
        fixed_point = {"float_kind": lambda v, width=width: f"{v:{width}.{digits}f}"}
        print(np.array2string(x, formatter=fixed_point, max_line_width=100))
