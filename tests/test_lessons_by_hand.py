"""Lessons as a person goes through them: a cell at a time, with an answer at each exercise, and back again.

`test_notebooks_solved.py` runs lessons as Run All does. Here every exercise is answered where it stands, with
nothing imported by the answer itself; and after Run All each cell is run a second time, the last one first, so
that each meets the names as later cells have left them.
"""

import re

import nbformat
import pytest
from notebook_parts import LESSONS, blocks, read, tags, texts
from record import merge_streams
from small_notebook import build
from test_notebooks_solved import solve

from course_utils.classroom.lab.kernels import open_notebook
from course_utils.exercises import find

QUICK = {"01_dot_products"}  # the others run with `make test-all`
EACH = [pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow) for path in LESSONS]
# What the notebook has to bring: an answer that types only what the task speaks of finds these names.
IMPORTS = re.compile(r"^(?:import numpy as np|import torch|from torch import nn|import torch.nn.functional as F)\n+",
                     re.MULTILINE)


@pytest.fixture(autouse=True)
def own_record(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))


def bare(notebook):
    """A solved copy whose answers import nothing that every answer needs."""
    solved = solve(notebook)
    for block in blocks(solved):
        stub = solved.cells[block.stub]
        stub.source = IMPORTS.sub("", stub.source)
    return solved


def wrong(notebook):
    """A copy in which each stub gives nothing back."""
    solved = nbformat.from_dict(notebook)
    for block in blocks(solved):
        stub = solved.cells[block.stub]
        stub.source = stub.source.replace("raise NotImplementedError", "return None")
    return solved


def shown(outputs):
    """What outputs say in words; a figure says its fingerprint, since its markup counts how often it was shown."""
    return [text for output in merge_streams(outputs)
            for text in ([output.data["text/plain"]] if "text/plain" in output.get("data", {}) else texts(output))]


def errors(notebook, outputs):
    """Errors among the outputs of each cell that the text does not announce."""
    return [f"cell {i}: {output.ename}: {output.evalue}" for i, found in outputs.items() for output in found
            if output.output_type == "error" and "raises-exception" not in tags(notebook.cells[i])]


def run_in_order(notebook, run):
    return {i: run(cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"}


def without(sign, notebook, outputs):
    """What the checks say that do not say this sign before the exercise's name."""
    said = {block.name: "\n".join(shown(outputs[block.check])) for block in blocks(notebook)}
    return "\n".join(text for name, text in said.items() if not re.search(rf"^{sign} {re.escape(name)}: ", text))


@pytest.mark.parametrize("path", EACH)
def test_right_answers_typed_in_order_pass_where_they_stand(path):
    notebook = bare(read(path))
    with open_notebook(notebook.copy(), path.parent) as run:
        outputs = run_in_order(notebook, run)
    assert errors(notebook, outputs) == []
    assert without("✓", notebook, outputs) == ""


def only_numbers(exercise):
    """Whether no array goes in and none comes out."""
    goes_in = [x for case in exercise.known_cases for x in (*case.args, *case.kwargs.values())]
    return not any(hasattr(x, "shape") for x in goes_in) and all(r.shape == "()" for r in exercise.returns)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_what_every_answer_needs_is_imported_before_the_first_exercise(path):
    notebook = read(path)
    for block in blocks(notebook):
        if not find(block.name).parameters:
            continue  # it names faults or facts, and takes no arrays
        if only_numbers(find(block.name)):
            continue
        needed = {"numpy": "import numpy as np", "torch": "import torch"}[find(block.name).arrays]
        above = "\n".join(cell.source for cell in notebook.cells[:block.stub + 1] if cell.cell_type == "code")
        assert re.search(rf"^{needed}$", above, re.MULTILINE), f"{path.name}: {needed} before {block.name}"


@pytest.mark.parametrize("path", EACH)
def test_wrong_answers_stop_nothing(path):
    notebook = wrong(read(path))
    with open_notebook(notebook.copy(), path.parent) as run:
        outputs = run_in_order(notebook, run)
    assert errors(notebook, outputs) == []
    assert without("✗", notebook, outputs) == ""


@pytest.mark.parametrize("path", EACH)
def test_each_cell_says_the_same_when_it_is_run_again(path):
    notebook = read(path)
    with open_notebook(notebook.copy(), path.parent) as run:
        first = run_in_order(notebook, run)
        again = {i: run(notebook.cells[i]) for i in reversed(first)}
    assert errors(notebook, first) == []
    assert errors(notebook, again) == []
    changed = {i: (shown(first[i]), shown(again[i])) for i in sorted(first)
               if shown(first[i]) != shown(again[i]) and "nbval-ignore-output" not in tags(notebook.cells[i])}
    assert changed == {}


# --- the test itself is able to fail --------------------------------------------------------------------------


@pytest.fixture
def small():
    """The small notebook with one cell at its place 4 and another, which spoils the first, at its end."""
    notebook = build(find("softmax"), find("dot")).notebook

    def with_cells(first, last):
        notebook.cells[4] = nbformat.v4.new_code_cell(first)
        notebook.cells.append(nbformat.v4.new_code_cell(last))
        return notebook
    return with_cells


@pytest.mark.parametrize(("first", "last"), [
    ("rows = 3\nprint(rows)", "print(rows)\nrows = 4"),
    ("q = [1]", "print(q)\nq = 2"),
    ("rows = globals().get('rows', 0) + 1\nprint(rows)", "pass")])
def test_a_cell_that_later_ones_spoil_is_noticed(small, tmp_path, first, last):
    path = tmp_path / "small.ipynb"
    nbformat.write(small(first, last), path)
    with pytest.raises(AssertionError):
        test_each_cell_says_the_same_when_it_is_run_again(path)


def test_a_missing_import_is_noticed(small, tmp_path):
    notebook = small("pass", "pass")
    notebook.cells[8].source = notebook.cells[8].source.replace("return x", "return np.exp(x)")
    path = tmp_path / "small.ipynb"
    nbformat.write(notebook, path)
    with pytest.raises(AssertionError, match="NameError"):
        test_right_answers_typed_in_order_pass_where_they_stand(path)
