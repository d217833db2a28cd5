"""What a learner solves in one lesson runs in the later ones: the lessons themselves, solved, then opened afresh."""

import copy
import re

import pytest
from notebook_parts import LESSONS, called, read, texts
from test_notebooks_solved import not_passed, solve

from course_utils import exercises
from course_utils.classroom.lab.kernels import run_notebook
from course_utils.learner import kept


def taken_over(path):
    """Names of other lessons' exercises that this one gets by own(), with the two figures of their notebook."""
    calls = [call for cell in read(path).cells if cell.cell_type == "code" for call in called(cell, "own")]
    homes = {call.args[0].value: exercises.find(call.args[0].value).notebook for call in calls}
    return {name: home[:2] for name, home in homes.items() if home != path.stem}


LATER = {path: names for path in LESSONS if (names := taken_over(path))}


def solve_and_run(numbers):
    for path in LESSONS:
        if path.stem[:2] in numbers:
            notebook = solve(read(path))
            run_notebook(notebook, path.parent)
            assert not_passed(notebook) == {}


def shown_by(path):
    notebook = copy.deepcopy(read(path))
    run_notebook(notebook, path.parent)
    return "\n".join(text for cell in notebook.cells for output in cell.get("outputs", []) for text in texts(output))


def check(paths):
    solve_and_run({number for path in paths for number in LATER[path].values()})
    for path in paths:
        shown = shown_by(path)
        for name, number in LATER[path].items():
            assert f"your own {name}, from notebook {number}" in shown, (path.stem, name)
            assert f"the course's {name}" not in shown


def test_lessons_take_answers_over_and_say_where_theirs_comes_from():
    assert {path.stem[:2] for path in LATER} >= {"03", "06"}
    for path, names in LATER.items():
        shown = "\n".join(text for cell in read(path).cells for output in cell.get("outputs", [])
                          for text in texts(output))
        for name, number in names.items():
            assert re.search(rf"the course's {name} \(.*, in notebook {number}\)", shown), (path.stem, name)


def test_what_was_solved_in_02_runs_in_03(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    check([path for path in LATER if path.stem.startswith("03")])


@pytest.mark.slow
def test_what_was_solved_runs_in_every_later_lesson(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    check(list(LATER))
    assert all(answer.source and not answer.missing for answers in kept.kept_answers().values() for answer in answers)
