"""Finding submissions, grading runs that can be killed, and gradebooks."""

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from grading_parts import ASSIGNMENT, RIGHT, cell, notebook, points

from course_utils.classroom.grading import gradebook as books
from course_utils.classroom.grading.assignment import load
from course_utils.classroom.grading.notebooks import Unreadable
from course_utils.classroom.grading.results import Results
from course_utils.classroom.grading.runs import Class, grade
from course_utils.classroom.grading.submissions import collect

HERE = Path(__file__).parent
WRONG = {"softmax": RIGHT["softmax"].replace("axis=axis", "axis=-1")}


def write(folder, files):
    """Write files, given as a path below the folder and bytes."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zipped(path, files):
    """Write a zip file of such files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


LAYOUTS = {
    "plain files": ({"ada.ipynb": b"1", "bob.ipynb": b"2"}, {"ada": "ada.ipynb", "bob": "bob.ipynb"}),
    "a folder each": ({"ada/anything.ipynb": b"1", "bob/hw0.ipynb": b"2"},
                      {"ada": "ada/anything.ipynb", "bob": "bob/hw0.ipynb"}),
    "nbgrader": ({"ada/hw0/hw0.ipynb": b"1", "ada/hw0/timestamp.txt": b"2026-01-02 10:00:00 UTC",
                  "ada/hw9/hw9.ipynb": b"0"},
                 {"ada": "ada/hw0/hw0.ipynb"}),
    "canvas": ({"lovelaceada_12_345_hw0.ipynb": b"1", "boolegeorge_LATE_13_346_hw0-1.ipynb": b"2",
                "boolegeorge_LATE_13_300_hw0.ipynb": b"0"},
               {"12": "lovelaceada_12_345_hw0.ipynb", "13": "boolegeorge_LATE_13_346_hw0-1.ipynb"}),
    "moodle": ({"Ada Lovelace_123456_assignsubmission_file_/hw0.ipynb": b"1",
                "Émilie du Châtelet_7_assignsubmission_file/x/y.ipynb": b"2"},
               {"123456": "Ada Lovelace_123456_assignsubmission_file_/hw0.ipynb",
                "7": "Émilie du Châtelet_7_assignsubmission_file/x/y.ipynb"}),
}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_submissions_are_found_as_platforms_lay_them_out(layout, packed, tmp_path):
    files, wanted = LAYOUTS[layout]
    place = zipped(tmp_path / "all.zip", files) if packed else write(tmp_path / "all", files)
    found = collect(place, "hw0")
    assert {submission.student: submission.place for submission in found} == wanted
    assert all(submission.read() in (b"1", b"2") for submission in found)
    assert [submission.late for submission in found] == [s.student == "13" for s in found]


def test_ids_come_from_a_pattern_where_one_is_given(tmp_path):
    place = write(tmp_path, {"2026-hw0-s17.ipynb": b"1", "notes.ipynb": b"2"})
    found = collect(place, pattern=r"\d+-hw0-(?P<student>s\d+)\.ipynb")
    assert [submission.student for submission in found] == ["s17"]
    for pattern, words in ((r"(", "regular expression"), (r"(.*)", r"group \(\?P<student>")):
        with pytest.raises(ValueError, match=words):
            collect(place, pattern=pattern)
    with pytest.raises(ValueError, match="a folder or a zip file"):
        collect(tmp_path / "none")


def test_of_several_files_the_latest_notebook_of_the_assignment_counts(tmp_path):
    place = write(tmp_path, {"ada/hw0.ipynb": b"1", "ada/zzz.ipynb": b"0", "ada/photo.png": b"0",
                             "bob/essay.pdf": b"%PDF"})
    ada, bob = collect(place, "hw0")
    assert ada.read() == b"1"
    assert "2 notebooks were handed in" in ada.notes[0]
    assert bob.place == "bob/essay.pdf"


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs links")
def test_links_in_folders_and_zips_are_not_followed(tmp_path):
    secret = write(tmp_path, {"secret.ipynb": notebook()}) / "secret.ipynb"
    folder = write(tmp_path / "all", {"ada.ipynb": notebook()})
    (folder / "eve.ipynb").symlink_to(secret)
    (folder / "mallory").symlink_to(tmp_path)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        info = zipfile.ZipInfo("eve.ipynb")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, str(secret))
    for place in (folder, tmp_path / "all.zip"):
        eve = next(submission for submission in collect(place) if submission.student == "eve")
        with pytest.raises(Unreadable, match="is a link"):
            eve.read()


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("eve.ipynb", "w", force_zip64=True) as file:
            for _ in range(300):
                file.write(b" " * (1 << 20))
    with pytest.raises(Unreadable, match="more than 256 MiB"):
        collect(tmp_path / "all.zip")[0].read()


# --- runs ---


def classroom(folder, students=12):
    """Submissions of many kinds, some of them broken."""
    kinds = [notebook(), notebook(WRONG), notebook({"dot": None}), notebook()[:200],
             notebook({"softmax": "def softmax(x, axis=-1):\n    import ctypes\n    ctypes.string_at(0)"}),
             notebook({"dot": "def dot(a, b): return np.sum(a * b) + np.random.rand()"})]
    return write(folder, {f"s{n:03}.ipynb": kinds[n % len(kinds)] for n in range(students)})


def test_a_run_is_the_same_with_any_number_of_workers_and_leaves_submissions_alone(tmp_path):
    place = classroom(tmp_path / "in")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in place.iterdir()}
    said = []
    class_, secret = Class({"s000": "", "zoe": ""}), "0123456789abcdef"
    one = grade(ASSIGNMENT, collect(place), Results(tmp_path / "one", "hw0", secret), class_=class_,
                tell=lambda *x: said.append(x))
    two = grade(ASSIGNMENT, list(collect(place))[::-1], Results(tmp_path / "two", "hw0", secret), jobs=2, class_=class_)
    assert books.gradebook(one.records) == books.gradebook(two.records)
    assert one.records == two.records
    assert [done for done, _, _ in said] == list(range(1, 13))
    assert (one.graded, one.kept, len(one.records)) == (12, 0, 13)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in place.iterdir()} == before
    states = {record["student"]: (points(record), record["state"]) for record in one.records}
    assert [states[s] for s in ("s000", "s001", "s002", "s003", "s004", "zoe")] == [
        ([4, 4, 2], "graded"), ([3, 4, 2], "graded"), ([4, 4, 0], "graded"), ([0, 0, 0], "unreadable"),
        ([0, 4, 2], "stopped"), ([0, 0, 0], "missing")]


def test_only_what_changed_is_graded_again(tmp_path):
    place = classroom(tmp_path / "in", 3)
    assert grade(ASSIGNMENT, collect(place), tmp_path / "out").graded == 3
    (place / "s000.ipynb").write_bytes(notebook(WRONG))
    (tmp_path / "out" / "records" / "s001.json").write_text('{"key": "cut o', encoding="utf-8")
    again = grade(ASSIGNMENT, collect(place), tmp_path / "out")
    assert (again.graded, again.kept) == (2, 1)
    assert points(again.records[0]) == [3, 4, 2]
    assert grade(ASSIGNMENT, collect(place), tmp_path / "out", regrade=True).graded == 3
    assert Results(tmp_path / "out").records() == again.records


def test_late_days_count_from_the_deadline(tmp_path):
    place = write(tmp_path / "in", {"ada/hw0/hw0.ipynb": b"", "ada/hw0/timestamp.txt": b"2026-01-03 09:00:00 UTC",
                                    "bob/hw0/hw0.ipynb": b"", "bob/hw0/timestamp.txt": b"2026-01-01 09:00:00 UTC"})
    # due is 2026-01-01 16:00 UTC
    records = grade(ASSIGNMENT, collect(place), tmp_path / "out", class_=Class(due=1767283200.0)).records
    assert [record["late_days"] for record in records] == [2, 0]


def test_ids_that_are_no_file_names_stay_apart(tmp_path):
    place = zipped(tmp_path / "all.zip", {"a b/x.ipynb": b"", "a_b/x.ipynb": b"", "é/x.ipynb": b"", ".../x.ipynb": b""})
    grade(ASSIGNMENT, collect(place), tmp_path / "out")
    assert [record["student"] for record in Results(tmp_path / "out").records()] == ["a b", "a_b", "é"]


def said_by(code):
    """What a Python of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE.parent)
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not keep processes on a processor")
def test_workers_keep_to_different_processors():
    code = ("import os\nfrom course_utils.classroom.grading.child.processors import stay_on_one\n"
            "stay_on_one({number})\nprint(*os.sched_getaffinity(0))")
    mine = sorted(os.sched_getaffinity(0))
    for number in range(len(mine) + 1):  # the one after the last shares the first
        assert said_by(code.format(number=number)) == [str(mine[number % len(mine)])]


def test_reading_assignments_does_not_build_grammars_for_addresses():
    [source] = Path(HERE.parent, "docs", "teaching", "homework").glob("hw1_*.ipynb")
    code = ("import sys\nfrom course_utils.classroom.cli import main\n"
            "main(['homework', 'preflight', {0!r}, '--assignment', {0!r}])\n"
            "print('nbformat' in sys.modules, 'lark' in sys.modules)")
    assert said_by(code.format(str(source)))[-2:] == ["True", "False"]


RUN = """
import sys
sys.path.insert(0, {here!r})
from pathlib import Path
from grading_parts import ASSIGNMENT
from course_utils.classroom.grading import gradebook, results, runs, submissions
if __name__ == "__main__":
    run = runs.grade(ASSIGNMENT, submissions.collect({place!r}), {out!r}, jobs={jobs})
    results.write_atomically(Path({out!r}) / "gradebook.csv", gradebook.gradebook(run.records))
    print(run.graded, run.kept)
"""


def killed_run(tmp_path, kills, seed):
    """Kill a run at random moments until it comes through; give its gradebook and what each start graded."""
    place, out = classroom(tmp_path / "in", 24), tmp_path / "out"
    (out / "records").mkdir(parents=True)
    code = RUN.format(here=str(HERE), place=str(place), out=str(out), jobs=2)
    rng, wait = random.Random(seed), 0.0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        done = len(list((out / "records").glob("*.json")))
        until = time.monotonic() + 60
        # Most moments of a run go by before its first record: a kill is meant to come while records are written.
        while time.monotonic() < until and process.poll() is None and rng.random() > 0.2 and done == len(
                list((out / "records").glob("*.json"))):
            time.sleep(0.02)
        time.sleep(rng.random() * 0.3 + wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        for path in (out / "records").glob("*.json"):
            json.loads(path.read_text(encoding="utf-8"))
    graded_before = len(list((out / "records").glob("*.json")))
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True,
                          timeout=300).stdout.split()
    assert int(said[0]) + int(said[1]) == 24
    assert int(said[1]) >= graded_before - 2  # a judge left alone may still have been writing one
    assert len(list((out / "records").glob("*.json"))) == 24
    rows = list(csv.reader(io.StringIO((out / "gradebook.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 25
    assert len({row[0] for row in rows}) == 25
    return (out / "gradebook.csv").read_text(encoding="utf-8")


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path):
    whole = grade(ASSIGNMENT, collect(classroom(tmp_path / "in", 24)), tmp_path / "whole")
    assert killed_run(tmp_path, 3, seed=1) == books.gradebook(whole.records)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_fifty_kills_change_nothing(tmp_path, seed):
    whole = grade(ASSIGNMENT, collect(classroom(tmp_path / "in", 24)), tmp_path / "whole")
    assert killed_run(tmp_path, 5, seed=seed) == books.gradebook(whole.records)


# --- gradebooks ---


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Three students as Moodle names them, one of whom handed in something unreadable."""
    folder = tmp_path_factory.mktemp("three")
    place = zipped(folder / "all.zip", {"Ada Lovelace_101_assignsubmission_file_/a.ipynb": notebook(),
                                        "George Boole_102_assignsubmission_file_/b.ipynb": notebook(WRONG),
                                        "=cmd()_103_assignsubmission_file_/c.ipynb": b"{"})
    return grade(ASSIGNMENT, collect(place), folder / "out").records


def table(text):
    """A CSV as a list of dicts."""
    return list(csv.DictReader(io.StringIO(text)))


# --- assignments ---


def test_an_assignment_is_read_from_its_source(tmp_path):
    pytest.importorskip("nbformat")
    nb = json.loads(notebook({"dot": None}, after=[
        cell("# points", "scaled-dot-product-attention-test", grade=True, solution=False, locked=True, points=3),
        cell("**Why?**", "why-scale", kind="markdown", grade=True, points=2)]))
    nb["metadata"]["homework"] = {"allows": ["course_utils.shapes"]}
    path = tmp_path / "hw1_small.ipynb"
    path.write_text(json.dumps(nb), encoding="utf-8")
    assignment = load(path)
    assert assignment.name == "hw1_small"
    assert [exercise.name for exercise in assignment.exercises] == ["softmax", "scaled_dot_product_attention"]
    assert assignment.given == ASSIGNMENT.given
    assert assignment.by_hand == (("why-scale", 2.0),)
    assert assignment.allowed == ("course_utils.shapes",)
    assert [name for _, name, _ in assignment.tests] == ["softmax", "scaled_dot_product_attention"]
    assert assignment.seed("one secret") != assignment.seed("another")
    path.write_text(json.dumps({**nb, "cells": nb["cells"][:1]}), encoding="utf-8")
    with pytest.raises(ValueError, match="answer cells"):
        load(path)
