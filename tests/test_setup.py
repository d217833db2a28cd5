"""The set-up's first step, a Python that fits, and the commands by which people and machines call it."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stand_ins import POSIX, program

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def setup(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import setup

    return setup


@pytest.fixture
def pythons(setup):
    import pythons

    return pythons


def test_an_old_python_can_read_what_it_is_started_with():
    course = [f"course_utils/{part}.py" for part in ("__init__", "__main__", "lazy", "moved")]
    for name in ("tools/setup.py", "tools/pythons.py", *course):
        ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_supported_versions_are_read_from_pyproject(pythons):
    assert pythons.supported() == [11, 12, 13]


def test_this_python_comes_first(pythons):
    assert pythons.find_python() == sys.executable


@POSIX
@pytest.mark.parametrize(("answer", "fits"), [
    ("3 11 True", True), ("3 13 True", True), ("3 10 True", False), ("3 14 True", False),
    ("2 7 True", False), ("3 12 False", False), ("", False)])
def test_fits(pythons, tmp_path, answer, fits):
    assert pythons.fits(program(tmp_path / "python", f"echo {answer}")) is fits


def test_a_program_that_is_not_there_does_not_fit(pythons, tmp_path):
    assert not pythons.fits(str(tmp_path / "python"))


@POSIX
def test_a_newer_python_on_the_path_is_found_behind_an_old_one(pythons, tmp_path, monkeypatch):
    old = program(tmp_path / "python3", "echo 3 9 True")
    program(tmp_path / "python3.12", "echo not installed >&2; exit 127")  # as pyenv's stand-in does
    newer = program(tmp_path / "python3.13", "echo 3 13 True")
    monkeypatch.setattr(sys, "executable", old)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert pythons.find_python() == newer


@POSIX
def test_no_python_that_fits_is_said_in_words(setup, pythons, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "executable", program(tmp_path / "python3", "echo 3 9 True"))
    monkeypatch.setattr(pythons.shutil, "which", lambda name: None)
    monkeypatch.setattr(pythons.glob, "glob", lambda pattern: [])
    assert setup.main(["lab"]) == 1
    said = capsys.readouterr().err
    assert "needs Python 3.11, 3.12 or 3.13 (64 bit), and none was found" in said
    assert "apt-get install python3.12 python3.12-venv" in said
    assert "Traceback" not in said


@POSIX
def test_an_old_python_hands_over(setup, pythons, tmp_path, monkeypatch):
    handed = []
    for module in (setup, pythons):
        monkeypatch.setattr(module, "fits", lambda python: python == "newer")
    monkeypatch.setattr(pythons, "candidates", lambda: iter([sys.executable, "newer"]))
    monkeypatch.setattr(setup, "become", lambda command: handed.append(command) or 0)
    assert setup.main(["lab", "--no-browser"]) == 0
    assert handed == [["newer", str(ROOT / "tools" / "setup.py"), "lab", "--no-browser"]]


def test_without_a_command_it_explains_itself(setup, capsys):
    assert setup.main([]) == 2
    assert "tools/setup.py lab" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here; the set-up is called without it")
@pytest.mark.parametrize(("target", "command"), [
    ("lab", "setup.py lab --no-browser"), ("test", "setup.py test"), ("doctor", "setup.py doctor")])
def test_make_calls_the_set_up(target, command):
    done = subprocess.run(["make", "-n", target, "LAB_ARGS=--no-browser"], cwd=ROOT, capture_output=True,
                          text=True)
    assert command in done.stdout


def test_ci_runs_the_readmes_test_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in script.splitlines()[-1]
    assert "\nmake test\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    if os.name == "posix":
        assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_container_and_the_public_ci_call_the_set_up():
    import yaml

    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "python tools/setup.py install"
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["pinned"]["strategy"]["matrix"]
    assert [name.split("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.13"], "the oldest and the newest that pyproject.toml allows"
    assert "python tools/setup.py test" in [step.get("run") for step in jobs["pinned"]["steps"]]
