"""Assignment 1: what the notebook gives, and that a fault costs its own points and no others."""

import json
from pathlib import Path

import numpy as np
import pytest

from course_utils.checks import diagnose, earn
from course_utils.exercises import find
from course_utils.exercises.homework.weights import _given

NOTEBOOK = Path(__file__).parents[1] / "docs" / "teaching" / "homework" / "hw1_weights.ipynb"
POINTS = {
    ("top_k_softmax", "exactly-k-first"): [2, 1, 1, 0, 1],
    ("top_k_softmax", "equal-shares"): [0, 1, 0, 0, 0],
    ("top_k_softmax", "no-temperature"): [2, 1, 0, 1, 1],
    ("top_k_softmax", "k-beyond-the-end"): [2, 1, 1, 1, 0],
    ("top_k_softmax", "no-maximum"): [2, 1, 1, 1, 0],
    ("attention_pooling", "no-scale"): [3, 1, 0, 2, 2],
    ("attention_pooling", "no-mask"): [3, 1, 2, 0, 0],
    ("attention_pooling", "empty-is-nan"): [3, 1, 2, 2, 0],
    ("attention_pooling", "maximum-of-padding"): [3, 1, 2, 0, 0],
    ("attention_pooling", "results-swapped"): [3, 0, 2, 2, 2],
    ("pooling_gradient", "last-scale-missing"): [4, 1, 0, 2, 1],
    ("pooling_gradient", "averaged-over-batch"): [4, 1, 2, 0, 0],
    ("pooling_gradient", "sign-flipped"): [0, 1, 0, 0, 0],
    ("pooling_gradient", "step-to-both-sides-1e-5"): [0, 1, 2, 2, 1],
    ("pooling_gradient", "empty-is-nan"): [4, 1, 2, 2, 0],
}


@pytest.mark.parametrize(("name", "mistake"), POINTS)
def test_a_mistake_costs_what_it_spoils(name, mistake):
    exercise = find(name)
    wrong = next(exercise.wrong_answer(m) for m in exercise.mistakes if m.name == mistake)
    for seed in (None, 1, 2):
        assert [earned.points for earned in earn(exercise, wrong, seed=seed)] == POINTS[name, mistake]


def test_wrong_answers_are_built_on_the_softmax_that_students_have():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    given = {}
    exec("import numpy as np\n" + "".join(next(c["source"] for c in cells if c["id"] == "softmax")), given)
    x = np.random.default_rng(0).normal(size=(3, 4))
    x[1, 2] = -np.inf
    assert np.array_equal(given["softmax"](x), _given.softmax(x))
    assert np.array_equal(given["softmax"](x, axis=0), _given.softmax(x, axis=0))
    with np.errstate(invalid="ignore"):
        assert np.isnan(given["softmax"](np.full(3, -np.inf))).all()
        assert np.isnan(_given.softmax(np.full(3, -np.inf))).all()


@pytest.mark.parametrize("fault", ["no-scale", "axis-kept"])
def test_a_fault_beside_the_forgotten_empty_sentence_is_told_too(fault):
    """Most who make a visible mistake will not have thought of empty sentences either."""
    def pooling(x, query, lengths):
        scores = x @ query / (1.0 if fault == "no-scale" else x.shape[-1] ** 0.5)
        weights = _given.softmax(np.where(np.arange(x.shape[1]) < lengths[:, None], scores, -np.inf))
        pooled = weights[:, None] @ x
        return (pooled if fault == "axis-kept" else pooled[:, 0]), weights

    assert set(diagnose(find("attention_pooling"), pooling).names) == {fault, "empty-is-nan"}


@pytest.mark.parametrize("name", ["attention_pooling", "pooling_gradient"])
def test_padding_may_be_anything_and_a_leak_is_told_by_name(name):
    exercise = find(name)
    x, lengths = np.random.default_rng(1).normal(size=(3, 4, 2)), np.array([2, 0, 4])
    more = (np.ones((3, 2)),) if name == "pooling_gradient" else ()
    wanted = exercise.reference(x, np.ones(2), lengths, *more)
    for what in (np.nan, np.inf, -np.inf):
        x[0, 2:], x[1] = what, what
        for answer in (exercise.reference, *(equivalent.function for equivalent in exercise.equivalents)):
            with np.errstate(all="ignore"):
                got = answer(x, np.ones(2), lengths, *more)
            assert all(np.allclose(a, b) for a, b in zip(got, wanted))

    def leaks(x, query, lengths, *upstream):
        given = x.copy()
        result = exercise.reference(x, query, lengths, *upstream)
        return result + 0 * given.sum() if upstream else (result[0] + 0 * given.sum(axis=1), result[1])

    verdict = diagnose(exercise.visible, leaks)
    assert verdict.names == ("padding-leaks-nan",)
    assert "NaN comes out" in verdict.broken.example
