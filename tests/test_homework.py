"""The homework command from submissions to gradebook, pages and platforms' forms."""

import dataclasses
import html.parser
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from grading_parts import ASSIGNMENT, GIVEN, RIGHT, SOFTMAX, notebook, write_source

from course_utils.classroom import cli
from course_utils.classroom.grading import assignment as assignments
from course_utils.classroom.grading import commands, gradescope
from course_utils.classroom.grading.class_report import class_report, mistakes_by_exercise
from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.pages import feedback_page
from course_utils.classroom.grading.preflight import preflight
from course_utils.classroom.grading.suspicion import look_through, normalised, twins
from course_utils.classroom.grading.words import without_paths
from course_utils.classroom.lab import start

pytest.importorskip("nbformat")
NO_MAXIMUM = RIGHT["softmax"].replace(" - x.max(axis=axis, keepdims=True)", "")
WRONG = {
    "ada": {},
    "bob": {"softmax": NO_MAXIMUM},
    "eve": {"softmax": "import sys\ndef softmax(x, axis=-1):\n    f = sys._getframe(1)\n    return x / undefined"},
    "kim": {"softmax": RIGHT["softmax"].replace("\n", "\n    while axis == 0: pass\n", 1)},
    "lea": {"softmax": NO_MAXIMUM.replace("e =", "scores =").replace("e / e", "scores / scores"),
            "dot": "def dot(a, b):\n    raise NotImplementedError"},
    "mallory": {"softmax": "def softmax(x, axis=-1):\n"
                           "    raise ValueError('<script>alert(1)</script> & /home/me/secret/x')",
                "dot": "<b>"},
}


@pytest.fixture(scope="module")
def records():
    """A record for each of them."""
    with Zygote() as zygote:
        return [{**mark(notebook(answers), ASSIGNMENT, student, zygote), "file": "", "late_days": 0}
                for student, answers in WRONG.items()]


class Page(html.parser.HTMLParser):
    """What a page shows and whether its tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.attributes = [], [], "", []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "rect", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("rect", "meta"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data * ("style" not in self.open)


def test_feedback_names_the_mistake_the_line_and_an_experiment(records):
    pages = {record["student"]: Page(feedback_page(record)) for record in records}
    assert "10 of 10 points" in pages["ada"].text
    assert "so large scores overflow to infinity" in pages["bob"].text
    assert "Compute np.exp(1000.0), then np.exp(1000.0 - 1002.0)." in pages["bob"].text
    assert "large scores: 0 of 1" in pages["bob"].text
    assert "line 4 of your cell: return x / undefined" in pages["eve"].text
    assert "NameError: name 'undefined' is not defined" in pages["eve"].text
    assert "Your code had to be stopped" in pages["kim"].text
    assert "not attempted" in pages["lea"].text
    for page in pages.values():
        assert "3 points by a person who reads your answers" in page.text


def test_pages_fetch_nothing_run_nothing_and_show_no_path(records):
    here = str(Path(__file__).parents[1])
    for record in records:
        text = feedback_page(record)
        page = Page(text)
        assert not {"script", "link", "img", "iframe"} & set(page.tags)
        assert not [value for name, value in page.attributes if name in ("src", "href") or name.startswith("on")]
        assert here not in text
        assert sys.prefix not in text
        assert page.tags.count("h1") == 1
        assert "assert softmax" not in text
        assert "default-src 'none'" in text
    mallory = feedback_page(records[-1])
    assert "<script>" not in mallory
    assert "&lt;script&gt;" in mallory
    assert "/home/me/secret/x" in mallory  # from the student's own code: that is theirs


def test_paths_of_this_machine_are_cut_out():
    text = "cannot import name 'x' from 'numpy' (/home/teacher/course/.venv/lib/numpy/__init__.py), wanted a / b"
    assert without_paths(text) == "cannot import name 'x' from 'numpy' (…/__init__.py), wanted a / b"
    assert without_paths(r"C:\Users\teacher\x.py is there") == "…/x.py is there"
    assert without_paths("open('/etc/passwd')", known="open('/etc/passwd')") == "open('/etc/passwd')"


def test_before_the_deadline_nothing_hidden_is_told(records):
    bob = Page(feedback_page(records[1], show_all=False))
    assert "9 of 9 points" in bob.text
    assert "Decided later: 1 point after the deadline" in bob.text
    assert "large scores: 1 point, decided after the deadline" in bob.text
    for words in ("overflow", "1000", "softmax: passed", "not right yet"):
        assert words not in bob.text
    both = dict(WRONG["bob"], softmax=NO_MAXIMUM.replace("e / e.sum(axis=axis, keepdims=True)", "e / e.sum()"))
    with Zygote() as zygote:
        record = {**mark(notebook(both), ASSIGNMENT, "ben", zygote), "file": "", "late_days": 0}
    early, late = (Page(feedback_page(record, show_all=show_all)).text for show_all in (False, True))
    assert "whole array" in early or "one sum" in early, early
    for words in ("overflow", "1000", "large scores are", "subtract"):
        assert words not in early
    assert "overflow" in late


@pytest.mark.parametrize("part", ["rows", "large scores"])
def test_numbers_learnt_by_heart_are_told_where_the_drawn_input_is_visible(part):
    drawn = dataclasses.replace(SOFTMAX, drawn=lambda seed: [
        dataclasses.replace(case, part=part) for case in SOFTMAX.drawn(seed)])
    by_heart = RIGHT["softmax"].replace("return e / e.sum(axis=axis, keepdims=True)",
                                        "return e / e.sum(axis=axis, keepdims=True) + 0.1 * (x.shape == (2, 4))")
    homework = dataclasses.replace(ASSIGNMENT, exercises=(drawn, *ASSIGNMENT.exercises[1:]))
    with Zygote() as zygote:
        record = {**mark(notebook({"softmax": by_heart}), homework, "ann", zygote), "file": "", "late_days": 0}
    early, late = (Page(feedback_page(record, show_all=show_all)).text for show_all in (False, True))
    assert "wrong on drawn ones" in late
    assert ("wrong on drawn ones" in early) == (part == "rows")
    assert "softmax: passed" not in early + late


def test_the_class_report_counts_mistakes_and_names_what_is_worth_a_look(records):
    assert mistakes_by_exercise(records)["softmax"][0][::2] == ("no-maximum", 2)
    page = Page(class_report(records))
    assert "bob, lea" in page.text
    assert "softmax: looks into the caller" in page.text
    assert "no-maximum" in page.text
    assert "5 graded, 1 stopped." in page.text
    assert page.tags.count("svg") >= 2
    assert all(value for name, value in page.attributes if name == "aria-label")


def test_same_answers_are_found_and_usual_ones_are_not():
    assert normalised(RIGHT["dot"]) == normalised(RIGHT["dot"].replace("total", "t").replace("\n", "  # so\n", 1))
    assert normalised(RIGHT["dot"]) != normalised(RIGHT["dot"].replace("+", "-"))
    assert normalised("x = 1") == ""
    shared = [{"student": str(n), "exercises": [{"name": "dot", "print": "same" if n < 4 else f"own {n}"}]}
              for n in range(20)]
    assert twins(shared) == [("dot", ["0", "1", "2", "3"])]
    assert twins(shared[:8]) == []  # half of a class


@pytest.mark.parametrize(("source", "sign"), [
    ("import course_utils . exercises", "reads the exercises of the course"),
    ("np.allclose = lambda *a: True", "changes NumPy, PyTorch or Python"),
    ("import gc\ngc . get_objects()", "looks through the memory"),
    ("open('/tmp/x')", "opens files"),
    ("import os\nos.kill(1, 9)", "ends or signals a process"),
    ("class A:\n    def __eq__(self, other): return True", "is equal to everything"),
    ("theirs = own('softmax').function", "takes what own(...) keeps"),
    ("def f(:\n  return\nopen('/tmp/x')", "opens files"),
])
def test_attempts_to_get_round_the_grader_are_seen(source, sign):
    assert sign in look_through(source)
    assert look_through("# " + source.replace("\n", "\n# ")) == []
    assert all(look_through(right) == [] for right in RIGHT.values())


# --- what a student sees before handing in ---

@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course folder with a source notebook, and exercises with hidden parts."""
    return write_source(tmp_path_factory.mktemp("course") / "hw0.ipynb")


def test_preflight_never_says_all_passed_while_points_are_open(tmp_path):
    path = tmp_path / "hw0.ipynb"
    path.write_bytes(notebook())
    lines, good = preflight(path, ASSIGNMENT)
    assert good
    assert "✓ softmax: 3 of 3 visible points; 1 more decided after the deadline" in lines
    assert lines[-1] == "Still open: 1 point, decided after the deadline; 3 points, given by a person."
    path.write_bytes(notebook(WRONG["bob"]))
    assert "overflow" not in "\n".join(preflight(path, ASSIGNMENT)[0])
    path.write_bytes(notebook(WRONG["lea"]))
    lines, good = preflight(path, ASSIGNMENT)
    assert not good
    assert "○ dot: not attempted yet" in lines
    path.write_bytes(notebook()[:99])
    lines, good = preflight(path, ASSIGNMENT)
    assert not good
    assert "is not a notebook" in lines[0]


# --- the command ---


def command(*words):
    """Run it in this process."""
    return cli.main(["homework", *map(str, words)])


def test_from_submissions_to_gradebook_pages_and_forms(course, tmp_path, capsys):
    place = tmp_path / "in"
    place.mkdir()
    for student, answers in WRONG.items():
        (place / f"{student}.ipynb").write_bytes(notebook(answers))
    (place / "zed.ipynb").write_bytes(b"%PDF")
    (tmp_path / "roster.csv").write_text("student\nada\nyan\n", encoding="utf-8")
    assert command("grade", course, place, tmp_path / "out", "--dry-run") == 0
    assert "7 submissions would be graded" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    assert command("grade", course, place, tmp_path / "out", "--roster", tmp_path / "roster.csv",
                   "--due", "2020-01-01 12:00") == 1
    said = capsys.readouterr().out
    assert "7 graded, 0 kept from before" in said
    assert "zed: unreadable" in said
    assert "yan: missing" in said
    table = (tmp_path / "out" / "gradebook.csv").read_text(encoding="utf-8").splitlines()
    assert table[0] == ("student,name,state,softmax,scaled_dot_product_attention,dot,why-scale,points,of,open,"
                        "late_days,notes")
    assert len(table) == 9
    assert command("report", tmp_path / "out") == 0
    assert len(list((tmp_path / "out" / "feedback").glob("*.html"))) == 8
    assert "report on 8 students" in (tmp_path / "out" / "class.html").read_text(encoding="utf-8")
    sheet = tmp_path / "canvas.csv"
    sheet.write_text("Student,ID,SIS Login ID,Section\n,,,\nAda,1,ada,A\n", encoding="utf-8")
    capsys.readouterr()
    assert command("export", "canvas", tmp_path / "out", tmp_path / "import.csv", "--template", sheet) == 2
    assert "these totals are partial" in capsys.readouterr().err
    assert command("export", "canvas", tmp_path / "out", tmp_path / "import.csv", "--template", sheet, "--partial") == 1
    assert "not placed: bob: no line of canvas.csv has the id 'bob'" in capsys.readouterr().out
    assert "Ada,1,ada,A," in (tmp_path / "import.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("named", ["hw1_weights", "hw1_weights.ipynb"])
@pytest.mark.parametrize("place", ["my_notebooks/homework", "my_notebooks", "elsewhere"])
def test_a_students_notebook_is_found_by_its_name(named, place, tmp_path, monkeypatch):
    monkeypatch.setattr(start, "course_folder", lambda: tmp_path)
    path = tmp_path / place / "hw1_weights.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    found = commands._students_own(Path(named))
    assert found == (Path(named) if place == "elsewhere" else path)
    monkeypatch.chdir(path.parent)
    assert commands._students_own(Path(named)).samefile(path)


@pytest.mark.parametrize(("words", "said"), [
    (["grade", "none.ipynb", ".", "out"], "no assignment is called none.ipynb"),
    (["preflight", "nothing.ipynb"], "there is no notebook nothing.ipynb"),
    (["report", "."], "results should be a folder that `homework grade` has written"),
    (["export", "canvas", ".", "x.csv"], "--template should name the file that you exported from Canvas"),
])
def test_what_cannot_be_done_is_said_in_a_line(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command(*words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["grade", "a", "b", "c", "--jobs", "0"], ["grade", "a", "b", "c", "--due", "soon"],
                                   []])
def test_what_is_called_wrongly_is_refused(words, capsys):
    with pytest.raises(SystemExit) as stop:
        command(*words)
    assert stop.value.code == 2


# --- Gradescope ---

FIELDS = {"score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility",
          "stdout_visibility", "extra_data", "tests", "leaderboard"}
TEST_FIELDS = {"score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags",
               "visibility", "extra_data"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
SIGHTS = {"visible", "hidden", "after_due_date", "after_published"}


def valid(results):
    """Hold a results.json against Gradescope's documented fields."""
    assert set(results) <= FIELDS
    assert results["visibility"] in SIGHTS
    assert results["stdout_visibility"] in SIGHTS
    assert results["output_format"] in FORMATS
    for test in results["tests"]:
        assert set(test) <= TEST_FIELDS
        assert 0 <= test["score"] <= test["max_score"]
        assert test["status"] in ("passed", "failed")
        assert test["visibility"] in SIGHTS
        assert test["output_format"] in FORMATS
        assert re.fullmatch(r"\d+(\.\d+)*", test["number"])
        assert isinstance(test["tags"], list)
    return True


def test_results_for_gradescope_hide_what_is_decided_later(records):
    for record in records:
        assert valid(gradescope.results(record))
    tests = gradescope.results(records[1])["tests"]
    assert [test["visibility"] for test in tests[:3]] == ["visible", "visible", "after_due_date"]
    assert [test["output"] for test in tests[:2]] == ["Right.", "Right."]
    assert "overflow" in tests[2]["output"]
    assert sum(test["score"] for test in tests) == records[1]["points"]
    assert SOFTMAX.points == sum(test["max_score"] for test in tests[:3])


@pytest.mark.skipif(os.name == "nt", reason="a bundle runs on Gradescope's Linux")
def test_the_bundle_runs_in_a_folder_laid_out_like_gradescopes(course, tmp_path):
    assert command("export", "gradescope", course, tmp_path / "autograder.zip") == 0
    root = tmp_path / "autograder"
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        names = archive.namelist()
        assert {"setup.sh", "run_autograder"} <= set(names)
        assert all(archive.getinfo(name).external_attr >> 16 & 0o111 for name in ("setup.sh", "run_autograder"))
        archive.extractall(root / "source")
    (root / "submission").mkdir()
    (root / "submission" / "My homework.ipynb").write_bytes(notebook(WRONG["bob"]))
    (root / "submission_metadata.json").write_text('{"users": [{"id": 7, "name": "Bob"}]}', encoding="utf-8")
    done = subprocess.run(["bash", root / "source" / "run_autograder"], check=False, capture_output=True, text=True,
                          timeout=300, env={"PATH": os.environ["PATH"], "AUTOGRADER_ROOT": str(root),
                                            "AUTOGRADER_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    results = json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))
    assert valid(results)
    assert [test["score"] == test["max_score"] for test in results["tests"]] == [False, True, True]
    assert subprocess.run(["bash", "-n", root / "source" / "setup.sh"], check=False).returncode == 0


# --- nbgrader ---


def with_nbgrader(code, folder):
    """Run code where nbgrader is: here, or in the environment that the variable COURSE_NBGRADER names."""
    python = os.environ.get("COURSE_NBGRADER") or sys.executable
    if subprocess.run([python, "-c", "import nbgrader"], capture_output=True, check=False).returncode:
        pytest.skip("nbgrader is not installed; COURSE_NBGRADER may name a Python that has it")
    path = os.pathsep.join([os.path.dirname(python), os.environ["PATH"]])
    return subprocess.run([python, "-c", code], cwd=folder, capture_output=True, text=True, timeout=500, check=False,
                          env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1",
                               "PYTHONPATH": str(Path(__file__).parents[1]), "JUPYTER_PREFER_ENV_PATH": "1"})


@pytest.fixture(scope="module")
def nbgrader_course(course, tmp_path_factory):
    """A course folder of nbgrader's with the assignment released, by us and by nbgrader, and handed in."""
    folder = tmp_path_factory.mktemp("nbgrader")
    (folder / "source" / "hw0").mkdir(parents=True)
    (folder / "source" / "hw0" / "hw0.ipynb").write_bytes(course.read_bytes())
    (folder / "nbgrader_config.py").write_text("get_config().CourseDirectory.course_id = 'course'\n", encoding="utf-8")
    said = with_nbgrader("import sys; from course_utils.classroom.cli import main; "
                         f"sys.exit(main(['homework', 'release', {str(course)!r}, 'ours']))", folder)
    assert said.returncode == 0, said.stderr
    said = with_nbgrader(NBGRADER.format(words=["generate_assignment", "hw0"]), folder)
    assert said.returncode == 0, said.stderr
    for student, answers in WRONG.items():
        handed_in = json.loads((folder / "ours" / "hw0.ipynb").read_text(encoding="utf-8"))
        for one in handed_in["cells"]:
            name = one["metadata"].get("nbgrader", {}).get("grade_id")
            if name in RIGHT:
                one["source"] = answers.get(name, RIGHT[name])
        path = folder / "submitted" / student / "hw0" / "hw0.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(handed_in), encoding="utf-8")
    return folder


NBGRADER = ("import sys; from nbgrader.apps import NbGraderApp; sys.argv = ['nbgrader', *{words!r}]; "
            "NbGraderApp.launch_instance()")


def nbgraders_scores(folder):
    """What stands in nbgrader's gradebook."""
    code = ("from nbgrader.api import Gradebook\nimport json\n"
            "with Gradebook('sqlite:///gradebook.db') as book:\n"
            "    print(json.dumps({s.student.id: s.score for s in book.assignment_submissions('hw0')}))")
    return json.loads(with_nbgrader(code, folder).stdout.strip().splitlines()[-1])


def our_scores(course, students, secret=""):
    """What we give for the same."""
    with Zygote() as zygote:
        return {student: mark(notebook(WRONG[student]), assignments.load(course), student, zygote,
                              secret=secret)["points"] for student in students}


def test_our_release_is_nbgraders(nbgrader_course):
    ours = json.loads((nbgrader_course / "ours" / "hw0.ipynb").read_text(encoding="utf-8"))
    theirs = (nbgrader_course / "release" / "hw0" / "hw0.ipynb").read_text(encoding="utf-8")
    assert ours["cells"] == json.loads(theirs)["cells"]
    for words in ("BEGIN", "earn(", "x.max"):
        assert words not in theirs


@pytest.mark.slow
def test_nbgraders_own_autograde_gives_honest_work_the_same_points(course, nbgrader_course):
    honest = ["ada", "bob", "lea"]
    for student in honest:
        said = with_nbgrader(NBGRADER.format(words=["autograde", "hw0", "--student", student]), nbgrader_course)
        assert said.returncode == 0, said.stderr[-3000:]
    assert nbgraders_scores(nbgrader_course) == our_scores(course, honest)


# The three lines of docs/homework.md.
LINES = re.search(r"^```python\n(c = get_config\(\)\n.*?)^```", (Path(__file__).parents[1] / "docs" / "homework.md")
                  .read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]


def test_with_the_plugin_nbgraders_gradebook_gets_our_points(course, nbgrader_course):
    with open(nbgrader_course / "nbgrader_config.py", "a", encoding="utf-8") as file:
        file.write(LINES)
    said = with_nbgrader(NBGRADER.format(words=["autograde", "hw0", "--force"]), nbgrader_course)
    assert said.returncode == 0, said.stderr[-3000:]
    secret = (nbgrader_course / "secret.txt").read_text(encoding="utf-8").strip()
    assert nbgraders_scores(nbgrader_course) == our_scores(course, WRONG, secret)
    graded = (nbgrader_course / "autograded" / "bob" / "hw0" / "hw0.ipynb").read_text(encoding="utf-8")
    assert "overflow to infinity" in graded
    assert GIVEN[0].split("\n")[0] in graded


def test_the_plugin_finds_a_source_wherever_it_lies(tmp_path):
    plugin = pytest.importorskip("course_utils.classroom.grading.nbgrader_plugin")
    for name in ("source/hw3/hw3.ipynb", "source/hw4.ipynb", "source/week 5/deep/hw5.ipynb", "source/a/twice.ipynb",
                 "source/b/twice.ipynb", "source/c/.ipynb_checkpoints/hw5.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    source = tmp_path / "source"
    assert plugin.source_of(source, "hw3", "hw3") == source / "hw3" / "hw3.ipynb"
    assert plugin.source_of(source, "hw4", "hw4") == source / "hw4.ipynb"
    assert plugin.source_of(source, "hw5", "hw5") == source / "week 5" / "deep" / "hw5.ipynb"
    assert plugin.source_of(source, "b", "twice") == source / "b" / "twice.ipynb"
    with pytest.raises(ValueError, match=r"in which hw6/hw6\.ipynb or hw6\.ipynb lies, got '.*': it is not there"):
        plugin.source_of(source, "hw6", "hw6")
    with pytest.raises(ValueError, match=r"it lies in .*a and in .*b"):
        plugin.source_of(source, "hw6", "twice")


def test_release_without_nbgrader_says_where_to_get_it(course, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nbgrader", None)
    assert command("release", course, tmp_path) == 2
    assert "homework release needs nbgrader" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
