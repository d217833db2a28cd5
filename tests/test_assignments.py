"""The assignments from release to gradebook, with forty students who make the bank's mistakes."""

import csv
import html
import importlib.util
import json
import random
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from anatomy.lesson import Lesson
from anatomy.predictions import first_line
from notebook_parts import ROOT, SOURCES, read, tags
from record import without_outputs

from course_utils import exercises
from course_utils.checks import Case, diagnose, earn
from course_utils.classroom import cli
from course_utils.classroom.bench import class_grading
from course_utils.classroom.grading.assignment import SOURCES as WITH_SOLUTIONS
from course_utils.classroom.grading.assignment import STUDENTS as CLONE
from course_utils.classroom.grading.assignment import called, find, load
from course_utils.classroom.grading.preflight import preflight
from course_utils.classroom.grading.results import Results
from course_utils.classroom.lab.kernels import run_notebook

SECRET = "0123456789abcdef"
IDS = [path.stem for path in SOURCES]
STUDENTS = 40
# A student who has the bank's own answers: only a test lets a submission in on the exercises.
BANK = """from course_utils.exercises import find
{wanted} = {answer}"""
RIGHT = "find({name!r}).reference"


def answers_of(exercise):
    """The bank as (source, function, causes of what is wrong), right answers first."""
    right = [(RIGHT.format(name=exercise.name), exercise.reference, ())]
    right += [(f"find({exercise.name!r}).equivalents[{n}].function", equivalent.function, ())
              for n, equivalent in enumerate(exercise.equivalents)]
    wrong = [(f"find({exercise.name!r}).wrong_answer(find({exercise.name!r}).mistakes[{n}])",
              exercise.wrong_answer(mistake), (mistake.cause,)) for n, mistake in enumerate(exercise.mistakes)]
    return right, wrong


def submit(source, folder, chosen):
    """Write one student's notebook; `chosen` maps names of exercises to code."""
    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").replace("-", "_")
        if name in chosen:
            cell.source = BANK.format(wanted=exercises.find(name).signature.split("(")[0], answer=chosen[name])
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / source.name)


@pytest.fixture(params=SOURCES, ids=IDS)
def source(request, tmp_path):
    """An assignment whose answers may import the exercises."""
    notebook = nbformat.read(request.param, as_version=4)
    allows = notebook.metadata["homework"].setdefault("allows", [])
    package = ROOT / "course_utils" / "exercises"
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
               for path in package.rglob("*.py")]
    notebook.metadata["homework"]["allows"] = [*allows, *modules, "course_utils.multihead"]
    path = tmp_path / "source" / request.param.name
    path.parent.mkdir()
    nbformat.write(notebook, path)
    return path


def command(*words):
    return cli.main(["homework", *map(str, words)])


def release(source, folder):
    """In a process of its own: nbgrader imports setuptools, which refuses to be where distutils was imported before."""
    if importlib.util.find_spec("nbgrader") is None:
        pytest.skip("nbgrader is not installed: the extra proofs brings it")
    run_python("-m", "course_utils", "homework", "release", source, folder, "--force")


def run_python(*words):
    done = subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_teachers_page_lists_the_assignments():
    assert SOURCES
    told = (ROOT / "docs" / "homework.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(hw\w+)` \|", told, re.MULTILINE)
    assert listed
    assert set(listed) <= set(IDS)


def test_every_homework_exercise_stands_in_its_assignment():
    in_notebooks = [(path.stem, exercise.name) for path in SOURCES for exercise in load(path).exercises]
    # Some exercises are ready before their notebook is.
    assert in_notebooks == [(exercise.notebook, exercise.name) for exercise in exercises.homework_exercises()
                            if exercise.notebook in IDS]


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_an_assignment_is_whole(path):
    assignment, notebook = load(path), nbformat.read(path, as_version=4)
    assert 3 <= len(assignment.exercises) <= 4
    assert assignment.by_hand, "there is nothing for a person to read"
    tested = {name: parts for _, name, parts in assignment.tests}
    marks = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    points = {mark["grade_id"]: mark["points"] for mark in marks if mark.get("grade") and not mark.get("solution")}
    assert sum(points.values()) == assignment.points
    minutes = 0
    for exercise in assignment.exercises:
        assert tested[exercise.name] == tuple(part.name for part in exercise.parts)
        assert {part.visible for part in exercise.parts} == {True, False}, exercise.name
        assert exercise.parts[0].visible
        assert len(exercise.drawn(1)) >= 2
        one, two = (_cases_drawn(exercise, seed) for seed in (1, 2))
        assert repr(one) == repr(_cases_drawn(exercise, 1))
        assert repr(one) != repr(two), f"{exercise.name} draws the same for every class"
        minutes += exercise.minutes
    assert 45 <= minutes <= 90
    for cell, mark in zip(notebook.cells, marks):
        if mark.get("solution") and cell.cell_type == "code":
            assert "### BEGIN SOLUTION" in cell.source
        if mark.get("grade") and not mark.get("solution"):
            assert cell.source.startswith("check(")
            assert "### BEGIN HIDDEN TESTS" in cell.source


def _cases_drawn(exercise, seed):
    return [thing.args for thing in exercise.drawn(seed) if isinstance(thing, Case)]


def students(path):
    """The version that lies in a student's clone."""
    return CLONE / path.name


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_a_clone_holds_what_release_writes(path, tmp_path):
    """One copy of the truth: tools/record.py makes the student version from the source, and runs it."""
    release(path, tmp_path)
    stored = students(path).read_text(encoding="utf-8")
    assert without_outputs(stored) == (tmp_path / path.name).read_text(encoding="utf-8"), "run tools/record.py"
    assert without_outputs(path.read_text(encoding="utf-8")) == path.read_text(encoding="utf-8")


def test_every_homework_of_a_clone_has_its_source():
    assert [path.name for path in sorted(CLONE.glob("*"))
            if path.name != ".ipynb_checkpoints"] == [path.name for path in SOURCES]


@pytest.mark.parametrize(("name", "found"), [
    ("hw1_weights", "hw1_weights"), ("hw1_weights.ipynb", "hw1_weights"), ("hw4", "hw4_long_sequences"),
    ("hw2_masks (1).ipynb", "hw2_masks"), ("hw2_masks-Copy1.ipynb", "hw2_masks")])
def test_an_assignment_is_found_by_its_name(name, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find(name) == CLONE / f"{found}.ipynb"
    assert find(name, WITH_SOLUTIONS) == WITH_SOLUTIONS / f"{found}.ipynb"
    (tmp_path / name).write_text("{}")  # a notebook of one's own is named by its file
    assert find(name) == Path(name)
    assert called(name) == CLONE / f"{found}.ipynb"


@pytest.mark.parametrize("name", ["hw", "hw9", "", "weights"])
def test_a_name_that_fits_none_or_several_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"no assignment is called .* \(there is hw1_weights, hw2_masks"):
        called(name)


def test_what_students_get_is_not_released_once_more(tmp_path, capsys):
    pytest.importorskip("nbgrader", reason="the extra proofs brings it")
    assert command("release", students(SOURCES[0]), tmp_path) == 2
    assert "is what students get; the name alone finds the source" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_source_and_students_version_say_the_same_of_an_assignment(path):
    assert load(path) == load(students(path))


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_what_answers_a_prediction_is_folded_in_a_clone(path):
    cells, open_question, predicted = read(students(path)).cells, False, 0
    for cell in cells:
        if cell.cell_type == "markdown":
            assert not open_question, "no output answers the question above"
            open_question = "**Predict" in cell.source and "nbgrader" not in cell.metadata
            predicted += open_question
        elif open_question or "answer" in tags(cell):
            assert "answer" in tags(cell), cell.id
            assert cell.metadata.jupyter.outputs_hidden
            open_question = False
    assert predicted
    assert not list(first_line(Lesson(path.stem, read(students(path)))))


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_the_students_version_gives_nothing_away_and_runs(path, tmp_path, monkeypatch):
    text = students(path).read_text(encoding="utf-8")
    for words in ("BEGIN SOLUTION", "earn(", "HIDDEN", "MARK SCHEME", *_lines(path)):
        assert words not in text
    released = nbformat.reads(without_outputs(text), as_version=4)
    assert sum("raise NotImplementedError" in cell.source for cell in released.cells) == len(load(path).exercises)
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    run_notebook(released, path.parent)
    said = json.dumps(released)
    assert said.count("Not attempted yet") >= len(load(path).exercises)
    lines, good = preflight(students(path), load(students(path)))
    assert not good
    assert sum(line.endswith("not attempted yet") or "not attempted yet;" in line for line in lines) == len(
        load(path).exercises)


def _lines(path):
    """Lines that stand in the solutions and nowhere else of a source notebook."""
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    found = [line.strip() for code in _solved(notebook) for line in code.split("\n") if len(line.strip()) > 12]
    assert found
    written = [line for cell in notebook.cells if cell.cell_type == "markdown"
               and cell.metadata.get("nbgrader", {}).get("solution") for line in cell.source.split("\n") if line]
    assert written
    return [json.dumps(line, ensure_ascii=False)[1:-1] for line in found + written if text.count(line) == 1]


def _solved(notebook):
    return [cell.source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0] for cell in notebook.cells
            if cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source]


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_the_solutions_pass_every_check_in_the_students_version(path, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    notebook, answers = read(students(path)), class_grading.solutions(path)
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    run_notebook(notebook, path.parent)
    for exercise in load(path).exercises:
        [shown] = [json.dumps(cell.outputs, ensure_ascii=False) for cell in notebook.cells
                   if cell.source.startswith(f'check("{exercise.name}"')]
        assert f"✓ {exercise.name}: what is visible now is right" in shown
    assert "your own" in json.dumps(notebook)


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_the_source_with_its_solutions_earns_everything(path, tmp_path):
    assert set(class_grading.solutions(path)) == {exercise.name for exercise in load(path).exercises}
    assert command("grade", path, path.parent, tmp_path, "--pattern", rf"(?P<student>{path.stem})\.ipynb") == 0
    [row] = csv.DictReader(open(tmp_path / "gradebook.csv", encoding="utf-8"))
    assert float(row["points"]) == load(path).points == float(row["of"]) - float(row["open"])


def test_forty_students_get_what_they_earned_and_are_told_their_mistake(source, tmp_path, capsys):
    chance, assignment, expected, told = random.Random(4), load(source), {}, {}
    for n in range(STUDENTS):
        chosen, points, causes = {}, {}, []
        for exercise in assignment.exercises:
            right, wrong = answers_of(exercise)
            code, function, why = chance.choice(wrong if chance.random() < 0.4 else right)
            chosen[exercise.name] = code
            causes += why
            points[exercise.name] = sum(e.points for e in earn(exercise, function, assignment.seed(SECRET)))
        submit(source, tmp_path / "in" / f"s{n:02}", chosen)
        expected[f"s{n:02}"], told[f"s{n:02}"] = points, causes
    jobs = "200"  # more than there are processors
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    assert command("grade", source, tmp_path / "in", tmp_path / "out", "--jobs", jobs, "--secret",
                   tmp_path / "secret") == 0
    got = {row["student"]: {e.name: float(row[e.name]) for e in assignment.exercises}
           for row in csv.DictReader(open(tmp_path / "out" / "gradebook.csv", encoding="utf-8"))}
    assert got == expected
    assert command("report", tmp_path / "out") == 0
    for student, causes in told.items():
        page = html.unescape((tmp_path / "out" / "feedback" / f"{student}.html").read_text(encoding="utf-8"))
        for cause in causes:
            assert cause.replace("`", "") in page.replace("<code>", "").replace("</code>", ""), (student, cause)
    assert (tmp_path / "out" / "class.html").stat().st_size > 2000


@pytest.mark.slow
def test_every_mistake_of_an_assignment_is_named_on_its_page(source, tmp_path):
    """A student for each mistake, who has all else right."""
    assignment, causes = load(source), {}
    for exercise in assignment.exercises:
        for mistake, (code, _, _) in zip(exercise.mistakes, answers_of(exercise)[1]):
            student = f"{exercise.name}--{mistake.name}"
            causes[student] = exercise, mistake
            submit(source, tmp_path / "in" / student,
                   {e.name: code if e is exercise else RIGHT.format(name=e.name) for e in assignment.exercises})
    assert command("grade", source, tmp_path / "in", tmp_path / "out", "--jobs", "2") == 0
    wrong = []
    for record in Results(tmp_path / "out").records():
        exercise, mistake = causes[record["student"]]
        [result] = [result for result in record["exercises"] if result["name"] == exercise.name]
        if result["mistakes"] != [mistake.name] or mistake.cause not in dict(map(tuple, result["rows"])).values():
            wrong.append((record["student"], result["mistakes"], result["rows"]))
        if diagnose(exercise.visible, exercise.wrong_answer(mistake)).passed and result["early"]["headline"][0] != "✓":
            wrong.append((record["student"], "told too early", result["early"]))
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_nbgraders_own_autograde_agrees_on_honest_work(path, tmp_path):
    release(path, tmp_path)
    course = tmp_path / "course"
    class_grading.nbgrader(path, course, 6)
    assert command("grade", path, course / "submitted", tmp_path / "out") == 0
    ours = {row["student"]: float(row["points"])
            for row in csv.DictReader(open(tmp_path / "out" / "gradebook.csv", encoding="utf-8"))}
    theirs = json.loads(run_python("-c", f"""
import json
from nbgrader.api import Gradebook
with Gradebook({f"sqlite:///{course / 'gradebook.db'}"!r}) as book:
    print(json.dumps({{one.student.id: one.score for one in book.assignment_submissions({path.stem!r})}}))"""))
    assert len(set(ours.values())) > 1
    assert theirs == ours


@pytest.mark.browser
def test_homework_that_was_written_in_jupyterlab_is_graded(lab, tmp_path):
    [path] = [path for path in SOURCES if path.stem.startswith("hw4")]
    given = lab.root / "notebooks" / "homework" / path.name
    lab.open(given.relative_to(lab.root))
    try:
        right = class_grading.solutions(path)
        for name, code in right.items():
            at = lab.find_cell(f"def {name}(")
            lab.write(at, code if name != "rotate" else code.replace("sin", "cos"))
            if name == "rotate":
                lab.run_all()
                assert "✗ rotate" in lab.output(lab.find_cell('check("rotate"')).inner_text()
        lab.page.keyboard.press("Control+S")
        lab.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    finally:
        lab.close()
    assert command("grade", path, given.parent, tmp_path, "--pattern", r"(?P<student>hw4)_.*\.ipynb") == 0
    [row] = csv.DictReader(open(tmp_path / "gradebook.csv", encoding="utf-8"))
    full = {exercise.name: exercise.points for exercise in load(path).exercises}
    assert {name: float(row[name]) for name in full if name != "rotate"} == {
        name: points for name, points in full.items() if name != "rotate"}
    assert float(row["rotate"]) < full["rotate"]


def test_what_answers_may_use_does_not_depend_on_the_files_name(tmp_path):
    for path in SOURCES:
        other = tmp_path / f"{path.stem[:3]}.ipynb"  # as in nbgrader's source/hw3/hw3.ipynb
        other.write_bytes(path.read_bytes())
        assert load(other).allowed == load(path).allowed != ()
