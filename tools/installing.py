"""The environment in .venv: made, filled, checked, and left alone when nothing changed. See setup.py."""

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

from pythons import ROOT, WINDOWS, Problem, become, fits

sys.path.insert(0, ROOT)  # the course's own code, as it lies here: nothing is installed yet
from course_utils.classroom.lab.doctor import has_gpu

ROOT = Path(ROOT)
VENV = ROOT / ".venv"
LOG = VENV / "setup.log"
STAMP = VENV / "course-stamp.json"
PYTHON = str(VENV / ("Scripts/python.exe" if WINDOWS else "bin/python"))

# What an installation takes with the pinned versions, in MiB. A CUDA build brings NVIDIA's libraries along.
DISK = {"cpu": 1500, "cuda": 8000}


def say(text):
    print(text, flush=True)


# --- .venv

def check_folder():
    probe = ROOT / ".setup-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Problem(f"This folder cannot be written to ({error.strerror}): {ROOT}",
                      "Copy or clone the course into a folder of your own and run it there.") from error


def check_disk(kind):
    free = shutil.disk_usage(ROOT).free // 2**20
    if free < DISK[kind]:
        raise Problem(f"The installation needs about {DISK[kind]} MiB of disk; {free} MiB are free.",
                      "Make room, then run this again.")


def make_venv():
    """Create .venv, unless one is there that works."""
    if VENV.is_dir() and any(VENV.iterdir()) and not (VENV / "pyvenv.cfg").exists():
        raise Problem(f"There is a folder .venv here that is not a Python environment: {VENV}",
                      "Move it away, then run this again.")
    here = read_stamp().get("root", str(ROOT)) == str(ROOT)  # its programs know where they were made
    if here and fits(PYTHON) and quiet(pip("--version")):
        return
    say(f"Making a Python environment in .venv with {sys.executable}")
    done = said(sys.executable, "-m", "venv", "--clear", str(VENV))
    if done.returncode and "ensurepip" in done.stdout:  # Debian and Ubuntu keep it in a package of its own
        package = f"python3.{sys.version_info[1]}-venv"
        if not shutil.which("apt-get") or os.geteuid() != 0:
            raise Problem(f"This Python cannot make environments: the package {package} is missing.",
                          f"Install it, then run this again:  sudo apt-get install {package}")
        say(f"  installing {package}, which Debian's Python needs for that")
        said("apt-get", "-q", "update")
        said("apt-get", "-q", "-y", "install", package)
        done = said(sys.executable, "-m", "venv", "--clear", str(VENV))
    if done.returncode:
        raise Problem("The environment could not be made:", done.stdout.strip())


# --- is anything to be done?

def key():
    """Changes when what should be installed does."""
    parts = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_stamp():
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_stamp(extras):
    new = STAMP.with_suffix(".new")
    new.write_text(json.dumps({"key": key(), "extras": sorted(extras), "root": str(ROOT)}), encoding="utf-8")
    os.replace(new, STAMP)


def is_installed(extras):
    stamp = read_stamp()
    return (stamp.get("key") == key() and stamp.get("root") == str(ROOT)
            and set(extras) <= set(stamp.get("extras", ())) and fits(PYTHON))


# --- running an installer

def environment():
    """This process's own, without the settings that would send pip elsewhere than into .venv."""
    elsewhere = ("PIP_TARGET", "PIP_PREFIX", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    return {**{name: value for name, value in os.environ.items() if name not in elsewhere},
            "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}


def pip(*arguments):
    return [PYTHON, "-m", "pip", *arguments]


def quiet(command):
    """Whether a command succeeds."""
    return subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def start(command, **more):
    """Start a program whose words we read line by line."""
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL, text=True, errors="replace", cwd=ROOT,
                            env={**environment(), **more},
                            preexec_fn=_hear_interrupts if os.name == "posix" else None)


def _hear_interrupts():
    """A program started in the background of a script ignores Ctrl-C, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def said(*command):
    """Run a program to its end; what it said is in ``stdout``."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          text=True, errors="replace", cwd=ROOT, env=environment())


def log(text):
    with LOG.open("a", encoding="utf-8", errors="replace") as file:
        file.write(text)


def run(command):
    """Run an installer: everything it says goes into the log, its large downloads onto the screen too."""
    log(f"$ {' '.join(command)}\n")
    lines = []
    with start(command) as process:
        for line in process.stdout:
            log(line)
            lines.append(line.rstrip())
            large = re.match(r"\s*Downloading (\S+?)-\d\S* \((\d{2,}[\d.]* MB|[\d.]+ GB)\)", line)
            if large:
                say(f"  downloading {large[1]} ({large[2]})")
    if process.returncode:
        raise Problem(*explain(lines))


_UNREACHED = ("NewConnectionError", "Max retries", "name resolution", "timed out", "ProxyError", "SSLError",
              "Connection refused", "Network is unreachable", "Connection broken", "Could not fetch URL")


def explain(lines):
    """What went wrong, from what an installer said."""
    text = "\n".join(lines)
    missing = re.search(r"No matching distribution found for ([\w.-]+)", text)
    if "No space left" in text or "not enough space" in text:
        return ["The disk is full. Make room, then run this again."]
    if any(word in text for word in _UNREACHED):
        return ["The package index could not be reached. Are you online?",
                "Behind a proxy, set HTTPS_PROXY, or tell pip about your mirror; then run this again."]
    if missing:
        machine = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
        return [f"No {missing[1]} was found for {machine}.",
                "Offline, or behind a mirror that lacks it? Go online, or tell pip where to look.",
                "PyTorch has no pip build for 32-bit systems and Alpine Linux: use conda, as README.md says."]
    if "Permission denied" in text or "Access is denied" in text:
        return ["A file in .venv could not be written.",
                "Close what uses it (JupyterLab, an editor) or delete the folder .venv; then run this again."]
    return [f"The installation stopped. Its last lines, all others being in {LOG}:", *lines[-12:]]


# --- torch, without CUDA where there is no card

def torch_offered():
    """Ask pip which torch it would take, and stop it before it downloads half a gigabyte for the answer.

    Returns (version, whether the file lies on this machine), or None if pip did not say.
    """
    lines, offered = [], None
    options = ("--dry-run", "--no-deps", "--progress-bar", "off", "-c", "constraints.txt")
    with start(pip("install", *options, "torch")) as process:
        for line in process.stdout:
            lines.append(line.rstrip())
            named = re.match(r"\s*(Processing|Downloading|Using cached) .*?torch-([^-\s]+)-\S+\.whl", line)
            if named:
                offered = unquote(named[2]), named[1] == "Processing"
                process.send_signal(signal.SIGINT)  # pip tidies its folders
                break
    if process.returncode and not offered:
        raise Problem(*explain(lines))
    return offered


def install_torch():
    """Install the torch that fits this machine, before anything else asks for one."""
    if quiet(pip("show", "-q", "torch")):
        return
    if sys.platform == "darwin" and platform.machine() == "x86_64":
        raise Problem("PyTorch has no pip build for Intel Macs, nor for an Intel Python on a newer Mac.",
                      "Intel Mac: use conda, as README.md says. Newer Mac: install Python for Apple silicon.")
    kind = "cuda" if has_gpu() and sys.platform != "darwin" else "cpu"
    if sys.platform.startswith("linux") and kind == "cpu":
        version, local = torch_offered() or ("", False)
        if not (local or version.endswith("+cpu")) and not install_cpu_torch():
            kind = "cuda"
            say("No CPU build of PyTorch can be reached from here. The usual one brings NVIDIA's libraries:\n"
                "about 3 GB to download, 8 GB of disk. README.md says how to avoid that.")
    check_disk(kind)
    run(pip("install", "-c", "constraints.txt", "torch"))


def install_cpu_torch():
    """Install torch's CPU build with uv, which knows where it lies; False if that place is out of reach."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    wanted = re.search(r"^torch==\S+$", pins, re.MULTILINE)[0]
    run(pip("install", "-c", "constraints.txt", "uv"))
    install = [PYTHON, "-m", "uv", "--no-config", "pip", "install", "--python", PYTHON, "--no-deps",
               "--torch-backend", "cpu", wanted]
    with start([*install, "--dry-run"], UV_HTTP_TIMEOUT="15", UV_HTTP_RETRIES="1") as question:
        try:
            answer = question.communicate(timeout=60)[0]
        except subprocess.TimeoutExpired:
            question.kill()
            answer = question.communicate()[0]
    log(answer)
    reached = question.returncode == 0
    if reached:
        check_disk("cpu")
        say("  downloading PyTorch without CUDA (about 200 MB)")
        run(install)
    run(pip("uninstall", "-y", "uv"))  # it has done its part
    return reached


# --- the commands

def install(extras):
    """Bring .venv to what pyproject.toml and constraints.txt say."""
    check_folder()
    started = time.monotonic()
    make_venv()
    STAMP.unlink(missing_ok=True)  # until everything is in place, nothing is
    say("Installing the course into .venv: a few minutes the first time")
    install_torch()
    run(pip("install", "-c", "constraints.txt", "-e", f".[{','.join(extras)}]"))
    write_stamp(extras)
    say(f"Installed in {time.monotonic() - started:.0f} s")


def doctor(*options):
    return said(PYTHON, "-m", "course_utils", "doctor", *options)


def prepare(extras):
    """Install what is missing; where something broke since, repair it."""
    if read_stamp().get("key") == key():  # what another command brought stays part of it
        extras = sorted({*extras, *read_stamp().get("extras", ())})
    if not is_installed(extras) or doctor("--quick").returncode:
        install(extras)
        return True
    return False


def prepare_lesson(extras=("lab",)):
    """Install what is missing, and make sure that the course can start."""
    if prepare(extras):
        found = doctor()
        if found.returncode:
            raise Problem("The course is installed, but cannot start:", found.stdout.rstrip())


def test(options):
    """Run pytest; get a Chromium first, unless the browser tests are left out, and the pretrained models."""
    prepare(["lab", "proofs", "site", "test"])
    if subprocess.run([PYTHON, "-m", "course_utils", "models"], cwd=ROOT, env=environment()).returncode:
        say("The tests go on without: notebook 13 runs, but is not compared with what the models gave.")
    get_browser = [PYTHON, "-m", "course_utils.classroom.lab.browser"]
    if not any("not browser" in option for option in options):
        if subprocess.run(get_browser, cwd=ROOT, env=environment()).returncode:
            python = "py" if WINDOWS else "python3"
            raise Problem("Some tests drive a browser, and no Chromium or Chrome could be had.",
                          "Install one, or leave those tests out: "
                          f'{python} tools/setup.py test -m "not browser and not slow"')
    if not any(option.startswith("-n") for option in options):
        options = ["-n", str(min(os.cpu_count() or 1, 4)), *options]
    # workers that each start a thread a core only hinder each other
    return become([PYTHON, "-m", "pytest", *options], {"OMP_NUM_THREADS": "1", **environment()})


def go(command, options):
    """Carry one command out, with whatever it needs."""
    if command == "test":
        return test(options)
    if command == "doctor":  # it tells what is missing, so it must not need anything
        python = PYTHON if fits(PYTHON) else sys.executable
        return become([python, "-m", "course_utils", command, *options])
    prepare_lesson(("lab", "site") if command == "site" else ("lab",))
    if command == "install":
        print("The course is installed.")
        return 0
    return become([PYTHON, "-m", "course_utils", command, *options], environment())
