"""Large classes: nothing grows with the number of submissions, and what the bench grades is what it says."""

import dataclasses
import json
import sys
import tracemalloc
from pathlib import Path

import pytest
from grading_parts import ASSIGNMENT, RIGHT, cell, notebook

from course_utils.classroom import cli
from course_utils.classroom.bench import class_grading
from course_utils.classroom.grading import gradebook as books
from course_utils.classroom.grading.answers import take_out
from course_utils.classroom.grading.assignment import load
from course_utils.classroom.grading.class_report import class_report
from course_utils.classroom.grading.marking import missing
from course_utils.classroom.grading.notebooks import read_notebook
from course_utils.classroom.grading.results import Results, merge
from course_utils.classroom.grading.runs import grade
from course_utils.classroom.grading.submissions import collect

[SOURCE] = (Path(__file__).parents[1] / "docs" / "teaching" / "homework").glob("hw4_*.ipynb")


def kept(folder, number):
    """Results of so many students, each with an answer of some length."""
    results = Results(folder, ASSIGNMENT.name)
    results.prepare()
    for n in range(number):
        record = missing(ASSIGNMENT, f"s{n:04}")
        record["exercises"][0]["source"] = str(n) * 4000
        results.keep("", {**record, "file": "", "late_days": 0})
    return results


def peak(do):
    """The most memory, in bytes, that something takes while it is done."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_gradebook_is_made_without_all_records_in_memory(tmp_path):
    few, many = kept(tmp_path / "few", 20), kept(tmp_path / "many", 400)
    assert books.gradebook(many.each()) == books.gradebook(many.records())
    assert peak(lambda: books.gradebook(many.each())) < peak(many.records) / 3
    size = peak(lambda: sum(1 for _ in many.each()))
    assert size < peak(lambda: sum(1 for _ in few.each())) + 380 * 1000  # a path each, and no record


@pytest.mark.parametrize("command", ["report", "written"])
def test_reports_and_tables_are_made_without_all_records_in_memory(command, tmp_path, monkeypatch):
    monkeypatch.setattr(Results, "records", lambda self: pytest.fail("all records at once"))
    kept(tmp_path, 20)
    assert cli.main(["homework", command, str(tmp_path)]) == 0
    made = {"report": "class.html", "written": "written.csv"}[command]
    assert (tmp_path / made).stat().st_size > 40


def test_a_class_report_is_the_same_from_records_read_one_at_a_time(tmp_path):
    many = kept(tmp_path, 400)
    assert class_report(many.each()) == class_report(many.records())
    assert peak(lambda: class_report(many.each())) < peak(many.records) / 3


def test_records_can_be_gone_through_again(tmp_path):
    each = kept(tmp_path, 3).each()
    assert len(each) == 3
    assert [record["student"] for record in each] == [record["student"] for record in each] == ["s0000", "s0001",
                                                                                                 "s0002"]


def test_parts_of_a_class_are_merged_without_all_records_in_memory(tmp_path):
    parts = [kept(tmp_path / name, 200) for name in ("one", "two")]  # both know the same students, missing in both
    (parts[1].folder / "secret.txt").write_bytes((parts[0].folder / "secret.txt").read_bytes())
    size = peak(lambda: merge(tmp_path / "whole", [part.folder for part in parts]))
    assert size < peak(parts[0].records) / 2
    assert Results(tmp_path / "whole").records() == parts[0].records()


def test_the_class_of_the_bench_is_what_it_says(tmp_path):
    pytest.importorskip("nbgrader")
    assignment, whole = load(SOURCE), 0
    class_grading.hand_in(SOURCE, tmp_path, 40, class_grading.COMPOSITION)
    for path in sorted(tmp_path.glob("*.ipynb")):
        found = read_notebook(path.read_bytes(), None)
        whole += any(take_out(exercise, found, assignment)[1] is not None for exercise in assignment.exercises)
    assert whole == 40 / 5
    class_grading.hand_in(SOURCE, tmp_path / "answered", 9, class_grading.ANSWERED)
    for path in (tmp_path / "answered").glob("*.ipynb"):
        found = read_notebook(path.read_bytes(), None)
        assert [take_out(exercise, found, assignment)[1:] for exercise in assignment.exercises] == [(None, "")] * 3


def test_a_notebook_that_was_not_changed_is_not_run():
    """Locals of an answer may be called like names of the assignment's own cells."""
    pytest.importorskip("nbgrader")
    for source in sorted(SOURCE.parent.glob("hw*.ipynb")):
        assignment, answers = load(source), class_grading.solutions(source)
        made = class_grading._notebook(class_grading._released(source), answers, "right", next(iter(answers)), 0)
        found = read_notebook(class_grading.nbformat.writes(made).encode(), None)
        assert [take_out(exercise, found, assignment)[2] for exercise in assignment.exercises] == [""] * len(answers)


@pytest.mark.parametrize(("source", "others", "why"), [
    ("def f(x):\n    k = 3\n    return k + x", ["k = 1"], ""),  # a local of its own
    ("def f(x):\n    return k + x", ["k = 1\n", "k = 2"], "several cells"),
    ("k = 3\ndef f(x):\n    return k + x", ["k = 1"], "several cells"),
    ("def f(x, y=k):\n    return x", ["k = 1", "k = 2"], "several cells"),
    ("class f:\n    def g(self):\n        return [k for _ in range(3)]", ["k = 1", "k = 2"], "several cells"),
])
def test_only_names_that_an_answer_looks_up_outside_itself_matter(source, others, why):
    one = dataclasses.replace(ASSIGNMENT.exercises[2], signature="f(x)")
    assignment = dataclasses.replace(ASSIGNMENT, exercises=(one,), given=tuple(others), tests=())
    written = {"cells": [*map(cell, others), cell(source, "dot")], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    found = read_notebook(json.dumps(written).encode(), None)
    reason = take_out(one, found, assignment)[2]
    assert (why in reason) if why else reason == ""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are forked on Linux")
def test_four_parts_of_three_hundred_are_one_run(tmp_path):
    spoilt = RIGHT["softmax"].replace(" - x.max(axis=axis, keepdims=True)", "")
    helper = [cell("def same(x):\n    return x")]
    kinds = [notebook(), notebook({"softmax": spoilt}), notebook({"dot": "def dot(a, b): return 0.0"}),
             notebook({"softmax": RIGHT["softmax"].replace("return e", "return same(e)")}, before=helper),
             b"no notebook"]
    for part in range(4):
        (tmp_path / f"in{part}").mkdir()
    (tmp_path / "in").mkdir()
    for n in range(300):
        for folder in ("in", f"in{n // 75}"):
            (tmp_path / folder / f"s{n:03}.ipynb").write_bytes(kinds[n % len(kinds)])
    whole = grade(ASSIGNMENT, collect(tmp_path / "in", "hw0"), tmp_path / "out", jobs=2).results
    secret = (tmp_path / "out" / "secret.txt").read_text(encoding="utf-8").strip()
    for part in range(4):
        grade(ASSIGNMENT, collect(tmp_path / f"in{part}", "hw0"),
              Results(tmp_path / f"out{part}", ASSIGNMENT.name, secret), jobs=1 + part % 2)
    merged = merge(tmp_path / "merged", [tmp_path / f"out{part}" for part in range(4)])
    assert len(merged.each()) == 300
    assert merged.records() == whole.records()
    assert books.gradebook(merged.each()) == books.gradebook(whole.each())
