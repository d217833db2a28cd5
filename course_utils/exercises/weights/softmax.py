"""Exercise of notebook 02: from scores to weights."""

import math

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import naive_log_sum, naive_softmax, rounded, wide_softmax


def _softmax_cases():
    rng = np.random.default_rng(2)
    return (
        Case((np.array([[0.0, 1.0], [2.0, 0.0]]),), note="two rows of two scores"),
        Case((np.array([0.5, -1.0, 2.0]),), note="a single row, without a second axis"),
        Case((np.array([[1.0, -math.inf, 0.0], [0.0, 2.0, -1.0]]),), note="a score of minus infinity"),
        Case((rng.normal(size=(3, 4)),), {"axis": 0}, note="weights that sum to 1 down the columns"),
        Case((rng.normal(size=(2, 3, 4)),), {"axis": 1}, note="along the middle one of three axes"),
        Case((np.array([[1000.0, 1001.0, 1002.0], [0.0, 1.0, 3.0]]),), note="large scores above small ones"),
        Case((np.array([[0.0, 800.0, 800.0], [0.0, 0.5, 1500.0]]),), note="scores that lie far apart"),
        Case((np.array([12000.0, 11999.0]),), note="scores of about 12000"),
        Case((np.array([-12000.0, -math.inf, -12001.0]),), note="minus infinity beside scores of about -12000"),
    )


def softmax_by_stages(x, axis=-1, *, axis_of=lambda x, axis: axis, grow=np.exp,
                      largest=lambda x, axis: x.max(axis=axis, keepdims=True),
                      total=lambda e, axis: e.sum(axis=axis, keepdims=True)):
    """A softmax whose stages can be replaced one by one."""
    axis = axis_of(x, axis)
    e = grow(x - largest(x, axis))
    return e / total(e, axis)


def _rows_sum_to_one(call):
    x = np.array([[0.0, 2.0, 1.0], [1.0, 1.0, -1.0]])
    for i, total in enumerate(call(x).sum(axis=-1)):
        if not abs(total - 1) < 1e-6:
            return Broken("the weights of a row should sum to 1",
                          f"row {i} of softmax({x.tolist()}) sums to {total:.3f}")


def _columns_sum_to_one_on_request(call):
    x = np.array([[0.0, 2.0, 1.0], [1.0, 1.0, -1.0]])
    for j, total in enumerate(call(x, axis=0).sum(axis=0)):
        if not abs(total - 1) < 1e-6:
            return Broken("with axis=0 the weights of a column should sum to 1",
                          f"column {j} of softmax({x.tolist()}, axis=0) sums to {total:.3f}")


def _two_scores_have_this_ratio(call):
    a, b = call(np.array([2.0, 1.0]))
    if not np.isclose(a / b, np.e, rtol=1e-4):
        return Broken("a score that is larger by 1 should get e = 2.718 times the weight",
                      f"for the scores 2 and 1 the weights {a:.3f} and {b:.3f} have the ratio {a / b:.3f}")


def _shift_changes_nothing(call):
    x = np.array([[1.0, 3.0, 2.0], [0.0, -1.0, 0.5]])
    a, b = call(x), call(x + np.array([[1000.0], [0.0]]))
    if not np.allclose(a, b, atol=1e-6):
        i = int(np.argmin(np.isclose(a, b, atol=1e-6).all(axis=-1)))
        return Broken("adding 1000 to every score of row 0 should change no weight",
                      f"row {i} was {rounded(a[i])} and becomes {rounded(b[i])}")


def _minus_infinity_gets_nothing(call):
    weight = call(np.array([1.0, -math.inf, 0.0]))[1]
    if weight != 0:
        return Broken("a score of minus infinity should get exactly the weight 0",
                      f"for the scores 1, -inf and 0 it gets {weight:.1e}")


def _log_sum(x, axis):
    return np.logaddexp.reduce(x, axis=axis, keepdims=True)


def _softmax_in_loops(x, axis):
    moved = np.moveaxis(x, axis, -1)
    result = np.zeros(moved.shape)
    for place in np.ndindex(moved.shape[:-1]):
        top = max(moved[place].tolist())
        powers = [math.exp(score - top) for score in moved[place].tolist()]
        for j, power in enumerate(powers):
            result[(*place, j)] = power / sum(powers)
    return np.moveaxis(result, -1, axis)


def _in_place(x, axis=-1):
    x -= x.max(axis=axis, keepdims=True)
    return naive_softmax(x, axis)


BATTERY = Battery(
    sizes=lambda s: normal(s.seed, (*s.lead, s.T, s.S)),
    scores=lambda table, values: (np.array(table),),
    without={"masks": "a hidden score is one of minus infinity here, and has cases of its own",
             "long": reasons.PLAIN["long"], "names": "`axis` is given by name in the cases of the exercise itself",
             **reasons.NUMPY},
)

SOFTMAX = Exercise(
    name="softmax",
    title="Write softmax so that large scores do not break it",
    notebook="02_softmax",
    signature="softmax(x, axis=-1)",
    reference=softmax,
    arrays="numpy",
    returns=(Returns("weights", "(..., S)"),),
    cases=_softmax_cases,
    probes=(
        Probe("each row of weights sums to 1", _rows_sum_to_one),
        Probe("with axis=0 each column sums to 1", _columns_sum_to_one_on_request),
        Probe("two scores one point apart have weights in the ratio e", _two_scores_have_this_ratio),
        Probe("a constant added to the scores of a row changes nothing", _shift_changes_nothing),
        Probe("a score of minus infinity gets exactly 0", _minus_infinity_gets_nothing),
    ),
    battery=BATTERY,
    stages=softmax_by_stages,
    mistakes=(
        Mistake("no-maximum", changes={"largest": lambda x, axis: 0.0},
                cause="Nothing is subtracted before the exponential, so large scores overflow to infinity.",
                experiment="Compute np.exp(1000.0), then np.exp(1000.0 - 1002.0)."),
        Mistake("scores-over-sum", changes={"largest": lambda x, axis: 0.0, "grow": lambda x: x},
                cause="The scores are divided by their sum without the exponential.",
                experiment="Give it one negative score and look at the sign of its weight."),
        Mistake("no-exponential", changes={"grow": lambda x: x},
                cause="The maximum is subtracted, but no exponential follows, so the largest score becomes "
                      "0.",
                experiment="Print what you divide for the scores [0.0, 1.0]: are all of them positive?"),
        Mistake("absolute-values", changes={"largest": lambda x, axis: 0.0, "grow": np.abs},
                cause="The scores are made positive by their absolute value, so -1 counts as much as 1.",
                experiment="Which weight should be larger for the scores [-2.0, 1.0], and which is in your "
                           "result?"),
        Mistake("squares", changes={"largest": lambda x, axis: 0.0, "grow": np.square},
                cause="The scores are made positive by squaring, so a score of -2 counts more than one of 1.",
                experiment="Which weight should be larger for the scores [-2.0, 1.0], and which is larger in "
                           "yours?"),
        Mistake("base-two", changes={"grow": np.exp2},
                cause="The powers have the base 2 in place of e.",
                experiment="Divide the two weights of the scores [1.0, 0.0]: which base does the ratio "
                           "show?"),
        Mistake("sign-flipped", changes={"grow": lambda x: np.exp(-x)},
                cause="There is a minus sign in the exponent, so small scores get the large weights.",
                experiment="For the scores [0.0, 1.0], which weight has to be larger?"),
        Mistake("axis-ignored", changes={"axis_of": lambda x, axis: -1},
                cause="The argument axis is not used: everything runs along the last axis.",
                experiment="Call it with axis=0 and sum the result down the columns."),
        Mistake("axis-zero", changes={"axis_of": lambda x, axis: 0},
                cause="The sums always run down the first axis, whatever the argument axis says.",
                experiment="Sum each row and each column of your result for two rows of two scores: which "
                           "sums are 1?"),
        Mistake("axis-one", function=lambda x, axis=-1: softmax(x, axis=1),
                cause="Everything runs along axis 1, which a single row does not have.",
                experiment="Print x.ndim for a single row: which numbers can an axis have, and what does -1 "
                           "mean?"),
        Mistake("row-by-row", function=lambda x, axis=-1: (
            np.array([softmax(np.atleast_1d(row)) for row in x])),
                cause="A loop takes x apart row by row, so a single row falls into numbers, and `axis` is "
                      "not used.",
                experiment="Print what `for row in x` gives for a single row of three scores."),
        Mistake("nan-replaced", function=lambda x, axis=-1: np.nan_to_num(naive_softmax(x, axis)),
                cause="The overflow is still there: np.exp of a large score is inf, and what is made of that, by a "
                      "logarithm or in place of nan, ends as 0.",
                experiment="Compute np.exp(1000.0), and sum the weights of the scores [1000.0, 1001.0]."),
        Mistake("whole-array", changes={"axis_of": lambda x, axis: tuple(range(x.ndim))},
                cause="Maximum and sum run over the whole array instead of one axis, so all weights together "
                      "make 1.",
                experiment="Print the sum of each row of the result for an array of two rows."),
        Mistake("sum-of-everything", changes={"total": lambda e, axis: e.sum()},
                cause="The sum in the denominator runs over the whole array instead of one axis.",
                experiment="Print the shape of your denominator for an array of two rows: how many sums do "
                           "you need?"),
        Mistake("maximum-of-everything", changes={"largest": lambda x, axis: x.max()},
                cause="One maximum is taken for the whole array, so a row far below it turns into 0 divided "
                      "by 0.",
                experiment="Compute np.exp(np.array([0.0, 1.0]) - 1002.0) and its sum."),
        Mistake("smallest-subtracted", changes={"largest": lambda x, axis: x.min(axis=axis, keepdims=True)},
                cause="The smallest score is subtracted in place of the largest, so exponents can still be "
                      "huge, and a score of minus infinity makes all of them infinite.",
                experiment="Which exponents remain for the scores [0.0, 800.0], and what is np.exp of the "
                           "larger one?"),
        Mistake("mean-subtracted", changes={"largest": lambda x, axis: x.mean(axis=axis, keepdims=True)},
                cause="The mean is subtracted in place of the maximum, so a score far above the mean still "
                      "overflows; beside a score of minus infinity the mean is minus infinity too.",
                experiment="Which exponents remain for the scores [0.0, 0.0, 1500.0]?"),
        Mistake("maximum-last-axis", changes={"largest": lambda x, axis: x.max(axis=-1, keepdims=True)},
                cause="The maximum is always taken along the last axis, though the sum runs along `axis`.",
                experiment="With axis=0, is the same number subtracted from all scores of one column?"),
        Mistake("sum-last-axis", changes={"total": lambda e, axis: e.sum(axis=-1, keepdims=True)},
                cause="The sum always runs along the last axis, though the maximum is taken along `axis`.",
                experiment="Call it with axis=0 and sum the result down the columns."),
        Mistake("maximum-without-keepdims", changes={"largest": lambda x, axis: x.max(axis=axis)},
                cause="The maximum has lost its axis, so it lines up with the wrong axis or with none.",
                experiment="Print the shapes of x and x.max(axis=-1) for two rows of three scores."),
        *careless_softmaxes(lambda soft: lambda x, axis=-1: np.moveaxis(soft(np.moveaxis(x, axis, -1)), -1, axis),
                            only=("maximum-from-zero",)),
        Mistake("sum-without-keepdims", changes={"total": lambda e, axis: e.sum(axis=axis)},
                cause="The sum has lost its axis, so it lines up with the wrong axis or with none.",
                experiment="Print the shapes of e and e.sum(axis=-1) for two rows of three scores."),
        Mistake("no-division", changes={"total": lambda e, axis: 1.0},
                cause="The exponentials are not divided by their sum, but by nothing or by the largest, "
                      "which is 1.",
                experiment="Sum the result along the axis: what should it be?"),
        Mistake("written-into-x", function=_in_place,
                cause="The maximum is subtracted in place, which changes the array of the caller.",
                experiment="Print x before and after the call."),
        Mistake("logarithm-returned", function=lambda x, axis=-1: x - _log_sum(x, axis),
                cause="What comes back is the logarithm of the weights: all numbers are 0 or negative.",
                experiment="Apply np.exp to your result and sum it along the axis."),
        Mistake("subtracted-after-exp", function=lambda x, axis=-1: (
            e := np.exp(x) - x.max(axis=axis, keepdims=True)) / e.sum(axis=axis, keepdims=True),
                cause="The maximum is subtracted from the exponential, not from the score inside it.",
                experiment="Compare np.exp(2.0 - 1.0) with np.exp(2.0) - 1.0."),
        Mistake("one-hot", function=lambda x, axis=-1: np.where(x == x.max(axis, keepdims=True), 1.0, 0.0),
                cause="The largest score takes all of the weight; softmax leaves some for every score.",
                experiment="Work the weights of the scores [0.0, 1.0] out by hand with e = 2.718."),
        Mistake("stretched-to-0-and-1", function=lambda x, axis=-1: (
            (x - x.min(axis, keepdims=True)) / (x.max(axis, keepdims=True) - x.min(axis, keepdims=True))),
                cause="The scores are stretched to run from 0 to 1; nothing makes them sum to 1.",
                experiment="Sum the result along the axis: what should it be?"),
        Mistake("sigmoid", function=lambda x, axis=-1: 1 / (1 + np.exp(-x)),
                cause="This is the sigmoid: each score is squashed alone and does not know its neighbours.",
                experiment="Sum the result along the axis: what should it be?"),
        Mistake("infinity-made-finite", function=lambda x, axis=-1: softmax(np.where(np.isinf(x), -1000.0, x), axis),
                cause="-1000 stands in for minus infinity, and is the largest score of a row that lies below it.",
                experiment="Which weights should the scores [-2000.0, -inf] get, and which do they get?"),
        Mistake("scores-cut-off", function=lambda x, axis=-1: softmax(np.maximum(x, -700.0), axis),
                cause="Scores below a bound are raised to it, so those that lie below become equal, and minus infinity "
                      "becomes a score like any other.",
                experiment="Which weights should the scores [-2000.0, -2001.0] get? Are they equal?"),
        Mistake("differences-cut-off", function=lambda x, axis=-1: (
            naive_softmax(np.maximum(x - x.max(axis, keepdims=True), -700.0), axis)),
                cause="Differences below a bound are raised to it, so a score of minus infinity gets a weight above 0, "
                      "if a very small one.",
                experiment="Print the weight of -inf beside the score 1.0, and compare it with 0."),
        Mistake("log-of-the-sum", function=naive_log_sum,
                cause="Nothing is subtracted before the exponential: np.exp of a large score is inf, far below 0 it "
                      "is 0, and the logarithm of either is no finite number.",
                experiment="Print np.log(np.exp(1000.0)) and np.log(np.exp(-1000.0))."),
        Mistake("wider-numbers", function=wide_softmax,
                cause="Nothing is subtracted before the exponential: a dtype of more digits only moves the place "
                      "where it overflows.",
                experiment="Compute np.exp(np.longdouble(12000))."),
        Mistake("first-row-only", function=lambda x, axis=-1: softmax(np.atleast_1d(x[0]), axis=-1),
                cause="Only the first row comes back, for instance because `return` stands inside the loop.",
                experiment="Compare the shape of your result with the shape of x for an array of two rows."),
    ),
    equivalents=(
        Equivalent("log-sum-exp", lambda x, axis=-1: np.exp(x - _log_sum(x, axis))),
        Equivalent("apply-along-axis", lambda x, axis=-1: np.apply_along_axis(
            lambda row: np.exp(row - row.max()) / np.sum(np.exp(row - row.max())), axis, x)),
        Equivalent("axes-swapped", lambda x, axis=-1: softmax(x.swapaxes(axis, -1)).swapaxes(axis, -1)),
        Equivalent("expand-dims", lambda x, axis=-1: (e := np.exp(x - np.expand_dims(np.max(x, axis), axis)))
                   / np.expand_dims(np.sum(e, axis), axis)),
        Equivalent("loops", lambda x, axis=-1: _softmax_in_loops(x, axis)),
        Equivalent("one-more-subtracted", lambda x, axis=-1: (
            naive_softmax(x - x.max(axis, keepdims=True) - 1, axis))),
    ),
    hints=(
        "Two steps: make every score positive, then divide by a sum. Which function makes any number "
        "positive "
        "and keeps the order?",
        "Subtract the largest score along the axis first; `keepdims=True` keeps the shape fit for dividing.",
        "`e = np.exp(x - x.max(axis=axis, keepdims=True))`, then "
        "`return e / e.sum(axis=axis, keepdims=True)`.",
    ),
    minutes=12,
    points=2,
)

EXERCISES = (SOFTMAX,)
