"""The doctor: what is missing on this machine, in plain words, and what to do about each thing.

Standard library only, because it must answer where NumPy, PyTorch and the widgets are what is missing.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from course_utils.classroom.lab import browser, requirements, start
from course_utils.learner import machine, working_copies

__all__ = ["Finding", "add_arguments", "examine", "run"]

_LEAST_FREE = 100  # MiB; below it notebooks cannot be saved for long
_LITTLE_FREE = 1024  # MiB

# What each package is for, in the words of somebody who has not started the course.
_PURPOSE = {
    "numpy": "the first notebooks compute with it",
    "torch": "the notebooks from 04 on compute with it",
    "matplotlib": "no still picture can be drawn without it",
    "ipywidgets": "no slider would show without it",
    "anywidget": "no live figure would show without it",
    "jupyterlab": "it is what the notebooks open in",
}
# The parts of a widget that run in the browser: folder under labextensions/ and the package that brings it.
_FRONT_ENDS = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget"}

_IMPORT_TORCH = """
import json, torch
torch.ones(2).numpy()
print(json.dumps([torch.__version__, torch.version.cuda]))
"""


@dataclass(frozen=True)
class Finding:
    """One thing the doctor looked at.

    Attributes
    ----------
    check : str
        Its name.
    level : str
        ``ok``; ``note``, worth knowing; ``stop``, the course does not work like this.
    found : str
        What is the case.
    do : str
        What to do about it, empty where there is nothing to do.
    """

    check: str
    level: str
    found: str
    do: str = ""


def repair() -> str:
    """The command that installs what the course needs into the environment that runs now."""
    if (Path(sys.prefix) / "conda-meta").is_dir():
        return "conda env update -f environment.yml"
    if Path(sys.prefix).name == ".venv":
        return "py tools\\setup.py lab" if os.name == "nt" else "make lab"
    return f'"{sys.executable}" -m pip install -e ".[lab]"'


def check_python():
    range_ = requirements.wanted().get("python", "")
    version = platform.python_version()
    if not requirements.allows(range_, version):
        old = not requirements.allows(range_.split(",")[0], version)
        yield Finding("python", "stop",
                      f"Python {version} is too {'old' if old else 'new'}: the course runs on {range_}.",
                      "Install Python 3.12 beside it (python.org, your package manager or conda), then: make lab")
    elif sys.maxsize <= 2**32:
        yield Finding("python", "stop",
                      f"This Python {version} is a 32-bit one, and PyTorch does not exist for it.",
                      "Install a 64-bit Python 3.12, then: make lab")
    else:
        yield Finding("python", "ok", f"Python {version}")


def check_packages():
    wanted = requirements.wanted()
    for name, purpose in _PURPOSE.items():
        version, range_ = requirements.installed_version(name), wanted.get(name, "")
        if version is None:
            yield Finding(name, "stop", f"{name} is not installed: {purpose}.", repair())
        elif not requirements.allows(range_, version):
            yield Finding(name, "stop", f"{name} {version} does not fit: the course works with {range_}.", repair())
        else:
            yield Finding(name, "ok", f"{name} {version}")
    if requirements.installed_version(requirements.PACKAGE) is None:
        yield Finding("course_utils", "stop",
                      "The course's own package is not installed in this Python: notebooks would not find it.",
                      repair())


def check_torch_runs():
    """Import it in another process: a broken build can take the whole interpreter down."""
    if requirements.installed_version("torch") is None:
        return  # said already
    try:
        done = subprocess.run([sys.executable, "-c", _IMPORT_TORCH], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        yield Finding("torch-runs", "stop", "Importing torch took more than five minutes.",
                      "Close other programs and try again; a virus scanner may be reading it.")
        return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        advice = repair()
        if os.name == "nt" and "DLL" in last:
            advice = "Install Microsoft's Visual C++ Redistributable (x64), then try again."
        yield Finding("torch-runs", "stop", f"torch is installed but does not work: {last}", advice)
        return
    version, cuda = json.loads(done.stdout.strip().splitlines()[-1])
    if cuda and not has_gpu():
        yield Finding("torch-runs", "note",
                      f"torch {version} is the build for NVIDIA cards (CUDA {cuda}), and none was found here. "
                      "The course runs all the same; some 4 GB of disk are not needed.")
    else:
        yield Finding("torch-runs", "ok", f"torch {version} computes on {f'CUDA {cuda}' if cuda else 'the CPU'}")


def has_gpu() -> bool:
    """Whether NVIDIA's own tool finds a card."""
    try:
        return subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=20).stdout.strip() != b""
    except (OSError, subprocess.TimeoutExpired):
        return False


def _jupyter_folders(kind: str) -> list[Path]:
    """Where JupyterLab looks for things of this kind, the first match winning."""
    try:
        from jupyter_core.paths import jupyter_config_path, jupyter_path
    except ImportError:
        return [Path(sys.prefix) / "share" / "jupyter" / kind]
    paths = jupyter_config_path() if kind == "labconfig" else jupyter_path()
    return [Path(path) / kind for path in paths]


def _switched_off() -> set[str]:
    """The JupyterLab extensions that somebody's page_config.json disables."""
    names = set()
    for folder in _jupyter_folders("labconfig"):
        try:
            off = json.loads((folder / "page_config.json").read_text(encoding="utf-8"))["disabledExtensions"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        names |= {name.split(":")[0] for name in off if not isinstance(off, dict) or off[name]}
    return names


def check_front_ends():
    for name, package in _FRONT_ENDS.items():
        if requirements.installed_version(package) is None:
            continue  # said already, and nothing else is to be done
        if not any((folder / name / "package.json").is_file() for folder in _jupyter_folders("labextensions")):
            yield Finding(f"front-end {name}", "stop",
                          f"JupyterLab would not find the browser's part of {package}: figures would stay text.",
                          f'"{sys.executable}" -m pip install --force-reinstall --no-deps {package}')
        elif name in _switched_off():
            yield Finding(f"front-end {name}", "stop", f"The JupyterLab extension {name} is switched off.",
                          f'"{sys.executable}" -m jupyter labextension enable {name}')
        else:
            yield Finding(f"front-end {name}", "ok", f"JupyterLab finds the browser's part of {package}")


def check_folder():
    folder = start.course_folder()
    if folder is None:
        yield Finding("notebooks", "stop", "There is no folder notebooks/ here.", "cd PATH/TO/THE/COURSE")
        return
    if not (folder / "notebooks" / "00_start.ipynb").is_file():
        yield Finding("notebooks", "stop", "notebooks/00_start.ipynb is missing.",
                      "git restore notebooks/00_start.ipynb, or clone the course again.")
    try:
        with tempfile.TemporaryFile(dir=folder / "notebooks"):
            pass
    except OSError as error:
        yield Finding("notebooks", "stop",
                      f"Your work could not be saved: notebooks/ cannot be written to ({error.strerror}).",
                      "Copy the course into a folder of your own and start it there.")
    else:
        yield Finding("notebooks", "ok", "The folder notebooks/ can be written to")
    free = shutil.disk_usage(folder).free // 2**20
    if free < _LITTLE_FREE:
        yield Finding("disk", "stop" if free < _LEAST_FREE else "note", f"Only {free} MiB of disk are free.",
                      "Make room: your notebooks with their pictures need about 100 MiB.")
    else:
        yield Finding("disk", "ok", f"{free // 1024} GiB of disk are free")


def check_machine():
    folder = start.course_folder() or Path.cwd()
    for place in (folder / "notebooks", folder / working_copies.FOLDER):
        for path in machine.hiding_files(place):
            yield Finding("hidden", "stop", f"{place.name}/{path.name} hides {path.stem}: notebooks would import it in "
                          "place of the real one.", f"Rename {path}")
    if not machine.writable(Path.home()):
        yield Finding("home", "note", f"Your home folder {Path.home()} cannot be written to.",
                      f"Nothing: `lab` keeps JupyterLab's settings in {working_copies.FOLDER}/.course.")


def check_progress():
    from course_utils.learner import journal

    path = journal.journal_path()
    try:
        passed = journal.passed_exercises()
    except OSError as error:
        yield Finding("progress", "stop",
                      f"Your record of passed exercises, {path}, cannot be read: {error.strerror}.",
                      "Make the file readable, or rename it to start a new record.")
    else:
        yield Finding("progress", "ok", f"Exercises passed so far: {len(passed)}")


def check_answers():
    from course_utils.learner import kept

    try:
        answers = {name: answer for name, (answer, *_) in kept.kept_answers().items()}
    except kept.Untrusted as why:
        yield Finding("answers", "note", f"The answers that you passed are not used in other notebooks: {why}.",
                      f"Look at {kept.answers_path()}. If it is not yours, rename it.")
        return
    if kept.switched_off():
        yield Finding("answers", "note", f"{kept.SWITCH} is off: no answer is kept, and other notebooks run on the "
                      f"course's functions. Kept before: {len(answers)}.")
        return
    usable = [name for name, answer in answers.items() if answer.source and not answer.missing]
    yield Finding("answers", "ok", "Your own functions that are kept for other notebooks: "
                  f"{', '.join(usable) or 'none yet'}")
    for name, answer in answers.items():
        if name not in usable:
            why = answer.problem or f"needs {answer.missing[0]}, which could not be kept"
            yield Finding("answers", "note", f"Your {name} {why}: other notebooks run on the course's.",
                          f"Write {name} and what it needs as functions in cells, and run its check again.")


def check_port():
    port = start.DEFAULT_PORT
    if start.port_is_free(port):
        yield Finding("port", "ok", f"Port {port} is free")
        return
    other = start.free_port()
    if other is None:
        yield Finding("port", "stop", f"No port near {port} is free.", "Stop other servers, or: lab --port N")
    else:
        yield Finding("port", "note", f"Port {port} is taken, perhaps by a JupyterLab that still runs; the course "
                      f"would use {other}.")


def check_browser():
    found = browser.find_browser()
    if found:
        yield Finding("browser", "ok", f"Tests can look at pixels with {found}")
    else:
        yield Finding("browser", "note", "No Chromium or Chrome was found. You need none for the course; its tests "
                      "do, and `make test` gets one.")


_QUICK = (check_packages, check_front_ends, check_folder, check_machine)
_ALL = (*_QUICK, check_torch_runs, check_progress, check_answers, check_port, check_browser)


def examine(quick: bool = False) -> list[Finding]:
    """Look at everything the course needs.

    Parameters
    ----------
    quick : bool
        Only what takes no time: neither torch nor a browser is started.

    Returns
    -------
    list of Finding
    """
    python = list(check_python())
    if any(finding.level == "stop" for finding in python):
        return python  # nothing that is installed in the wrong Python tells anything
    return python + [finding for check in (_QUICK if quick else _ALL) for finding in check()]


def describe(findings: list[Finding]) -> str:
    """The findings in plain words, what stops the course last, where the eye is."""
    names = {"ok": "ok  ", "note": "note", "stop": "STOP"}
    ordered = sorted(findings, key=lambda finding: list(names).index(finding.level))
    lines = []
    for finding, after in zip(ordered, [*ordered[1:], None], strict=True):
        lines.append(f"  {names[finding.level]}  {finding.found}")
        if finding.do and not (after and after.do == finding.do):  # one remedy for several is said once
            lines.append(f"        do: {finding.do}")
    stops = sum(finding.level == "stop" for finding in findings)
    lines.append(f"{stops} thing{'s' * (stops != 1)} to repair before the course works." if stops
                 else "All is well: the course can start.")
    return "\n".join(lines)


def add_arguments(parser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON list")
    parser.add_argument("--quick", action="store_true", help="start neither torch nor a browser")


def run(args) -> int:
    """Print the findings; the exit code is 1 when something stops the course."""
    findings = examine(quick=args.quick)
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        print(describe(findings))
    return int(any(finding.level == "stop" for finding in findings))
