"""Where JupyterLab keeps its things while it shows the course: its layout, and its settings where home is closed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from course_utils.learner.machine import writable

__all__ = ["layout_folder", "places"]

# The layout of a first start: the notebook has the whole screen, the file browser waits behind its sign at the left.
_LAYOUT = {
    "data": {"layout-restorer:data": {"left": {"collapsed": True, "visible": True, "widgets": ["filebrowser"]}}},
    "metadata": {"id": "default"},
}


def places(folder: Path) -> dict[str, str]:
    """Name the folders that JupyterLab and its kernels are to write to, where the usual ones will not do.

    Parameters
    ----------
    folder : Path
        A folder of the learner's, for what belongs to the course.

    Returns
    -------
    dict of str to str
        Environment variables; what is set already is left alone.

    Raises
    ------
    OSError
        If `folder` cannot be written to.
    """
    usual = {"JUPYTERLAB_WORKSPACES_DIR": None, **_usual_places()}
    found = {}
    for variable, path in usual.items():
        if variable not in os.environ and (path is None or not writable(path)):
            ours = folder / variable.removesuffix("_DIR").removesuffix("DIR").replace("_", "-").lower()
            ours.mkdir(parents=True, exist_ok=True)
            found[variable] = str(ours)
    if layout := found.get("JUPYTERLAB_WORKSPACES_DIR"):
        layout_folder(Path(layout))
    return found


def _usual_places() -> dict[str, Path]:
    """Where Jupyter, IPython and matplotlib write if nobody says otherwise."""
    home = Path.home()
    try:
        from jupyter_core import paths

        jupyter = {"JUPYTER_CONFIG_DIR": paths.jupyter_config_dir(), "JUPYTER_DATA_DIR": paths.jupyter_data_dir(),
                   "JUPYTER_RUNTIME_DIR": paths.jupyter_runtime_dir()}
    except ImportError:
        jupyter = {}
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "matplotlib"
    return {**{variable: Path(path) for variable, path in jupyter.items()}, "IPYTHONDIR": home / ".ipython",
            "MPLCONFIGDIR": settings if sys.platform.startswith(("linux", "freebsd")) else home / ".matplotlib"}


def layout_folder(folder: Path) -> None:
    """Give a folder of layouts its first one; a layout that the learner has made stays."""
    if any(folder.iterdir()):
        return
    try:
        from jupyterlab_server.workspaces_handler import WorkspacesManager

        WorkspacesManager(str(folder)).save("default", json.dumps(_LAYOUT))
    except (ImportError, AttributeError, TypeError):  # another version of JupyterLab: its own layout will do
        return
