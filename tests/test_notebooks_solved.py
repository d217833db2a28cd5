"""Every notebook runs to its end as it stands, and with its own solutions in place every check says passed."""

import copy
import re
import time

import nbformat
import pytest
from notebook_parts import LESSONS, blocks, called, read, texts
from small_notebook import build

from course_utils.classroom.lab.kernels import run_notebook
from course_utils.exercises import all_exercises, find

BAR = 60  # seconds for one notebook, from the start of its kernel; the promise of the course


def solve(notebook):
    """A copy of a notebook with each folded solution in its stub's place."""
    solved = copy.deepcopy(notebook)
    for block in blocks(solved):
        [[solution]] = block.solutions
        solved.cells[block.stub].source = solution.rstrip("\n")
    return solved


def run(notebook, folder, monkeypatch, tmp_path):
    """Run a copy of a notebook with a record of progress of its own; return it and the seconds it took."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    notebook, begin = copy.deepcopy(notebook), time.monotonic()
    run_notebook(notebook, folder)
    return notebook, time.monotonic() - begin


def verdicts(notebook):
    """What each check cell says: a dict of the exercise's name and the shown text."""
    found = {}
    for block in blocks(notebook):
        shown = [text for output in notebook.cells[block.check].outputs for text in texts(output)]
        found[block.name] = "\n".join(shown)
    return found


def whose(notebook):
    """Names of this notebook's exercises that are given to own() in it, and all that its cells show."""
    calls = [call for cell in notebook.cells if cell.cell_type == "code" for call in called(cell, "own")]
    shown = [text for cell in notebook.cells for output in cell.get("outputs", []) for text in texts(output)]
    here = {block.name for block in blocks(notebook)}
    return sorted(here & {call.args[0].value for call in calls}), "\n".join(shown)


def not_passed(notebook):
    """Names of exercises whose check does not say passed, with what it says."""
    return {name: text for name, text in verdicts(notebook).items()
            if not re.search(rf"^✓ {re.escape(name)}: passed$", text, re.MULTILINE)}


# nbval runs every lesson unsolved too, so two stand for all in the quick run.
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem, marks=() if path.stem[:2] in ("02", "05") else
                                               pytest.mark.slow) for path in LESSONS])
def test_unsolved_notebook_runs_to_its_end_in_time(path, monkeypatch, tmp_path):
    notebook, seconds = run(read(path), path.parent, monkeypatch, tmp_path)
    said = verdicts(notebook)
    assert said
    assert all("Not attempted yet" in text for text in said.values()), said
    assert seconds < BAR, f"{path.name} took {seconds:.0f} s"
    names, shown = whose(notebook)
    assert [name for name in names if f"the course's {name}" not in shown] == []
    assert [name for name in names if f"your own {name}" in shown] == []
    assert not (tmp_path / "progress.jsonl").exists(), "nothing was passed, yet something was remembered"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_solved_notebook_passes_every_check(path, monkeypatch, tmp_path):
    notebook, _ = run(solve(read(path)), path.parent, monkeypatch, tmp_path)
    assert verdicts(notebook)
    assert not_passed(notebook) == {}
    names, shown = whose(notebook)
    assert names, "what follows an exercise runs on the learner's own function"
    assert [name for name in names if f"your own {name}" not in shown] == []


def test_every_exercise_stands_in_its_notebook():
    """With cells of its own, or named below another one as an extra that is written and checked in a new cell."""
    in_notebooks = {(path.stem, block.name) for path in LESSONS for block in blocks(read(path))}
    assert in_notebooks == {(exercise.notebook, exercise.name) for exercise in all_exercises() if not exercise.within}
    prose = {path.stem: "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
             for path in LESSONS}
    for extra in all_exercises():
        if extra.within:
            assert find(extra.within).notebook == extra.notebook
            assert not extra.core
            assert re.search(rf"Extra: [^.]*`{re.escape(extra.signature)}`", prose[extra.notebook]), extra.name


# --- the test itself is able to fail --------------------------------------------------------------------------

SOLUTION = """import numpy as np

def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""


@pytest.fixture
def small():
    """The small notebook; its solutions return their argument, which is wrong."""
    return build(find("softmax"), find("dot")).notebook


def with_solution(notebook, text):
    """Change the first solution of the small notebook."""
    cell = notebook.cells[8]
    cell.source = re.sub(r"```python\n.*?```", lambda _: f"```python\n{text}```", cell.source, flags=re.DOTALL)
    return notebook


def test_a_wrong_solution_is_noticed(small, monkeypatch, tmp_path):
    notebook, _ = run(solve(with_solution(small, SOLUTION)), tmp_path, monkeypatch, tmp_path)
    assert list(not_passed(notebook)) == ["dot"]


def test_an_unsolved_notebook_is_not_taken_for_a_solved_one(small, monkeypatch, tmp_path):
    notebook, _ = run(small, tmp_path, monkeypatch, tmp_path)
    assert sorted(not_passed(notebook)) == ["dot", "softmax"]
    assert all("Not attempted yet" in text for text in verdicts(notebook).values())


def test_a_notebook_that_stops_is_noticed(small, monkeypatch, tmp_path):
    from nbclient.exceptions import CellExecutionError

    small.cells.insert(4, nbformat.v4.new_code_cell("1 / 0"))
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run(small, tmp_path, monkeypatch, tmp_path)


def test_two_solutions_are_refused(small):
    small.cells[8].source += "\n\n" + small.cells[8].source
    with pytest.raises(ValueError, match="too many values"):
        solve(small)
