"""A small assignment, right answers, and notebooks like those that students hand in."""

import contextlib
import dataclasses
import json
from unittest import mock

from course_utils.checks import Case, Part
from course_utils.classroom.grading import forks
from course_utils.classroom.grading.assignment import Assignment
from course_utils.exercises import find

RIGHT = {
    "softmax": """def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)""",
    "scaled_dot_product_attention": """def scaled_dot_product_attention(q, k, v):
    weights = torch.softmax(q @ k.mT / k.shape[-1] ** 0.5, dim=-1)
    return weights @ v, weights""",
    "dot": """def dot(a, b):
    total = 0.0
    for x, y in zip(a, b):
        total = total + x * y
    return total""",
}
NAMES = tuple(RIGHT)
GIVEN = ("import numpy as np\nimport torch",)


def _softmax():
    """Softmax for four points: two for rows, one for any axis, one (told later) for large scores and drawn ones."""
    import numpy as np

    plain = find("softmax")
    parts = ["", "", "", "any axis", "any axis", "large scores", "large scores"]
    cases = [dataclasses.replace(case, part=part) for case, part in zip(plain.cases(), parts)]
    probes = [dataclasses.replace(probe, part=part)
              for probe, part in zip(plain.probes, ["", "any axis", "", "large scores"])]
    return dataclasses.replace(
        plain, points=4, battery=None, cases=lambda: cases, probes=probes,
        credit=(Part("rows", 2), Part("any axis", 1), Part("large scores", 1, visible=False)),
        drawn=lambda seed: [Case((np.random.default_rng(seed).normal(size=(2, 4)),), note="drawn for you",
                                 part="large scores")])


SOFTMAX = _softmax()
ATTENTION = dataclasses.replace(find("scaled_dot_product_attention"), points=4, credit=())
DOT = dataclasses.replace(find("dot"), points=2, credit=())
ASSIGNMENT = Assignment(
    "hw0", (SOFTMAX, ATTENTION, DOT), GIVEN,
    tests=(("softmax-visible", "softmax", ("rows", "any axis")), ("softmax-hidden", "softmax", ("large scores",)),
           ("scaled_dot_product_attention-test", "scaled_dot_product_attention", ("",)), ("dot-test", "dot", ("",))),
    by_hand=(("why-scale", 3.0),), fingerprint="fixed")


def cell(source, grade_id=None, kind="code", **mark):
    """A cell of a notebook, as JSON."""
    metadata = {"nbgrader": {"schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False,
                             "grade_id": grade_id, **mark}} if grade_id else {}
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata, "source": source.splitlines(keepends=True), **extra}


def notebook(answers=None, before=(), after=(), **more):
    """The bytes of a notebook with these answers, the right ones where none is given; None leaves a cell out."""
    answers = {**RIGHT, **(answers or {})}
    cells = [cell(GIVEN[0]), *before, *(cell(source, name) for name, source in answers.items() if source is not None),
             cell("assert softmax", "softmax-visible", grade=True, solution=False, locked=True, points=3), *after]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, **more, "metadata": {
        "kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"},
        **more.get("metadata", {})}}).encode()


# A cell with points: what nbgrader's own autograde runs, and what is never run where this grader is in its place.
_POINTS = """# The points of {name}
### BEGIN HIDDEN TESTS
from course_utils.checks import earn
from course_utils.exercises import find
float(sum(earned.points for earned in earn(find({name!r}), {name})))
### END HIDDEN TESTS"""


def write_source(path):
    """Write the source notebook of such an assignment, as nbgrader has it, and give its path."""
    source = json.loads(notebook({name: f"### BEGIN SOLUTION\n{text}\n### END SOLUTION"
                                  for name, text in RIGHT.items()}))
    source["cells"] = source["cells"][:4]
    for name in RIGHT:
        source["cells"].append(cell(_POINTS.format(name=name), f"{name}-test", grade=True, solution=False, locked=True,
                                    points=find(name).points))
    source["cells"].append(cell("Because.", "why-scale", kind="markdown", grade=True, points=3))
    for i, one in enumerate(source["cells"]):
        one["id"] = f"cell-{i}"
    path.write_text(json.dumps(source), encoding="utf-8")
    return path


def points(record):
    """Points by exercise, in the assignment's order."""
    return [result["points"] for result in record["exercises"]]


_OLDER = """import runpy, sys
sys.path.insert(0, {folder!r})
import landlock
sys.path.pop(0)
offered = landlock._version
landlock._version = lambda libc: min(1, offered(libc))
runpy.run_path({zygote!r}, run_name="__main__")
"""


@contextlib.contextmanager
def older_kernel(folder):
    """Have zygotes that start meanwhile fence children in as Linux 5.15 can: Landlock 1, which knows files only."""
    older = folder / "zygote.py"
    older.write_text(_OLDER.format(folder=str(forks._ZYGOTE.parent), zygote=str(forks._ZYGOTE)), encoding="utf-8")
    with mock.patch.object(forks, "_ZYGOTE", older):
        yield
