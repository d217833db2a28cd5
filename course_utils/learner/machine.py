"""What a machine may put in the way of a notebook: files that hide packages, a closed home, another backend.

Standard library only, and imported before anything else.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

__all__ = ["hiding_files", "prepare_matplotlib", "refuse_hidden_packages", "writable"]

_NEEDED = {"numpy", "torch", "matplotlib", "ipywidgets", "anywidget", "traitlets", "IPython", "course_utils"}
_INLINE = "module://matplotlib_inline.backend_inline"


def writable(path):
    """Whether a folder can be written to, or be made where it is not there yet."""
    path = Path(path)
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        with tempfile.TemporaryFile(dir=path):  # the rights alone tell root and read-only disks nothing
            return True
    except OSError:
        return False


def hiding_files(folder):
    """Find the files of a folder that Python would import in place of a package or of a module of its own.

    Parameters
    ----------
    folder : path-like
        Where a notebook lies.

    Returns
    -------
    list of Path
    """
    try:
        files = [path for path in Path(folder).iterdir()
                 if path.suffix == ".py" or (path / "__init__.py").is_file()]
    except OSError:
        return []
    this = Path(__file__).resolve().parents[1]  # a notebook may lie beside the course itself
    return sorted(path for path in files
                  if path.stem in _NEEDED | sys.stdlib_module_names and path.resolve() != this)


def refuse_hidden_packages(folder):
    """Stop where a file beside the notebook hides what the course is about to import.

    Parameters
    ----------
    folder : path-like
        The kernel's working folder.

    Raises
    ------
    ImportError
        If there is such a file, and the right module has not been imported already.
    """
    for path in hiding_files(folder):
        loaded = getattr(sys.modules.get(path.stem), "__file__", None) if path.stem in sys.modules else str(path)
        if loaded and Path(loaded).resolve() in (path.resolve(), path.resolve() / "__init__.py"):
            raise ImportError(f"{path.name} beside this notebook hides {path.stem}: Python would import it in place of "
                              "the real one. Rename it, then restart the kernel (menu Kernel).") from None


def prepare_matplotlib():
    """Let pictures appear in a notebook whatever ``MPLBACKEND`` says, and without a warning where home is closed."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    wanted = os.environ.get("MPLBACKEND", "")
    if getattr(shell, "kernel", None) and not wanted.startswith("module://") and "matplotlib.pyplot" not in sys.modules:
        os.environ["MPLBACKEND"] = _INLINE
        if "matplotlib" in sys.modules:
            sys.modules["matplotlib"].rcParams["backend"] = _INLINE
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    if "MPLCONFIGDIR" not in os.environ and "matplotlib" not in sys.modules and not writable(settings / "matplotlib"):
        os.environ["MPLCONFIGDIR"] = tempfile.mkdtemp(prefix="course-matplotlib-")
        atexit.register(shutil.rmtree, os.environ["MPLCONFIGDIR"], ignore_errors=True)
