"""What the student saw is what counts: odd notebooks in a real kernel and in the grader, exercise by exercise."""

import functools

import pytest
from notebook_parts import ROOT, texts
from odd_notebooks import KINDS, NAMES, place, solutions, solved, write

import course_utils
from course_utils import exercises
from course_utils.attention import scaled_dot_product_attention
from course_utils.checks.allowed import first_not_allowed, words
from course_utils.classroom.grading.assignment import load
from course_utils.classroom.grading.child import standins
from course_utils.classroom.grading.forks import Zygote
from course_utils.classroom.grading.marking import mark
from course_utils.classroom.lab.kernels import open_notebook
from course_utils.exercises.homework import ALLOWED
from course_utils.learner.calls import Own

SOURCE = ROOT / "docs" / "teaching" / "homework" / "hw1_weights.ipynb"
QUICK = {"plain", "added_below", "own_inside", "leaves_early"}  # the others run with `make test-all`
# In the kernel too an answer that ends its process is an error of its line, so that there is something to compare.
NO_END = "import os\ndef _leave(code=0):\n    raise SystemExit(code)\nos._exit = os.abort = _leave"


@functools.cache
def right():
    return solutions(SOURCE)


def wrong():
    """Answers of which the first is wrong, the second right and the third not attempted."""
    return {**right(), "top_k_softmax": right()["top_k_softmax"].replace("-k, None", "-1, None"),
            "pooling_gradient": "def pooling_gradient(x, query, lengths, upstream):\n    raise NotImplementedError"}


def shown_in_a_kernel(notebook, folder):
    """The visible points that each check shows when all cells are run and errors stop nothing."""
    checks = {name: place(notebook, f"{name}-test") for name in NAMES}
    points = dict.fromkeys(NAMES, 0)
    with open_notebook(notebook.copy(), folder, timeout=120) as run:
        import nbformat

        run(nbformat.v4.new_code_cell(NO_END))
        for i, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            said = "\n".join(text for output in run(cell) for text in texts(output))
            for name, at in checks.items():
                if i == at:
                    points[name] = int(f"✓ {name}: what is visible now is right" in said)
    return points


def seen_by_the_grader(notebook, zygote):
    """Whether each exercise has all its visible points, and the record."""
    record = mark(write(notebook), load(SOURCE), "ada", zygote)
    assert [result["name"] for result in record["exercises"]] == list(NAMES)
    return {result["name"]: int(all(part["points"] == part["of"] for part in result["parts"] if part["visible"]))
            for result in record["exercises"]}, record


@pytest.fixture(scope="module")
def zygote():
    assignment = load(SOURCE)
    with Zygote(allowed=assignment.allowed, given=assignment.given) as ready:
        yield ready


CASES = [pytest.param(kind, name, answers, id=f"{kind.__name__}-{name}-{label}",
                      marks=() if kind.__name__ in QUICK and (name, label) == (NAMES[0], "right") else pytest.mark.slow)
         for kind in KINDS for name, answers, label in
         [(NAMES[0], right, "right"), (NAMES[1], right, "right"), (NAMES[1], wrong, "wrong")]]


@pytest.mark.parametrize(("kind", "name", "answers"), CASES)
def test_the_visible_points_are_what_the_checks_show(kind, name, answers, zygote, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.jsonl"))
    notebook = solved(SOURCE, answers())
    kind(notebook, name)
    points, record = seen_by_the_grader(notebook, zygote)
    assert points == shown_in_a_kernel(notebook, SOURCE.parent), (kind.__doc__, record["exercises"])


def test_there_are_enough_kinds():
    assert len(KINDS) >= 40
    assert len(CASES) >= 120


def test_what_is_refused_is_refused_in_the_same_words():
    course = standins.Course(("course_utils.shapes",))
    for name in ("own", "course_utils.attention"):
        assert course.words(name) == words(name, ("course_utils.shapes",))


def test_an_answer_is_held_to_what_it_uses_itself():
    space = {"start": course_utils.start, "show": course_utils.show, "attention": scaled_dot_product_attention}
    exec("def quiet(worker):\n    show(worker)\n    return worker.start() + worker.attention\n"
         "def helper(x):\n    return attention(x, x, x)\ndef through(x):\n    return [helper(y) for y in x]\n"
         "def inside(x):\n    from course_utils.multihead import split_heads\n    return split_heads(x, 2)\n"
         "class Layer:\n    def forward(self, x):\n        return helper(x)", space)
    assert first_not_allowed(space["quiet"], ()) == ""
    assert first_not_allowed(space["through"], ()) == first_not_allowed(space["Layer"], ()) == "course_utils.attention"
    assert first_not_allowed(space["through"], ("course_utils.attention",)) == ""
    assert first_not_allowed(space["inside"], ()) == "course_utils.multihead"


@pytest.mark.parametrize("name", [exercise.name for exercise in exercises.homework_exercises()])
def test_what_own_keeps_is_no_answer(name):
    """Neither as it is, nor under another name, nor called by an answer: whoever has not passed gets the course's."""
    exercise = exercises.find(name)
    theirs = Own(name, exercise.reference, "the course's").function
    space = {"theirs": theirs, "kept": {"it": theirs}}
    exec("def calls(*args):\n    return theirs(*args)\nlater = lambda *args: calls(*args)\n"
         "def from_a_dict(*args):\n    return kept['it'](*args)", space)
    for answer in (theirs, space["calls"], space["later"], space["from_a_dict"], functools.partial(theirs),
                   Own(name, theirs, "")):
        assert first_not_allowed(answer, ALLOWED[exercise.notebook]), answer


def test_both_sides_are_told_where_the_two_ways_differ(zygote):
    notebook = solved(SOURCE, right())
    next(kind for kind in KINDS if kind.__name__ == "added_below")(notebook, NAMES[0])
    _, record = seen_by_the_grader(notebook, zygote)
    assert "The notebook was run from the top up to this check" in record["exercises"][0]["notes"][0]
