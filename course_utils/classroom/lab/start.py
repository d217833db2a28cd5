"""Starting JupyterLab for the course: for this machine only, at the right notebook, silent to the network."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

from course_utils.classroom.lab.places import places
from course_utils.learner import working_copies

__all__ = [
    "DEFAULT_PORT", "add_arguments", "course_folder", "find_notebook", "free_port", "port_is_free", "run",
    "server_command", "server_environment",
]

DEFAULT_PORT = 8888  # where people expect JupyterLab
_PORTS_TRIED = 50


def course_folder() -> Path | None:
    """Where the notebooks lie: beside this package, else in the working folder, else None."""
    for folder in (Path(__file__).resolve().parents[3], Path.cwd()):
        if (folder / "notebooks").is_dir():
            return folder
    return None


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address."""
    with socket.socket() as probe:
        # On Windows a second server may share a port unless it insists on having it alone.
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif os.name == "posix":  # a port closed a moment ago is free, as it is for JupyterLab
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def free_port(first: int = DEFAULT_PORT) -> int | None:
    """Find the first free port, from ``first`` upwards; None if there is none near it."""
    return next((port for port in range(first, first + _PORTS_TRIED) if port_is_free(port)), None)


def find_notebook(folder: Path, name: str) -> Path:
    """Find a notebook of the course by its number, its name or a part of it.

    Parameters
    ----------
    folder : Path
        The course's folder.
    name : str
        For example ``00``, ``softmax`` or ``02_softmax.ipynb``.

    Returns
    -------
    Path
        Relative to the course's folder. Where no lesson is called that, a notebook of the learner's, then homework.

    Raises
    ------
    ValueError
        No notebook, or more than one, is called that.
    """
    notebooks = sorted((folder / "notebooks").glob("*.ipynb"))
    theirs = sorted(path for path in (folder / working_copies.FOLDER).rglob("*.ipynb")  # homework, what a learner adds
                    if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    homework = sorted((folder / "notebooks" / "homework").glob("*.ipynb"))
    wanted = Path(name).name.removesuffix(".ipynb")
    found = next(filter(None, (_called(wanted, paths) for paths in (notebooks, theirs, homework))), [])
    if len(found) != 1:
        several = ", ".join(path.stem for path in found or notebooks) or "none at all"
        problem = "fits more than one notebook" if found else "is not the name of a notebook; there are"
        raise ValueError(f"notebook {name!r} {problem}: {several}")
    return found[0].relative_to(folder)


def _called(wanted: str, paths: list[Path]) -> list[Path]:
    """Those of the notebooks that are called that, else begin with it, else contain it."""
    return ([path for path in paths if path.stem == wanted]
            or [path for path in paths if path.stem.startswith(wanted)]
            or [path for path in paths if wanted in path.stem])


def server_command(folder: Path, notebook: Path, port: int, browser: bool) -> list[str]:
    """Build the command that starts JupyterLab.

    Parameters
    ----------
    folder : Path
        The course's folder, which becomes the root of the file browser.
    notebook : Path
        What opens first, relative to that folder.
    port : int
        A free port of the loopback address.
    browser : bool
        Whether JupyterLab opens the browser by itself.

    Returns
    -------
    list of str
        The command line.
    """
    command = [
        sys.executable, "-m", "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",  # moving on silently would make the address we printed wrong
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{notebook.as_posix()}",
        f"--ServerApp.open_browser={browser}",
        "--Application.log_level=WARN",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",  # the other kind lists the package index
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--ServerApp.allow_root=True")  # a container's only user; JupyterLab refuses otherwise
    return command


def server_environment(nbgrader: bool = False) -> dict[str, str]:
    """Build the environment in which JupyterLab asks for no news and takes no other Python's kernel.

    Parameters
    ----------
    nbgrader : bool
        Whether nbgrader's buttons show where it is installed: a teacher wants them, a learner does not.

    Returns
    -------
    dict of str to str
        This process's environment with what JupyterLab needs on top.
    """
    names = ["jupyter_config"] + ["jupyter_config_learner"] * (not nbgrader)
    paths = [str(Path(__file__).with_name(name)) for name in names]
    already = os.environ.get("JUPYTER_CONFIG_PATH")
    return {
        **os.environ,
        "JUPYTER_CONFIG_PATH": os.pathsep.join([*paths, already] if already else paths),
        # a kernel that somebody once registered as python3 for all their notebooks would win otherwise
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def add_arguments(parser) -> None:
    parser.add_argument("notebook", nargs="?", default="00", help="its number or name (default: 00)")
    parser.add_argument("--port", type=int, help=f"default: the first free one from {DEFAULT_PORT}")
    parser.add_argument("--no-browser", action="store_true", help="print the address, open no browser")
    parser.add_argument("--originals", action="store_true",
                        help="open notebooks/ itself and not your copy, to work on the course")
    parser.add_argument("--nbgrader", action="store_true", help="show nbgrader's buttons, for teachers who have it")


def run(args) -> int:
    """Start JupyterLab and stay until it is stopped."""

    def complain(*lines):
        print(*lines, sep="\n", file=sys.stderr)
        return 1

    folder = course_folder()
    if folder is None:
        return complain("There is no folder notebooks/ here. Go to the course's folder first.")
    try:
        notebook = find_notebook(folder, args.notebook)
    except ValueError as error:
        return complain(str(error))
    if importlib.util.find_spec("jupyterlab") is None:
        return complain("JupyterLab is not installed in this Python. Install it with the course: make lab",
                        f'or: "{sys.executable}" -m pip install -e ".[lab]"')
    port = args.port or free_port()
    if port is None:
        return complain(f"No port from {DEFAULT_PORT} to {DEFAULT_PORT + _PORTS_TRIED - 1} is free.",
                        "Choose another: --port N")
    if not 1 <= port <= 65535:
        return complain(f"--port should be from 1 to 65535, got {port}")
    if not port_is_free(port):
        other = free_port(min(port + 1, 65535 - _PORTS_TRIED))
        return complain(f"Port {port} is taken by another program (perhaps a JupyterLab that still runs).",
                        f"Stop that one, or use another port: --port {other}")
    environment = server_environment(args.nbgrader)
    if not args.originals and notebook.parts[0] == "notebooks":
        notebook = _learners(folder, notebook)
    try:
        environment |= places(folder / working_copies.FOLDER / ".course")
    except OSError:
        pass  # said already; JupyterLab complains of what it cannot do without
    print(f"JupyterLab opens {notebook.as_posix()} on port {port}. To stop it: Ctrl+C here.",
          "The notebook has the whole screen: the folder sign at the left edge, or Ctrl+Shift+F, shows the files.",
          sep="\n", flush=True)
    return _become(server_command(folder, notebook, port, not args.no_browser), environment)


def _learners(folder: Path, notebook: Path) -> Path:
    """The learner's copy of a lesson, after all lessons have theirs; say what has changed since the last time."""
    try:
        news = working_copies.lay(folder)
        if notebook.parent.name == "homework":
            working_copies.lay_homework(folder, notebook)
    except OSError as error:
        print(f"Your own copies of the notebooks could not be made ({error.strerror or error}): "
              f"{notebook.as_posix()} itself opens.", file=sys.stderr)
        return notebook
    for pair in news:
        print(pair)
    return Path(working_copies.FOLDER, notebook.relative_to("notebooks"))


def _become(command: list[str], environment: dict[str, str]) -> int:
    if os.name == "posix":
        os.execve(command[0], command, environment)  # one process less for Ctrl+C to reach
    with subprocess.Popen(command, env=environment) as server:
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:  # JupyterLab got it too, and asks its own question
                continue
