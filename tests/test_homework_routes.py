"""docs/homework.md line by line: the commands of each route as they stand there, from download to import.

The commands are read out of the page, so that it cannot promise what nobody has run. What a person does between them
(download, fill in, upload) is done here, for a class of three whose points are known.
"""

import csv
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile

import nbformat
import pytest
from notebook_parts import ROOT

from course_utils.classroom import cli
from course_utils.classroom.bench.class_grading import solutions
from course_utils.classroom.grading.arguments import add_arguments
from course_utils.classroom.grading.assignment import SOURCES, STUDENTS, called, load

pytest.importorskip("nbformat")
PAGE = (ROOT / "docs" / "homework.md").read_text(encoding="utf-8")
NBGRADER = "import sys; from nbgrader.apps import NbGraderApp; sys.argv[0] = 'nbgrader'; NbGraderApp.launch_instance()"
NAME = "hw4_long_sequences"
BY_HAND = 1.5  # for each answer that was written


def commands(heading):
    """The lines of the plain blocks below a heading, without their comments."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)[1]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [line for kind, block in blocks if not kind for line in block.splitlines()
            if shlex.split(line, comments=True)]


class Student:
    """Who leaves the last exercises, which may use those before them, and written answers as they were given out."""

    def __init__(self, student, name, without=0, written=True, here=True):
        self.id, self.name, self.without, self.written, self.here = student, name, without, written, here

    def notebook(self, name):
        given, right = nbformat.read(STUDENTS / f"{name}.ipynb", as_version=4), solutions(SOURCES / f"{name}.ipynb")
        for cell in given.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id in list(right)[:len(right) - self.without]:
                cell.source = right[grade_id]
            elif grade_id in {grade_id for grade_id, _ in load(SOURCES / f"{name}.ipynb").by_hand} and self.written:
                cell.source = f"Because, says {self.name}."
        return nbformat.writes(given).encode()

    def points(self, name, by_hand=BY_HAND):
        homework = load(SOURCES / f"{name}.ipynb")
        done = homework.exercises[:len(homework.exercises) - self.without]
        return (sum(exercise.points for exercise in done)
                + by_hand * len(homework.by_hand) * self.written)


CLASS = (Student("101", "Wei Wang"), Student("102", "Wei Wang", without=1), Student("103", "Zoë Ünal", 2, False),
         Student("104", "Bo Late", here=False))
PRESENT = [student for student in CLASS if student.here]


class Evening:
    """A folder in which a teacher types the lines of the page, one after the other."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        monkeypatch.chdir(folder)

    def type(self, line, code=0):
        words = shlex.split(line, comments=True)
        if words[0] == "attention-course" and words[2] != "release":
            assert cli.main(words[1:]) == code, line
        else:
            self.elsewhere(line)
        if words[1:3] == ["homework", "written"] and len(words) == 4:
            self.fill_in(self.folder / words[3] / "written.csv")

    def elsewhere(self, line):
        """In a shell, with the commands that an activated environment has: release and nbgrader."""
        path = self.folder.parent / "bin"
        path.mkdir(exist_ok=True)
        for name, code in (("attention-course", '-m course_utils "$@"'), ("nbgrader", f'-c "{NBGRADER}" "$@"')):
            (path / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {code}\n', encoding="utf-8")
            (path / name).chmod(0o755)
        done = subprocess.run(["bash", "-c", line], cwd=self.folder, capture_output=True, text=True, timeout=600,
                              check=False, env={
                                  **os.environ, "PYTHONPATH": str(ROOT), "COURSE": str(ROOT), "OMP_NUM_THREADS": "1",
                                  "JUPYTER_PREFER_ENV_PATH": "1",
                                  "PATH": os.pathsep.join([str(path), os.path.dirname(sys.executable),
                                                           os.environ["PATH"]])})
        assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"

    def fill_in(self, sheet):
        rows = table(sheet)
        for row in rows:
            row["points"] = str(BY_HAND if row["state"] == "written" else 0)
        write(sheet, rows)


def table(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, rows[0])
        out.writeheader()
        out.writerows(rows)


@pytest.fixture
def evening(tmp_path, monkeypatch):
    (tmp_path / "evening").mkdir()
    return Evening(tmp_path / "evening", monkeypatch)


def expected(line):
    """One student is missing, which grading says by its exit code; a dry run, and all else, is well."""
    return int(" grade " in line and "--dry-run" not in line)


def test_a_folder_of_notebooks(evening):
    if os.name == "nt" or not shutil.which("bash"):
        pytest.skip("the page is for a shell")
    pytest.importorskip("nbgrader", reason="release needs it: the extra teacher")
    write(evening.folder / "names.csv", [{"id": s.id, "name": s.name} for s in CLASS])
    lines = commands("A folder of notebooks")
    evening.type(lines[0])
    assert (evening.folder / "given" / f"{NAME}.ipynb").is_file()
    (evening.folder / f"{NAME}.ipynb").write_bytes(CLASS[0].notebook(NAME))
    evening.type(lines[1])
    (evening.folder / "handed_in").mkdir()
    for student in PRESENT:
        (evening.folder / "handed_in" / f"{student.id}.ipynb").write_bytes(student.notebook(NAME))
    pages = []
    for line in lines[2:]:
        evening.type(line, expected(line))
        if " report " in line:
            pages.append((evening.folder / "out4" / "feedback" / "102.html").read_text(encoding="utf-8"))
    assert "decided after the deadline" in pages[0]
    assert "decided after the deadline" not in pages[1]
    got = {row["student"]: row for row in table(evening.folder / "out4" / "gradebook.csv")}
    assert {student: row["points"] for student, row in got.items() if row["points"]} == {
        student.id: f"{student.points(NAME):g}" for student in PRESENT}
    assert {row["open"] for row in got.values()} == {"0", ""}
    assert got["104"]["state"] == "missing"


def canvas(folder):
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        for n, student in enumerate(PRESENT):
            archive.writestr(f"{student.name.replace(' ', '').lower()}_{student.id}_{9000 + n}_{NAME}.ipynb",
                             student.notebook(NAME))
    rows = [{"Student": "    Points Possible", "ID": "", "SIS Login ID": "", "Section": "", f"{NAME} (7)": "30"}]
    rows += [{"Student": s.name, "ID": s.id, "SIS Login ID": f"u{s.id}", "Section": "A", f"{NAME} (7)": ""}
             for s in CLASS]
    write(folder / "gradebook.csv", rows)
    return "ID", f"{NAME} (7)"


def moodle(folder):
    with zipfile.ZipFile(folder / "submissions.zip", "w") as archive:
        for student in PRESENT:
            archive.writestr(f"{student.name}_{student.id}_assignsubmission_file_/{NAME}.ipynb",
                             student.notebook(NAME))
    write(folder / "worksheet.csv", [
        {"Identifier": f"Participant {s.id}", "Full name": s.name, "Status": "", "Grade": "", "Maximum Grade": "30.00",
         "Last modified (grade)": "-", "Feedback comments": ""} for s in CLASS])
    return "Identifier", "Grade"


@pytest.mark.parametrize(("heading", "download"), [("Canvas", canvas), ("Moodle", moodle)], ids=["Canvas", "Moodle"])
def test_a_platform(evening, heading, download, capsys):
    who, column = download(evening.folder)
    for line in commands(heading):
        evening.type(line, expected(line))
        if "--dry-run" in line:
            assert "104 (Bo Late): nothing was handed in" in capsys.readouterr().out
            assert not (evening.folder / "out4").exists()
    got = {row[who].removeprefix("Participant "): row[column] for row in table(evening.folder / "import.csv")}
    assert got.pop("", "30") == "30"
    assert got == {student.id: f"{student.points(NAME):g}" if student.here else "" for student in CLASS}
    assert len(list((evening.folder / "out4" / "feedback").glob("*.html"))) == len(CLASS)


@pytest.mark.skipif(os.name == "nt", reason="a bundle runs on Gradescope's Linux")
def test_gradescope(evening, monkeypatch):
    [line] = commands("Gradescope")
    evening.type(line)
    root = evening.folder / "autograder"
    with zipfile.ZipFile(evening.folder / "autograder.zip") as archive:
        archive.extractall(root / "source")
    for student in PRESENT[1:2]:
        (root / "submission").mkdir()
        (root / "submission" / "homework of mine.ipynb").write_bytes(student.notebook(NAME))
        subprocess.run(["bash", root / "source" / "run_autograder"], check=True, capture_output=True, timeout=300, env={
            "PATH": os.environ["PATH"], "AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable})
        results = json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))
        assert sum(test["score"] for test in results["tests"]) == student.points(NAME, by_hand=0)
        assert "Given by a person" in results["output"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the page is for a shell")
def test_nbgrader_with_all_four_in_one_course(evening):
    """Each by the page's lines: as they are, and with other names of folder and notebook."""
    pytest.importorskip("nbgrader", reason="the extra proofs brings it")
    config = evening.folder / "nbgrader_config.py"
    config.write_text(re.search(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1] + (
        "c.FileNameCollectorPlugin.named_regexp = r'.*/(?P<student_id>\\d+)_(?P<file_id>.*)'\n"), encoding="utf-8")
    lines = commands("nbgrader on a JupyterHub")
    assert len(lines) == 6
    truth = {}
    for path in sorted(SOURCES.glob("*.ipynb")):
        name, folder = path.stem, path.stem if path.stem == NAME else path.stem[:3]
        truth |= {(folder, student.id): student.points(name, by_hand=0) for student in PRESENT}

        def line_for(line, name=name, folder=folder):
            if folder == NAME:
                return line
            if line.startswith("cp "):
                return line.replace(NAME, name, 1).replace(f"source/{NAME}/", f"source/{folder}/{folder}.ipynb")
            return line.replace(NAME, folder)

        for line in lines[:3]:
            evening.type(line_for(line))
        assert "### BEGIN" not in (evening.folder / "release" / folder / f"{folder}.ipynb").read_text(encoding="utf-8")
        for student in PRESENT:
            place = evening.folder / "submitted" / student.id / folder
            if folder == "hw2":  # one comes as a zip file from a platform
                place = evening.folder / "downloaded" / folder / "archive"
            place.mkdir(parents=True, exist_ok=True)
            (place / (f"{student.id}_{folder}.ipynb" if folder == "hw2" else f"{folder}.ipynb")).write_bytes(
                student.notebook(name))
        if folder == "hw2":
            evening.elsewhere("nbgrader zip_collect hw2")
        for line in lines[3:5]:
            evening.type(line_for(line))
        pages = [evening.folder / "feedback" / s.id / folder / f"{folder}.html" for s in PRESENT]
        assert all(page.stat().st_size > 10_000 for page in pages)
    evening.type(lines[5])
    got = {(row["assignment"], row["student_id"]): float(row["score"]) for row in table(
        evening.folder / "grades.csv") if row["student_id"] in {s.id for s in PRESENT}}
    assert got == truth


# --- what stands between the blocks ---


def parser():
    import argparse

    made = argparse.ArgumentParser(prog="attention-course homework")
    add_arguments(made)
    return made


INLINE = [words for words in re.findall(r"`((?:attention-course )?homework [^`]+)`", PAGE)]


@pytest.mark.parametrize("line", INLINE)
def test_what_is_said_in_passing_is_a_command(line):
    words = shlex.split(line.removeprefix("attention-course "))[1:]
    if len(words) == 1:  # named, not written out
        assert words[0] in parser().format_help()
        return
    assert parser().parse_args(words).action == words[0]


def test_every_option_on_the_page_is_one():
    helped = "".join(sub.format_help() for action in parser()._actions if hasattr(action, "choices") and isinstance(
        action.choices, dict) for sub in action.choices.values())
    prose = re.sub(r"^```\w*\n.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose))
    assert named - set(re.findall(r"--[a-z-]+", helped)) == {"--nbgrader"}  # of `attention-course lab`


def test_the_set_up_names_what_is_there():
    lines = re.search(r"^```\n(python3 tools/setup\.py install.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1].splitlines()
    assert len(lines) == 3
    assert "`install`" in (ROOT / "tools" / "setup.py").read_text(encoding="utf-8")
    [extra] = re.search(r'-e "\.\[(\w+)\]"', lines[1]).groups()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert any(line.startswith("nbgrader") for line in project["optional-dependencies"][extra])
    for name in re.findall(r"`(hw\w+)`", PAGE):
        assert called(name, SOURCES).is_file()
    for folder in ("notebooks/homework", "docs/teaching/homework"):
        assert f"`{folder}/`" in PAGE
        assert (ROOT / folder).is_dir()
