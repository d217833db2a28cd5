"""A Python that the course supports, found on this machine. Read by old ones too: nothing that 3.6 does not know."""

import glob
import os
import platform
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WINDOWS = os.name == "nt"
_ABOUT = "import sys; print(sys.version_info[0], sys.version_info[1], sys.maxsize > 2**32)"


class Problem(Exception):
    """Something that stops the set-up; its arguments are lines for a person to read."""


def supported():
    """The minor versions of Python 3 that pyproject.toml allows, for example [11, 12, 13]."""
    with open(os.path.join(ROOT, "pyproject.toml"), encoding="utf-8") as file:
        first, end = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', file.read()).groups()
    return list(range(int(first), int(end)))


def fits(python):
    """Whether this program is a 64-bit Python that the course supports."""
    try:
        answer = subprocess.check_output([python, "-c", _ABOUT], stderr=subprocess.DEVNULL, timeout=30)
        major, minor, wide = answer.decode().split()
    except (OSError, ValueError, subprocess.SubprocessError):
        return False  # a launcher that starts nothing, or no Python at all
    return major == "3" and int(minor) in supported() and wide == "True"


def candidates():
    """Pythons worth a look: this one, then those of the right name on PATH and where installers put them."""
    yield sys.executable
    versions = [f"3.{minor}" for minor in sorted(supported(), key=lambda minor: (minor != 12, -minor))]
    for version in versions:
        found = shutil.which("python" + version)
        if found:
            yield found
    home = os.path.expanduser("~")
    pyenv = os.environ.get("PYENV_ROOT", os.path.join(home, ".pyenv"))
    programs = os.path.join(os.environ.get("LOCALAPPDATA", home), "Programs")
    for version in versions:
        for pattern in (
            os.path.join(pyenv, "versions", version + ".*", "bin", "python"),
            os.path.join(home, ".local", "share", "uv", "python", f"cpython-{version}.*", "bin", "python3"),
            "/opt/homebrew/bin/python" + version,
            "/usr/local/bin/python" + version,
            f"/Library/Frameworks/Python.framework/Versions/{version}/bin/python3",
            os.path.join(programs, "Python", "Python" + version.replace(".", ""), "python.exe"),
        ):
            for found in sorted(glob.glob(pattern)):
                yield found


def find_python():
    """Find a Python that fits, on this machine."""
    for python in candidates():
        if fits(python):
            return python
    names = [f"3.{minor}" for minor in supported()]
    raise Problem(
        f"The course needs Python {', '.join(names[:-1])} or {names[-1]} (64 bit), and none was found here.",
        f"This is Python {platform.python_version()} ({sys.executable}).",
        "Install one, then run this again:",
        "  Debian, Ubuntu   sudo apt-get install python3.12 python3.12-venv   (or 3.11, or 3.13)",
        "  macOS            brew install python@3.12",
        "  Windows          winget install Python.Python.3.12",
        "  with conda       conda env create -f environment.yml   (README.md says how to go on)",
    )


def become(command, environment=None):
    """Go on as another program, from the course's folder."""
    environment = dict(os.environ if environment is None else environment)
    os.chdir(ROOT)
    sys.stdout.flush()
    if not WINDOWS:
        os.execve(command[0], command, environment)
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the other program got it too and ends in its own way
            continue
