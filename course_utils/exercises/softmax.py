"""Exercises of notebook 02: from scores to weights."""

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns


def _cases():
    rng = np.random.default_rng(2)
    return (
        Case((np.array([[0.0, 1.0], [2.0, 0.0]]),), note="two rows of two scores"),
        Case((np.array([0.5, -1.0, 2.0]),), note="a single row, without a second axis"),
        Case((rng.normal(size=(3, 4)),), {"axis": 0}, note="weights that sum to 1 down the columns"),
        Case((rng.normal(size=(2, 3, 5)),), note="three axes"),
        Case((np.array([[1000.0, 1001.0, 1002.0]]),), note="large scores"),
    )


def softmax_by_stages(x, axis=-1, *, largest=lambda x, axis: x.max(axis=axis, keepdims=True), grow=np.exp,
                      total=lambda e, axis: e.sum(axis=axis, keepdims=True), axis_of=lambda x, axis: axis):
    """A softmax whose stages can be replaced one by one."""
    axis = axis_of(x, axis)
    e = grow(x - largest(x, axis))
    return e / total(e, axis)


def _rows_sum_to_one(call):
    x = np.array([[0.0, 2.0, 1.0], [1.0, 1.0, -1.0]])
    sums = call(x).sum(axis=-1)
    for i, total in enumerate(sums):
        if abs(total - 1) > 1e-6:
            return Broken("the weights of a row should sum to 1", f"row {i} of softmax({x.tolist()}) sums to {total:.3f}")


def _shift_changes_nothing(call):
    x = np.array([1.0, 3.0, 2.0])
    a, b = call(x), call(x + 700.0)
    if not np.allclose(a, b, atol=1e-6):
        return Broken("adding the same number to every score should change no weight",
                      f"softmax({x.tolist()}) gives {np.round(a, 3).tolist()}, but with 700 added {np.round(b, 3).tolist()}")


def _two_scores_have_this_ratio(call):
    a, b = call(np.array([2.0, 1.0]))
    if not np.isclose(a / b, np.e, rtol=1e-4):
        return Broken("a score that is larger by 1 should get e = 2.718 times the weight",
                      f"for the scores 2 and 1 the weights {a:.3f} and {b:.3f} have the ratio {a / b:.3f}")


SOFTMAX = Exercise(
    name="softmax",
    title="Write softmax so that large scores do not break it",
    notebook="02_softmax",
    signature="softmax(x, axis=-1)",
    reference=softmax,
    arrays="numpy",
    returns=(Returns("weights", "(..., S)"),),
    cases=_cases,
    probes=(
        Probe("each row of weights sums to 1", _rows_sum_to_one),
        Probe("a constant added to all scores changes nothing", _shift_changes_nothing),
        Probe("one more point of score means e times the weight", _two_scores_have_this_ratio),
    ),
    stages=softmax_by_stages,
    mistakes=(
        Mistake("no-maximum", changes={"largest": lambda x, axis: 0.0},
                cause="Nothing is subtracted before the exponential, so large scores overflow to infinity.",
                experiment="Compute np.exp(1000.0), then np.exp(1000.0 - 1002.0)."),
        Mistake("no-exponential", changes={"grow": lambda x: x},
                cause="The scores are divided by their sum without the exponential.",
                experiment="Give it a negative score and look at the sign of the weight."),
        Mistake("axis-ignored", changes={"axis_of": lambda x, axis: -1},
                cause="The argument axis is not used: the sums always run along the last axis.",
                experiment="Call it with axis=0 and sum the result down the columns."),
        Mistake("whole-array", changes={"axis_of": lambda x, axis: tuple(range(x.ndim))},
                cause="The sum runs over the whole array instead of one axis, so all weights together make 1.",
                experiment="Print the sum of each row of the result for an array of two rows."),
        Mistake("no-division", changes={"total": lambda e, axis: 1.0},
                cause="The exponentials are not divided by their sum.",
                experiment="Sum the result along the axis: what should it be?"),
    ),
    equivalents=(
        Equivalent("log-sum-exp", lambda x, axis=-1: np.exp(x - np.logaddexp.reduce(x, axis=axis, keepdims=True))),
        Equivalent("global-maximum", lambda x, axis=-1: np.exp(x - x.max()) / np.exp(x - x.max()).sum(axis, keepdims=True)),
    ),
    hints=(
        "Two steps: make every score positive, then divide by a sum. Which function makes any number positive and keeps the order?",
        "Subtract the largest score along the axis first; `keepdims=True` keeps the shape fit for dividing.",
        "`e = np.exp(x - x.max(axis=axis, keepdims=True))`, then `return e / e.sum(axis=axis, keepdims=True)`.",
    ),
    minutes=15,
)

EXERCISES = (SOFTMAX,)
