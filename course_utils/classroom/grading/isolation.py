"""Which way children are kept apart on this system, and the command of bubblewrap where that is it."""

import subprocess
import sys
from pathlib import Path

__all__ = ["bubblewrap", "isolation"]

_COURSE = Path(__file__).parents[3]


def isolation():
    """Say how children are kept apart here: "bubblewrap", "fork" or "spawn"."""
    if not sys.platform.startswith("linux"):
        return "spawn"
    return "bubblewrap" if bubblewrap() else "fork"


_found = {}


def bubblewrap():
    """The command that puts a process into bubblewrap, if it is installed and works here; else an empty list."""
    if "command" not in _found:
        _found["command"] = _try_bubblewrap()
    return _found["command"]


def _try_bubblewrap():
    import shutil

    from course_utils.classroom.grading.child.landlock import readable_places

    program = shutil.which("bwrap")
    if program is None:
        return []
    command = [program, "--unshare-all", "--new-session", "--as-pid-1", "--cap-drop", "ALL",
               "--uid", "65534", "--gid", "65534", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    # The zygote reads from the course what an assignment allows; its children cannot.
    for place in [*readable_places(), str(_COURSE)]:
        if not place.startswith("/dev/"):
            command += ["--ro-bind", place, place]
    command.append("--")
    tried = subprocess.run([*command, sys.executable, "-I", "-c", ""], capture_output=True, timeout=30, check=False)
    return command if tried.returncode == 0 else []
