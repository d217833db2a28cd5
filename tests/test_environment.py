"""The conda file, without conda: it says what pyproject.toml says, in words that conda and Binder read."""

import importlib.util
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "environment.yml").read_text(encoding="utf-8")
CONDA = yaml.safe_load(TEXT)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SPECS = [entry for entry in CONDA["dependencies"] if isinstance(entry, str)]
# conda's name -> pip's, where they differ
PIP_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib", "playwright-python": "playwright"}


def split(spec):
    """``"numpy>=1.26"`` -> ``("numpy", ">=1.26")``."""
    return re.fullmatch(r"([a-z][a-z0-9-]*)\s*((?:[<>=!]=?[\d.*]+,?)*)", spec).groups()


def pip_ranges():
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["lab"],
             *PROJECT["optional-dependencies"]["test"], *PROJECT["optional-dependencies"]["site"]]
    return dict(split(line) for line in lines)


def test_has_the_keys_conda_reads_and_no_other():
    assert list(CONDA) == ["name", "channels", "dependencies"]
    assert CONDA["name"] == "attention-course"
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]


@pytest.mark.parametrize("spec", SPECS)
def test_conda_reads_the_line(spec):
    split(spec)  # fails where it does not have the form name + comparisons
    if importlib.util.find_spec("rattler") is not None:
        from rattler import MatchSpec

        MatchSpec(spec, strict=True)


def test_the_python_is_an_exact_one_that_the_course_supports():
    name, range_ = split(SPECS[0])
    assert name == "python"
    assert re.fullmatch(r"=3\.\d+", range_), "Binder reads only python=3.x"
    first, end = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    assert int(first) <= int(range_.removeprefix("=3.")) < int(end)


def test_ranges_are_those_of_pyproject():
    ours = dict(split(spec) for spec in SPECS)
    for extra in ("python", "pip"):
        ours.pop(extra)
    by_pip = dict(split(line) for line in PROJECT["optional-dependencies"]["pages"])
    assert {PIP_NAMES.get(name, name): range_ for name, range_ in ours.items()} | by_pip == pip_ranges()


def test_pip_installs_the_course_itself_and_what_writes_pages():
    assert [entry for entry in CONDA["dependencies"] if isinstance(entry, dict)] == [{"pip": ["-e .[pages]"]}]


def test_each_line_says_what_it_is_for():
    lines = [line for line in TEXT.splitlines() if re.match(r"\s+- (?!pip:)", line)]
    assert len(lines) == len(SPECS) + len(CONDA["channels"]) + 1
    assert [line for line in lines if not re.search(r"#\s*\S+ \S+ \S+", line)] == []


def test_pip_finds_all_it_needs_without_an_index():
    if importlib.util.find_spec("pip") is None:
        pytest.skip("this environment was made by uv and has no pip")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--no-deps",
         "--no-build-isolation",
         "--disable-pip-version-check", "-e", "."], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Would install attention-course" in done.stdout


def test_a_wheel_carries_all_that_the_package_reads(tmp_path):
    """Colab installs one: no clone lies around it."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = tmp_path.glob("*.whl")
    carried = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files", "course_utils", "data"], cwd=ROOT, capture_output=True,
                            text=True)
    if listed.returncode:
        pytest.skip("not a clone: nothing tells which files are the course's own")
    ours = {re.sub("^data/", "course_utils/_data/", name) for name in listed.stdout.splitlines()}
    assert len(ours) > 20
    assert ours - carried == set()


def test_tested_versions_lie_in_the_ranges():
    from course_utils.classroom.lab.requirements import allows

    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)
    assert len(pins) == len(lines), "a package is pinned twice"
    wrong = {name: pins.get(name) for name, range_ in pip_ranges().items()
             if name not in pins or not allows(range_, pins[name])}
    assert wrong == {}


def test_no_file_of_ours_names_an_index():
    """An index that cannot be reached costs pip 16 seconds for each package it looks up."""
    names = ("pyproject.toml", "constraints.txt", "environment.yml", "Makefile", "tools/setup.py", "tools/pythons.py",
             "tools/installing.py", ".github/workflows/ci.yml", ".github/workflows/site.yml",
             ".devcontainer/devcontainer.json", ".ci/run")
    for name in names:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"index-url|find-links|download\.py|\bpypi\.|tool\.uv\.sources", text), name
