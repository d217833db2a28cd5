"""Exercise of notebook 03: weights and values become an output."""

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, Sizes, normal, reasons
from course_utils.exercises.families.shared import hard_choice, rounded


def weighted_sum(weights, values):
    """Sum values (..., S, d_v) under weights (..., T, S): an output (..., T, d_v)."""
    return weights @ values


def _drawn(s):
    weights, values = normal(s.seed, (*s.lead, s.T, s.S), (*s.lead, s.S, s.d_v))
    return softmax(weights), values


def _cases():
    return (
        Case((np.array([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]), np.array([[0.0, 4.0], [2.0, 0.0], [4.0, 8.0]])),
             note="two queries, three values of width 2"),
        Case((np.array([[1.0, 2.0], [-0.5, 1.0], [0.0, 0.5]]), np.array([[1.0], [10.0]])),
             note="weights that do not sum to 1, used as they are"),
        Case(_drawn(Sizes(T=3, S=3, d_v=2)), note="as many queries as keys"),
    )


def weighted_sum_by_stages(weights, values, *, prepare=lambda w: w, pick=lambda v: v, combine=np.matmul,
                           finish=lambda output: output):
    """A weighted sum in stages that can be replaced one by one."""
    return finish(combine(prepare(weights), pick(values)))


def _one_hot_is_a_lookup(call):
    values = np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    weights = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    got = call(weights, values)
    if not np.allclose(got, values[[1, 0, 1]]):
        return Broken("weight 1 on one key and 0 on the others should give the value of that key",
                      f"weights {weights.tolist()} on values {values.tolist()} give {rounded(got)}")


def _equal_weights_are_a_mean(call):
    values = np.array([[2.0, 0.0, 1.0], [4.0, 0.0, 2.0], [6.0, 9.0, 3.0], [8.0, 3.0, 4.0]])
    got = call(np.full((2, 4), 0.25), values)
    if not np.allclose(got, values.mean(axis=0)):
        return Broken("four equal weights of 0.25 should give the mean of the four values, for each query",
                      f"two queries, values {rounded(values)}: wanted [5.0, 3.0, 2.5] twice, got "
                      f"{rounded(got)}")


def _twice_the_weights_twice_the_output(call):
    weights, values = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]]), np.array([[1.0, 2.0], [3.0, 8.0]])
    once, twice = call(weights, values), call(2 * weights, values)
    if not np.allclose(2 * once, twice):
        return Broken("weights that are twice as large should give an output that is twice as large",
                      f"row 0 of the output was {rounded(once[0])} and becomes {rounded(twice[0])}")


def _order_of_the_keys_is_free(call):
    weights = np.array([[0.2, 0.7, 0.1], [0.5, 0.1, 0.4]])
    values, order = np.array([[1.0, 2.0], [3.0, 8.0], [-4.0, 0.0]]), [2, 0, 1]
    a, b = call(weights, values), call(weights[:, order], values[order])
    if not np.allclose(a, b):
        return Broken("the same pairs of weight and value in another order should give the same output",
                      f"row 0 of the output was {rounded(a[0])} and becomes {rounded(b[0])}")


def _items_stay_apart(call):
    weights = np.array([[[0.5, 0.5]], [[0.0, 1.0]]])
    values = np.array([[[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]], [[10.0, 0.0, 0.0], [20.0, 30.0, 40.0]]])
    got = call(weights, values)
    if got.shape != (2, 1, 3) or not np.allclose(got, [[[2, 3, 4]], [[20, 30, 40]]]):
        return Broken("each item of a batch should use its own weights on its own values",
                      f"weights {weights.tolist()} on values of shape (2, 2, 3) give {rounded(got)}")


def _rows_like_values(weights, values):
    """The slip of making room for one output per key."""
    if weights.ndim > 2:
        return np.stack([_rows_like_values(w, v) for w, v in zip(weights, values)])
    output = np.zeros_like(values)
    for t in range(len(weights)):
        output[t] = weights[t] @ values
    return output


def _two_axes_only(weights, values):
    T, S = weights.shape
    output = np.zeros((T, values.shape[1]))
    for t in range(T):
        for s in range(S):
            output[t] += weights[t, s] * values[s]
    return output


def _in_loops(weights, values):
    output = np.zeros((*weights.shape[:-1], values.shape[-1]))
    for place in np.ndindex(weights.shape[:-1]):
        for s in range(weights.shape[-1]):
            output[place] += weights[(*place, s)] * values[(*place[:-1], s)]
    return output


def _pairs(weights, values):
    """Each value multiplied by its weight, not yet summed: (..., T, S, d_v)."""
    return weights[..., None] * values[..., None, :, :]


def _backwards(weights):
    """How many keys stand behind each one: S - 1, ..., 1, 0."""
    return np.arange(weights.shape[-1])[::-1]


BATTERY = Battery(
    sizes=_drawn,
    without={"scores": "weights go in, not scores", **reasons.PLAIN, **reasons.NUMPY},
)

WEIGHTED_SUM = Exercise(
    name="weighted_sum",
    title="Sum values under their weights",
    notebook="03_weighted_sums",
    signature="weighted_sum(weights, values)",
    reference=weighted_sum,
    arrays="numpy",
    returns=(Returns("output", "(..., T, d_v)"),),
    cases=_cases,
    probes=(
        Probe("weight 1 on one key gives that key's value", _one_hot_is_a_lookup),
        Probe("equal weights give the mean", _equal_weights_are_a_mean),
        Probe("twice the weights give twice the output", _twice_the_weights_twice_the_output),
        Probe("the order of the keys does not matter", _order_of_the_keys_is_free),
        Probe("each item of a batch uses its own values", _items_stay_apart),
    ),
    battery=BATTERY,
    stages=weighted_sum_by_stages,
    mistakes=(
        Mistake("operands-swapped", changes={"combine": lambda w, v: v @ w},
                cause="The product is values @ weights, which sums over the wrong axis.",
                experiment="Write the shapes (T, S) and (S, d_v) side by side: which order has S in the "
                           "middle?"),
        Mistake("star", changes={"combine": lambda w, v: w * v},
                cause="The star multiplies entry by entry and sums nothing.",
                experiment="Compare the shapes of a * b and a @ b for two small arrays of shape (2, 2)."),
        Mistake("two-axes-only", function=_two_axes_only,
                cause="It works for two axes only, and `...` stands for any number of leading axes.",
                experiment="Call it with weights of shape (2, 4, 3) and values of shape (2, 3, 5)."),
        Mistake("np-dot", changes={"combine": np.dot},
                cause="np.dot pairs every item of the batch with every other one; @ keeps the items apart.",
                experiment="Print the shape of np.dot for shapes (2, 4, 3) and (2, 3, 5), then that of @."),
        Mistake("all-axes-reversed", changes={"prepare": lambda w: w.T},
                cause="The weights are transposed, so the sum runs over the queries in place of the keys.",
                experiment="Write the shapes under the product: is the axis that disappears called S?"),
        Mistake("last-axes-swapped", changes={"prepare": lambda w: w.swapaxes(-1, -2)},
                cause="Rows and columns of the weights are exchanged, so the sum runs over the queries.",
                experiment="Write the shapes under the product: is the axis that disappears called S?"),
        Mistake("weights-ignored", changes={"prepare": lambda w: np.full(w.shape, 1 / w.shape[-1])},
                cause="This is the plain mean of the values: the weights do not count.",
                experiment="Give weight 1 to one key and 0 to the others: what should come out?"),
        Mistake("divided-by-sum", changes={"prepare": lambda w: w / w.sum(axis=-1, keepdims=True)},
                cause="The weights are divided by their sum first; they should be used as they are.",
                experiment="Give it the weights [[1.0, 1.0]] and the values [[1.0], [10.0]]."),
        Mistake("softmax-again", changes={"prepare": softmax},
                cause="The weights go through softmax once more; they are weights already, not scores.",
                experiment="Give weight 1 to one key and 0 to the others: does only that value count?"),
        Mistake("largest-only", changes={"prepare": hard_choice},
                cause="Only the value with the largest weight comes back.",
                experiment="Give equal weights to two values: what lies between them?"),
        Mistake("first-row-for-all", changes={"prepare": lambda w: 0 * w + w[..., :1, :]},
                cause="Every query gets the weights of the first query.",
                experiment="Give two queries different one-hot weights and compare the rows of the output."),
        Mistake("first-key-only", changes={"prepare": lambda w: w * (np.arange(w.shape[-1]) == 0)},
                cause="Only the first key is added, for instance because `return` stands inside the loop.",
                experiment="Count how often your loop over the keys runs before the function returns."),
        Mistake("last-key-only", changes={"prepare": lambda w: w * (_backwards(w) == 0)},
                cause="Each step of the sum replaces what was there, so only the last key is left.",
                experiment="Compare `total = term` with `total += term` in a loop over [1, 2, 3]."),
        Mistake("last-key-missing", changes={"prepare": lambda w: w * (_backwards(w) > 0)},
                cause="The last key is left out, as with range(S - 1).",
                experiment="Print list(range(3)): does it need a -1 to stop before 3?"),
        Mistake("values-of-first-item", changes={"pick": lambda v: v[(0,) * (v.ndim - 2)]},
                cause="All items of the batch use the values of the first item.",
                experiment="Change the values of item 1 of a batch and see whether its output changes."),
        Mistake("mean-for-sum", changes={"combine": lambda w, v: _pairs(w, v).mean(axis=-2)},
                cause="The products are averaged in place of summed, which divides by S once more.",
                experiment="Give weight 1 to one of four keys: which part of its value comes back?"),
        Mistake("largest-product", changes={"combine": lambda w, v: _pairs(w, v).max(axis=-2)},
                cause="The largest product is kept in place of the sum of all.",
                experiment="Give two equal values the weights 0.5 and 0.5: what should come out?"),
        Mistake("not-summed", changes={"combine": _pairs},
                cause="Each value is multiplied by its weight, but the products are not summed over the "
                      "keys.",
                experiment="Print the shape of your result: which axis should be gone?"),
        Mistake("summed-over-width", changes={"combine": lambda w, v: _pairs(w, v).sum(axis=-1)},
                cause="The sum runs over the entries of each value in place of the keys.",
                experiment="Print the shape of your result: which axis should be gone, S or d_v?"),
        Mistake("summed-over-queries", changes={"combine": lambda w, v: _pairs(w, v).sum(axis=-3)},
                cause="The sum runs over the queries in place of the keys.",
                experiment="Print the shape of your result: which axis should be gone, S or T?"),
        Mistake("transposed-output", changes={"finish": lambda output: output.swapaxes(-1, -2)},
                cause="Rows and columns of the output are exchanged: a row should belong to a query.",
                experiment="Print the shape of your result beside (T, d_v)."),
        Mistake("one-output-for-all", changes={"finish": lambda output: output.sum(axis=-2)},
                cause="The outputs of all queries are added up.",
                experiment="Print the shape of your result beside (T, d_v)."),
        Mistake("first-query-only", changes={"finish": lambda output: output[..., 0, :]},
                cause="Only the output of the first query comes back.",
                experiment="Print the shape of your result beside (T, d_v)."),
        Mistake("sum-not-reset", changes={"finish": lambda output: output.cumsum(axis=-2)},
                cause="The running sum is not set back to 0 when the next query begins.",
                experiment="Print the running sum at the beginning of each query."),
        Mistake("one-row-for-each-key", function=_rows_like_values,
                cause="Room is made for one output per key, but there is one per query.",
                experiment="Try four queries on three keys: how many rows does the output need?"),
    ),
    equivalents=(
        Equivalent("einsum", lambda weights, values: np.einsum("...ts,...sd->...td", weights, values)),
        Equivalent("loops", _in_loops),
        Equivalent("products-then-sum", lambda weights, values: _pairs(weights, values).sum(axis=-2)),
        Equivalent("transposed-twice", lambda weights, values: (
            values.swapaxes(-1, -2) @ weights.swapaxes(-1, -2)).swapaxes(-1, -2)),
        Equivalent("key-by-key", lambda weights, values: sum(
            weights[..., :, s:s + 1] * values[..., s:s + 1, :] for s in range(values.shape[-2]))),
    ),
    hints=(
        "Do one query by hand: multiply each value by its weight, then add. Which of the letters T, S and "
        "d_v is gone?",
        "A matrix product sums over the axis in the middle: write (T, S) and (S, d_v) beside each other.",
        "`return weights @ values`. The operator @ works on the last two axes and keeps the leading ones.",
    ),
    minutes=8,
)

EXERCISES = (WEIGHTED_SUM,)
