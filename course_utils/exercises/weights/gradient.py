"""Exercise of notebook 02: how each weight answers to each score."""

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import naive_softmax, rounded


def softmax_jacobian(x):
    """Slopes (S, S) of the weights of scores x (S,): entry [i, j] is that of weight i along score j."""
    p = softmax(x)
    return np.diag(p) - np.outer(p, p)


def _cases():
    rng = np.random.default_rng(23)
    return (
        Case((np.array([0.0, 1.0]),), note="two scores"),
        Case((np.array([1.0, 0.0, -0.5]),), note="three scores"),
        Case((rng.normal(size=5),), note="five scores"),
        Case((np.array([8.0, 0.0, -1.0, 1.0]),), note="one score far above the others"),
        Case((np.array([1000.0, 1001.0, 1000.5]),), note="large scores"),
    )


def jacobian_by_stages(x, *, weigh=softmax, own=np.diag, cross=np.outer, combine=np.subtract):
    """The slopes of softmax, in stages that can be replaced one by one."""
    p = weigh(x)
    return combine(own(p), cross(p, p))


def _weights_trade(call):
    x = np.array([0.5, 2.0, 1.0])
    for j, total in enumerate(call(x).sum(axis=0)):
        if not abs(total) < 1e-3:
            return Broken("the weights always sum to 1: what one gains the others lose, so each column "
                          "should sum to 0",
                          f"for the scores {x.tolist()}, column {j} sums to {total:.3f}")


def _common_shift_is_invisible(call):
    x = np.array([0.5, 2.0, 1.0])
    for i, total in enumerate(call(x).sum(axis=1)):
        if not abs(total) < 1e-3:
            return Broken("raising all scores together changes no weight, so each row should sum to 0",
                          f"for the scores {x.tolist()}, row {i} sums to {total:.3f}")


def _own_score_helps(call):
    x = np.array([0.5, 2.0, 1.0])
    slopes = call(x)
    for i, j in np.ndindex(3, 3):
        if not (slopes[i, j] > 0 if i == j else slopes[i, j] < 0):
            which = "its own score" if i == j else "another score"
            return Broken(f"a weight should {'rise' if i == j else 'fall'} when {which} rises",
                          f"for the scores {x.tolist()}, entry [{i}, {j}] is {slopes[i, j]:.3f}")


def _equal_scores_by_hand(call):
    slopes = call(np.array([3.0, 3.0]))
    if not np.allclose(slopes, [[0.25, -0.25], [-0.25, 0.25]], atol=1e-5):
        return Broken("two equal scores have the weights 0.5 and 0.5, and slopes of 0.25 and -0.25",
                      f"for the scores [3.0, 3.0] the result is {rounded(slopes)}")


def _shape_is_square(call):
    shape = call(np.array([0.5, 2.0, 1.0])).shape
    if shape != (3, 3):
        return Broken("three weights and three scores make 3 x 3 slopes",
                      f"for the scores [0.5, 2.0, 1.0] the result has shape {shape}")


def _nudged(x, step, divide_by):
    """Nudge each score up by a step and note how the weights change."""
    return np.stack([(softmax(x + step * e) - softmax(x)) / divide_by for e in np.eye(len(x))], axis=1)


def _nudged_in_place(x, weights_before=False):
    """Nudge what is taken for a copy of x, but is x itself."""
    h, p = 1e-6, softmax(x)
    slopes = np.zeros((len(x), len(x)))
    for j in range(len(x)):
        nudged = x
        nudged[j] += h
        slopes[:, j] = (softmax(nudged) - (p if weights_before else softmax(x))) / h
    return slopes


def _in_loops(x):
    p = softmax(x)
    slopes = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        for j in range(len(x)):
            slopes[i, j] = p[i] * (1 - p[i]) if i == j else -p[i] * p[j]
    return slopes


BATTERY = Battery(
    scores=lambda table, values: (np.array(table[0]),),
    without={"shapes": "one row of scores goes in", "strided": "a row lies in memory in one order",
             "rows far apart": "one row of scores goes in", **reasons.PLAIN, **reasons.NUMPY},
)

JACOBIAN = Exercise(
    name="softmax_jacobian",
    title="Compute how every weight answers to every score",
    notebook="02_softmax",
    signature="softmax_jacobian(x)",
    reference=softmax_jacobian,
    arrays="numpy",
    returns=(Returns("slopes", "(S, S)"),),
    cases=_cases,
    probes=(
        Probe("S weights and S scores make S x S slopes", _shape_is_square),
        Probe("a weight rises with its own score and falls with the others", _own_score_helps),
        Probe("each column sums to 0", _weights_trade),
        Probe("each row sums to 0", _common_shift_is_invisible),
        Probe("two equal scores have slopes of 0.25 and -0.25", _equal_scores_by_hand),
    ),
    battery=BATTERY,
    stages=jacobian_by_stages,
    mistakes=(
        Mistake("no-softmax", changes={"weigh": lambda x: x},
                cause="The formula is used with the scores themselves; p stands for the weights.",
                experiment="Print what you use as p: does it sum to 1?"),
        Mistake("exponentials-as-weights", changes={"weigh": lambda x: np.exp(x - x.max())},
                cause="The formula is used with exponentials that are not divided by their sum.",
                experiment="Print what you use as p: does it sum to 1?"),
        *careless_softmaxes(lambda soft: lambda x: jacobian_by_stages(x, weigh=soft), only=("maximum-from-zero",)),
        Mistake("no-maximum", changes={"weigh": naive_softmax},
                cause="The exponential runs on large scores without subtracting the maximum, and overflows.",
                experiment="Print the weights that you use for the scores [1000.0, 1001.0]."),
        Mistake("plus", changes={"combine": np.add},
                cause="The products are added where they should be subtracted, so all weights seem to rise "
                      "together.",
                experiment="Sum a column: the weights always sum to 1, so how can they all rise?"),
        Mistake("plus-beside-the-diagonal", changes={"combine": lambda a, b: np.where(a > 0, a - b, a + b)},
                cause="The minus sign of -p[i] * p[j] beside the diagonal is missing.",
                experiment="Raise the first score of [0.0, 1.0] a little by hand: does the second weight "
                           "rise?"),
        Mistake("half-a-table", changes={"combine": lambda a, b: np.tril(a - b)},
                cause="Only one side of the diagonal is filled; the other is still 0.",
                experiment="Compare entry [0, 1] with entry [1, 0]: which scores and weights do they belong "
                           "to?"),
        Mistake("signs-flipped", changes={"combine": lambda a, b: b - a},
                cause="All signs are the wrong way round.",
                experiment="Raise the first score of [0.0, 1.0] a little by hand: does its weight rise or "
                           "fall?"),
        Mistake("no-diagonal", changes={"own": np.zeros_like},
                cause="Only the products -p[i] * p[j] are there; what a weight gains from its own score is "
                      "missing.",
                experiment="Look at entry [0, 0]: does a weight fall when its own score rises?"),
        Mistake("no-products", changes={"cross": lambda p, q: 0.0},
                cause="Only the weights on the diagonal are there; the sum below the fraction changes as "
                      "well.",
                experiment="Raise the first score of [0.0, 1.0] a little: what happens to the second "
                           "weight?"),
        Mistake("diagonal-only", changes={"cross": lambda p, q: np.diag(p * q)},
                cause="Only the diagonal is filled, as if a score moved no weight but its own.",
                experiment="Raise the first score of [0.0, 1.0] a little: what happens to the second "
                           "weight?"),
        Mistake("inner-product", changes={"cross": np.dot},
                cause="One number, the dot product of p with itself, is subtracted everywhere, in place of a "
                      "table of products.",
                experiment="Print the shapes of p @ p and np.outer(p, p)."),
        Mistake("elementwise-product", changes={"cross": np.multiply},
                cause="Beside the diagonal, column j holds -p[j] * p[j] in every row: p runs along the columns only, "
                      "and no factor runs along the rows.",
                experiment="Print the shapes of p * p and np.outer(p, p)."),
        Mistake("squares-in-columns", changes={"cross": lambda p, q: (p * q)[:, None]},
                cause="Beside the diagonal, row i holds -p[i] * p[i] in every column: p runs along the rows only, and "
                      "no factor runs along the columns.",
                experiment="Print the shapes of p[:, None] * p[:, None] and np.outer(p, p)."),
        Mistake("diagonal-of-a-column", changes={"own": lambda p: np.diag(p[:, None])},
                cause="p is a column, and np.diag takes the diagonal of a table out: of a column, its first number.",
                experiment="Print np.diag(p) for p of shape (S,) and for p of shape (S, 1)."),
        Mistake("weights-subtracted", changes={"cross": lambda p, q: p},
                cause="The weights themselves are subtracted from each row in place of products of two "
                      "weights.",
                experiment="Work entry [0, 1] out by hand for two equal scores: is it -0.5 or -0.25?"),
        Mistake("ones-on-the-diagonal", changes={"own": lambda p: np.eye(len(p))},
                cause="The diagonal starts from 1 in place of the weight.",
                experiment="Sum a row of your result: which number on the diagonal would make it 0?"),
        Mistake("weights-everywhere", changes={"own": lambda p: p[:, None]},
                cause="The formula of the diagonal, p[i] * (1 - p[j]), fills the whole table.",
                experiment="Look at entry [0, 1]: does the first weight rise when the second score rises?"),
        Mistake("weights-in-every-row", changes={"own": lambda p: p},
                cause="p is used where a table with p on its diagonal is needed, so it is added to every "
                      "row.",
                experiment="Compare p with np.diag(p) for two weights."),
        Mistake("one-slope-each", function=lambda x: softmax(x) * (1 - softmax(x)),
                cause="There is one slope for each weight, as for a sigmoid; but every score moves every "
                      "weight.",
                experiment="Raise the first score of [0.0, 1.0] a little: how many weights change?"),
        Mistake("slope-of-the-logarithm", function=lambda x: np.eye(len(x)) - softmax(x),
                cause="These are the slopes of the logarithm of the weights: each row lacks the factor p[i].",
                experiment="Multiply row i by p[i] for two equal scores and compare with 0.25 and -0.25."),
        Mistake("weights-on-the-diagonal", changes={"combine": lambda a, b: np.where(a > 0, a, -b)},
                cause="The weight replaces what stood on the diagonal; it should be added to -p[i] * p[i].",
                experiment="Sum a column of your result; compare `=` with `+=` on the diagonal."),
        Mistake("not-divided-by-step", function=lambda x: _nudged(x, 1e-6, 1.0),
                cause="The change of the weights is not divided by the step, so every slope is nearly 0.",
                experiment="Make the step ten times smaller: a slope should not change, does yours?"),
        Mistake("nudged-in-place", function=_nudged_in_place,
                cause="`nudged = x` copies nothing: both are names for one array, so both weights are those of the "
                      "nudged scores, and every slope is 0.",
                experiment="Print x after the line that nudges a score; then try `nudged = x.copy()`."),
        Mistake("nudged-in-place-again", function=lambda x: _nudged_in_place(x, weights_before=True),
                cause="`nudged = x` copies nothing: both are names for one array, so each score is still nudged when "
                      "the next one is.",
                experiment="Print x after the line that nudges a score; then try `nudged = x.copy()`."),
        Mistake("step-of-a-tenth", function=lambda x: _nudged(x, 0.1, 0.1),
                cause="The step of 0.1 is so long that the slope changes on the way.",
                experiment="Make the step ten times smaller and watch the digits that change."),
        Mistake("step-of-a-hundredth", function=lambda x: _nudged(x, 0.01, 0.01),
                cause="The step of 0.01 is so long that the slope changes on the way.",
                experiment="Make the step ten times smaller and watch the digits that change."),
        Mistake("step-of-a-thousandth", function=lambda x: _nudged(x, 0.001, 0.001),
                cause="The step of 0.001 is nearly short enough, but five decimals are asked for.",
                experiment="Make the step ten times smaller and watch the digits that change."),
    ),
    equivalents=(
        Equivalent("two-loops", _in_loops),
        Equivalent("broadcast", lambda x: softmax(x)[:, None] * (np.eye(len(x)) - softmax(x))),
        Equivalent("einsum", lambda x: np.diag(softmax(x)) - np.einsum("i,j->ij", softmax(x), softmax(x))),
        Equivalent("steps-on-both-sides", lambda x: (_nudged(x, 1e-5, 1e-5) + _nudged(x, -1e-5, -1e-5)) / 2),
        Equivalent("small-steps", lambda x: _nudged(x, 1e-7, 1e-7)),
        Equivalent("column-times-row", lambda x: (
            np.eye(x.size) * softmax(x) - softmax(x).reshape(-1, 1) @ softmax(x).reshape(1, -1))),
    ),
    hints=(
        "Nudge one score on paper, for two equal scores: its own weight rises, the other falls. So the "
        "entries on the "
        "diagonal and beside it have different signs.",
        "p = softmax(x). Beside the diagonal stands -p[i] * p[j], on it p[i] - p[i] * p[i]: the same "
        "product, "
        "and one p[i] more. `np.outer(p, p)` is the table of all products.",
        "`p = softmax(x)`, then `return np.diag(p) - np.outer(p, p)`.",
    ),
    minutes=10,
    core=False,
)

EXERCISES = (JACOBIAN,)
