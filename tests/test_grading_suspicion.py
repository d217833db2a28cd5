"""What a person may want to read: attempts to get round the grader, wherever in a notebook they stand."""

import sys
from pathlib import Path

import nbformat
import pytest
from grading_parts import ASSIGNMENT, GIVEN, cell, notebook

from course_utils.classroom.grading.assignment import load
from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.grading.notebooks import Cell, Notebook
from course_utils.classroom.grading.suspicion import look_through, worth_a_look


def test_what_the_homework_allows_accuses_nobody():
    source = "from course_utils.attention import scaled_dot_product_attention\nimport course_utils.attention as a"
    assert look_through(source) == ["reads the exercises of the course"]
    assert look_through(source, ("course_utils.attention",)) == []
    assert look_through("from course_utils.exercises import find", ("course_utils.attention",))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are forked on Linux")
def test_every_cell_is_looked_through():
    stolen = "def _x(x):\n    import gc\n    return gc.get_objects()"
    more = f"{GIVEN[0]}\nimport os; os.getcwd()"
    data = notebook(before=[cell(stolen), cell("y = open('/tmp/x')", "softmax")], after=[cell(more)])
    with Zygote() as zygote:
        record = mark(data, ASSIGNMENT, "eve", zygote)
    assert record["suspicious"] == ["cell 2: looks through the memory", "cell 3: opens files"]


def test_the_assignments_own_cells_accuse_nobody():
    path = Path(__file__).parents[1] / "docs" / "teaching" / "homework"
    for source in sorted(path.glob("hw*.ipynb")):
        assignment = load(source)
        cells = tuple(Cell("code", one.source) for one in nbformat.read(source, 4).cells if one.cell_type == "code")
        assert worth_a_look({}, Notebook(cells), assignment) == []
        assert worth_a_look({}, Notebook((*cells, Cell("code", "open('x')"))), assignment) == [
            f"cell {len(cells) + 1}: opens files"]
