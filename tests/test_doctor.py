"""The doctor: each thing that can be missing is found, named in plain words, and comes with a remedy."""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import tomllib
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import pytest
from stand_ins import POSIX, program

from course_utils.classroom.lab import browser, doctor, requirements, start

ROOT = Path(__file__).resolve().parents[1]


def findings(check):
    return {finding.check: finding for finding in check()}


def levels(check):
    return [finding.level for finding in check()]


# --- Python and packages

@pytest.mark.parametrize(("version", "level", "word"), [
    ("3.10.14", "stop", "too old"), ("3.11.0", "ok", "3.11.0"), ("3.13.9", "ok", "3.13.9"),
    ("3.14.0", "stop", "too new"), ("2.7.18", "stop", "too old")])
def test_python(monkeypatch, version, level, word):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: version)
    [found] = doctor.check_python()
    assert (found.level, bool(found.do)) == (level, level == "stop")
    assert word in found.found


def test_a_32_bit_python(monkeypatch):
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    [found] = doctor.check_python()
    assert found.level == "stop"
    assert "64-bit" in found.do


def test_in_the_wrong_python_nothing_else_is_looked_at(monkeypatch):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.9.2")
    assert [found.check for found in doctor.examine()] == ["python"]


@pytest.fixture
def installed(monkeypatch):
    """The versions that seem to be installed."""
    versions = {"numpy": "2.4.6", "torch": "2.13.0+cpu", "matplotlib": "3.11.2", "ipywidgets": "8.1.9",
                "anywidget": "0.11.0", "jupyterlab": "4.6.6", "jupyterlab_widgets": "3.0.17",
                "attention-course": "0.1.0"}
    monkeypatch.setattr(requirements, "installed_version", versions.get)
    return versions


def test_all_packages_there(installed):
    assert set(levels(doctor.check_packages)) == {"ok"}


@pytest.mark.parametrize("name", ["numpy", "torch", "matplotlib", "ipywidgets", "anywidget", "jupyterlab"])
def test_a_missing_package_is_named_with_what_it_is_for(installed, name):
    del installed[name]
    found = findings(doctor.check_packages)
    assert [check for check in found if found[check].level == "stop"] == [name]
    assert found[name].found == f"{name} is not installed: {doctor._PURPOSE[name]}."
    assert found[name].do == doctor.repair()


@pytest.mark.parametrize(("name", "version"), [
    ("ipywidgets", "7.8.5"), ("ipywidgets", "9.0.0"), ("anywidget", "0.9.12"), ("jupyterlab", "3.6.8"),
    ("torch", "2.5.1")])
def test_a_version_outside_the_range(installed, name, version):
    installed[name] = version
    found = findings(doctor.check_packages)[name]
    assert found.level == "stop"
    range_ = requirements.wanted()[name]
    assert found.found == f"{name} {version} does not fit: the course works with {range_}."


def test_the_courses_own_package(installed):
    del installed["attention-course"]
    found = findings(doctor.check_packages)["course_utils"]
    assert found.level == "stop"
    assert "notebooks would not find it" in found.found


@pytest.mark.parametrize(("name", "conda", "remedy"), [
    (".venv", False, "make lab" if os.name != "nt" else "py tools\\setup.py lab"),
    ("other", False, '-m pip install -e ".[lab]"'), ("other", True, "conda env update -f environment.yml")])
def test_the_remedy_fits_the_environment(tmp_path, monkeypatch, name, conda, remedy):
    prefix = tmp_path / name
    (prefix / ("conda-meta" if conda else "bin")).mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(prefix))
    assert doctor.repair().endswith(remedy)


# --- torch at work

def test_torch_that_cannot_be_imported(installed, monkeypatch):
    monkeypatch.setattr(doctor, "_IMPORT_TORCH", "raise ImportError('libcudart.so: cannot open')")
    [found] = doctor.check_torch_runs()
    assert (found.level, found.do) == ("stop", doctor.repair())
    assert "libcudart.so: cannot open" in found.found


def test_torch_that_takes_python_down(installed, monkeypatch):
    monkeypatch.setattr(doctor, "_IMPORT_TORCH", "import os; os.abort()")
    [found] = doctor.check_torch_runs()
    assert found.level == "stop"
    assert "it ended with code" in found.found


@pytest.mark.parametrize(("cuda", "gpu", "level"), [
    ("13.0", False, "note"), ("13.0", True, "ok"), (None, False, "ok")])
def test_the_cuda_build_is_only_worth_a_note_without_a_card(installed, monkeypatch, cuda, gpu, level):
    monkeypatch.setattr(doctor, "_IMPORT_TORCH", f"print({json.dumps(['2.13.0', cuda])!r})")
    monkeypatch.setattr(doctor, "has_gpu", lambda: gpu)
    assert levels(doctor.check_torch_runs) == [level]


@POSIX
@pytest.mark.parametrize(("script", "found"), [
    ("echo 'GPU 0: some card'", True), ("echo no devices >&2; exit 9", False), (None, False)])
def test_a_card_is_what_nvidias_own_tool_finds(tmp_path, monkeypatch, script, found):
    if script:
        program(tmp_path / "nvidia-smi", script)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.has_gpu() is found


def test_the_torch_of_this_environment_works():
    assert [found.level for found in doctor.check_torch_runs()] in (["ok"], ["note"])


def test_a_missing_torch_is_said_once(installed):
    del installed["torch"]
    assert levels(doctor.check_torch_runs) == []


# --- what runs in the browser

@pytest.fixture
def jupyter(tmp_path, monkeypatch, installed):
    """JupyterLab's folders, with the front ends of both widget packages."""
    for name in doctor._FRONT_ENDS:
        (tmp_path / "labextensions" / name).mkdir(parents=True)
        (tmp_path / "labextensions" / name / "package.json").write_text("{}")
    monkeypatch.setattr(doctor, "_jupyter_folders", lambda kind: [tmp_path / "none" / kind, tmp_path / kind])
    return tmp_path


def test_front_ends_there(jupyter):
    assert levels(doctor.check_front_ends) == ["ok", "ok"]


@pytest.mark.parametrize("name", doctor._FRONT_ENDS)
def test_a_missing_front_end(jupyter, name):
    (jupyter / "labextensions" / name / "package.json").unlink()
    found = findings(doctor.check_front_ends)
    assert found[f"front-end {name}"].level == "stop"
    assert f"--force-reinstall --no-deps {doctor._FRONT_ENDS[name]}" in found[f"front-end {name}"].do
    assert sum(finding.level == "stop" for finding in found.values()) == 1


@pytest.mark.parametrize("off", [{"anywidget": True}, ["anywidget"], {"anywidget:plugin": True}])
def test_a_front_end_that_somebody_switched_off(jupyter, off):
    (jupyter / "labconfig").mkdir()
    (jupyter / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": off}))
    found = findings(doctor.check_front_ends)["front-end anywidget"]
    assert found.level == "stop"
    assert found.do.endswith("-m jupyter labextension enable anywidget")


def test_a_front_end_switched_on_again(jupyter):
    (jupyter / "labconfig").mkdir()
    (jupyter / "labconfig" / "page_config.json").write_text('{"disabledExtensions": {"anywidget": false}}')
    assert levels(doctor.check_front_ends) == ["ok", "ok"]


def test_this_environment_has_its_front_ends():
    assert levels(doctor.check_front_ends) == ["ok", "ok"]


# --- the folder, the disk, the record, the port, the browser

@pytest.fixture
def course(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_start.ipynb").write_text("{}")
    monkeypatch.setattr(start, "course_folder", lambda: tmp_path)
    return tmp_path


def test_the_folder(course):
    found = findings(doctor.check_folder)
    assert found["notebooks"].level == "ok"
    assert [path.name for path in (course / "notebooks").iterdir()] == ["00_start.ipynb"], "a trace was left"


def test_no_notebooks(monkeypatch):
    monkeypatch.setattr(start, "course_folder", lambda: None)
    assert levels(doctor.check_folder) == ["stop"]


def test_the_first_notebook_gone(course):
    (course / "notebooks" / "00_start.ipynb").unlink()
    assert "git restore" in next(doctor.check_folder()).do


def test_notebooks_that_cannot_be_written_to(course, monkeypatch):
    def refuse(**options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = findings(doctor.check_folder)["notebooks"]
    assert found.level == "stop"
    assert "Read-only file system" in found.found


@pytest.mark.parametrize(("mib", "level"), [(5000, "ok"), (500, "note"), (50, "stop")])
def test_disk(course, monkeypatch, mib, level):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=mib * 2**20))
    assert findings(doctor.check_folder)["disk"].level == level


def test_a_record_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path))  # a folder where a file should be
    [found] = doctor.check_progress()
    assert found.level == "stop"
    assert str(tmp_path) in found.found


def test_a_record_that_can(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    assert levels(doctor.check_progress) == ["ok"]


def test_a_taken_port_is_a_note_that_names_the_next(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(start, "DEFAULT_PORT", other.getsockname()[1])
        monkeypatch.setattr(start, "free_port", lambda: 9321)
        [found] = doctor.check_port()
        assert found.level == "note"
        assert "would use 9321" in found.found
        monkeypatch.setattr(start, "free_port", lambda: None)
        assert levels(doctor.check_port) == ["stop"]
    assert levels(doctor.check_port) == ["ok"]


def test_no_browser_is_only_worth_a_note(monkeypatch):
    monkeypatch.setattr(browser, "find_browser", lambda: None)
    assert levels(doctor.check_browser) == ["note"]
    monkeypatch.setattr(browser, "find_browser", lambda: "/usr/bin/chromium")
    assert levels(doctor.check_browser) == ["ok"]


# --- the report

def test_what_stops_comes_last_and_one_remedy_is_said_once():
    text = doctor.describe([
        doctor.Finding("a", "stop", "a is missing.", "make lab"), doctor.Finding("b", "ok", "b"),
        doctor.Finding("c", "stop", "c is missing.", "make lab"), doctor.Finding("d", "note", "d is odd.")])
    assert text.splitlines() == [
        "  ok    b", "  note  d is odd.", "  STOP  a is missing.", "  STOP  c is missing.",
        "        do: make lab", "2 things to repair before the course works."]


def test_all_is_well():
    assert doctor.describe([doctor.Finding("a", "ok", "a")]).endswith("All is well: the course can start.")


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("note", 0), ("stop", 1)])
@pytest.mark.parametrize("as_json", [True, False])
def test_the_exit_code_is_1_when_something_stops_the_course(monkeypatch, capsys, level, code, as_json):
    monkeypatch.setattr(doctor, "examine", lambda quick: [doctor.Finding("a", level, "found", "remedy")])
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    assert doctor.run(parser.parse_args(["--json"] if as_json else [])) == code
    said = capsys.readouterr().out
    if as_json:
        assert json.loads(said) == [{"check": "a", "level": level, "found": "found", "do": "remedy"}]
    else:
        assert "found" in said


def test_it_answers_where_nothing_is_installed():
    """-S leaves only the standard library."""
    done = subprocess.run([sys.executable, "-S", "-m", "course_utils", "doctor", "--json"], cwd=ROOT,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    stopped = {found["check"] for found in json.loads(done.stdout) if found["level"] == "stop"}
    assert {*doctor._PURPOSE, "course_utils"} <= stopped
    assert all(found["do"] for found in json.loads(done.stdout) if found["level"] == "stop")


# --- where the ranges come from

def test_ranges_come_from_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = requirements.wanted()
    assert wanted.pop("python") == project["requires-python"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    assert [name + range_ for name, range_ in wanted.items()] == lines


def test_ranges_of_an_installed_package(tmp_path, monkeypatch):
    about = Message()
    about["Requires-Python"] = "<3.14,>=3.11"
    for line in ("numpy>=1.26", "jupyterlab<5,>=4.2; extra == 'lab'", "pytest>=8.2; extra == 'test'"):
        about["Requires-Dist"] = line
    monkeypatch.setattr(requirements, "__file__", str(tmp_path / "a" / "b" / "c" / "d.py"))
    monkeypatch.setattr(requirements.metadata, "metadata", lambda name: about)
    assert requirements.wanted() == {"python": "<3.14,>=3.11", "numpy": ">=1.26", "jupyterlab": "<5,>=4.2"}


def test_a_range_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"range_ should hold comparisons like >=8.1, got '~=2.0'"):
        requirements.allows("~=2.0", "2.1")


@pytest.mark.parametrize(("range_", "version", "inside"), [
    (">=2.6", "2.6.0", True), (">=2.6", "2.5.9", False), ("<5", "5.0.0", False), ("<5", "4.99", True),
    (">=4.2,<5", "4.10.0", True), (">=2.6", "2.13.0+cu130", True), ("==2.13", "2.13.0", True),
    (">3,<=4", "4.0", True), ("", "1", True)])
def test_allows(range_, version, inside):
    assert requirements.allows(range_, version) is inside
