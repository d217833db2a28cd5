"""Exercise of notebook 03: look a query up among keys, softly."""

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, normal, queries_and_keys, reasons
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import hard_choice, naive_log_sum, naive_softmax, rounded, wide_softmax


def soft_lookup(queries, keys, values):
    """Output (T, d_v) and weights (T, S) of queries (T, d_k) among keys (S, d_k) with values (S, d_v)."""
    weights = softmax(queries @ keys.T)
    return weights @ values, weights


def _cases():
    return (
        Case((np.array([[2.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]]),
              np.array([[10.0], [20.0], [40.0]])), note="one query, three keys, values of width 1"),
        Case((np.array([[1.0, 0.0], [0.5, -1.0]]), np.array([[0.0, 1.0], [1.0, 1.0]]),
              np.array([[0.0], [8.0]])),
             note="as many queries as keys"),
        Case(normal(33, (3, 2), (3, 2), (3, 4)), note="T = S, wide values"),
        Case(normal(34, (4, 3), (2, 3), (2, 3)), note="d_v = d_k"),
        Case((np.array([[50.0, 10.0], [-20.0, 0.0]]), np.array([[20.0, 0.0], [20.0, 0.1], [-40.0, 2.0]]),
              np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]])), note="large scores"),
        Case((np.array([[100.0], [-100.0]]), np.array([[120.0], [120.01]]), np.array([[2.0], [4.0]])),
             note="scores of about 12000 and -12000"),
    )


def soft_lookup_by_stages(queries, keys, values, *, score=lambda q, k: q @ k.T, weigh=softmax,
                          contents=lambda k, v: v, combine=lambda w, v: w @ v,
                          give=lambda output, w, s: (output, w)):
    """A soft lookup in stages that can be replaced one by one."""
    scores = score(queries, keys)
    weights = weigh(scores)
    return give(combine(weights, contents(keys, values)), weights, scores)


_Q = np.array([[1.0, 0.0], [0.0, 2.0]])
_K = np.array([[1.0, 1.0], [0.0, -1.0], [2.0, 0.0]])
_V = np.array([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0], [4.0, 4.0, -2.0]])


def _weights_are_weights(call):
    weights = call(_Q, _K, _V)[1]
    for t, row in enumerate(weights):
        if not (abs(row.sum() - 1) < 1e-6 and row.min() >= 0):
            return Broken("the weights of each query should be 0 or more and sum to 1",
                          f"query {t} has the weights {rounded(row)}, which sum to {row.sum():.3f}")


def _ratio_of_two_weights(call):
    a, b = call(np.array([[2.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[0.0], [1.0]]))[1][0]
    if not np.isclose(a / b, np.e, rtol=1e-4):
        return Broken("a key whose dot product with the query is larger by 1 should get e = 2.718 times the "
                      "weight",
                      f"for the scores 3 and 2 the weights {a:.3f} and {b:.3f} have the ratio {a / b:.3f}")


def _equal_values_come_back(call):
    output = call(_Q, _K, np.tile([7.0, -1.0, 3.0], (3, 1)))[0]
    if output.shape != (2, 3) or not np.allclose(output, [7.0, -1.0, 3.0]):
        return Broken("where all keys have the same value, every query should get that value",
                      f"all values are [7.0, -1.0, 3.0], the output is {rounded(output)}")


def _order_of_the_pairs_is_free(call):
    order = [2, 0, 1]
    a, b = call(_Q, _K, _V), call(_Q, _K[order], _V[order])
    if not (np.allclose(a[0], b[0]) and np.allclose(a[1][:, order], b[1])):
        return Broken("the same pairs of key and value in another order should give the same output",
                      f"row 0 of the output was {rounded(a[0][0])} and becomes {rounded(b[0][0])}")


def _output_follows_from_weights(call):
    output, weights = call(_Q, _K, _V)
    if output.shape != (2, 3) or not np.allclose(output, weights @ _V):
        return Broken("the output should be the sum of the values under the weights that come back with it",
                      f"row 0 has the weights {rounded(weights[0])} on the values {rounded(_V)}, but the "
                      "output "
                      f"{rounded(output[0])}")


def _squared_distances(q, k):
    return ((q[:, None] - k[None]) ** 2).sum(axis=-1)


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _one_query_at_a_time(queries, keys, values):
    weights = np.array([softmax(np.array([float(np.dot(q, k)) for k in keys])) for q in queries])
    return np.array([sum(w * v for w, v in zip(row, values)) for row in weights]), weights


BATTERY = Battery(
    sizes=lambda s: normal(s.seed, (s.T, s.d_k), (s.S, s.d_k), (s.S, s.d_v)),
    scores=lambda table, values: (*queries_and_keys(table, "numpy", scaled=False), np.array(values)),
    without={**reasons.NO_BATCH, **reasons.PLAIN, **reasons.NUMPY},
)

SOFT_LOOKUP = Exercise(
    name="soft_lookup",
    title="Look queries up among keys, softly",
    notebook="03_weighted_sums",
    signature="soft_lookup(queries, keys, values)",
    reference=soft_lookup,
    arrays="numpy",
    returns=(Returns("output", "(T, d_v)"), Returns("weights", "(T, S)")),
    cases=_cases,
    probes=(
        Probe("the weights of each query sum to 1", _weights_are_weights),
        Probe("two scores one point apart have weights in the ratio e", _ratio_of_two_weights),
        Probe("equal values come back unchanged", _equal_values_come_back),
        Probe("the order of the pairs does not matter", _order_of_the_pairs_is_free),
        Probe("the output is the weighted sum of the values", _output_follows_from_weights),
    ),
    battery=BATTERY,
    stages=soft_lookup_by_stages,
    mistakes=(
        Mistake("no-softmax", changes={"weigh": lambda s: s},
                cause="The scores are used as weights without softmax.",
                experiment="Sum each row of your weights, and look for negative ones."),
        Mistake("softmax-over-queries", changes={"weigh": lambda s: softmax(s, axis=0)},
                cause="The softmax runs down the queries, so the keys do not compete for a query.",
                experiment="Sum each row and each column of your weights: which sums are 1?"),
        Mistake("softmax-over-all", changes={"weigh": lambda s: softmax(s.reshape(-1)).reshape(s.shape)},
                cause="All queries share one softmax, so all weights together make 1.",
                experiment="Sum each row of your weights for two queries."),
        Mistake("hard-lookup", changes={"weigh": hard_choice},
                cause="Only the best key counts, as in a dictionary; a soft lookup lets every key count a "
                      "little.",
                experiment="Look a query up that has the same dot product with two keys."),
        Mistake("no-maximum", changes={"weigh": naive_softmax},
                cause="The exponential runs on large scores without subtracting the maximum, and overflows.",
                experiment="Compute np.exp(1000.0)."),
        *careless_softmaxes(lambda soft: lambda queries, keys, values: (
            soft_lookup_by_stages(queries, keys, values, weigh=soft))),
        Mistake("log-of-the-sum", changes={"weigh": naive_log_sum},
                cause="Nothing is subtracted before the exponential: np.exp of a large score is inf, far below 0 it "
                      "is 0, and the logarithm of either is no finite number.",
                experiment="Print np.log(np.exp(1000.0)) and np.log(np.exp(-1000.0))."),
        Mistake("wider-numbers", changes={"weigh": wide_softmax},
                cause="Nothing is subtracted before the exponential: a dtype of more digits only moves the place "
                      "where it overflows.",
                experiment="Compute np.exp(np.longdouble(12000))."),
        Mistake("scores-cut-off", changes={"weigh": lambda s: softmax(np.maximum(s, -700.0))},
                cause="Scores below a bound are raised to it, so those that lie below become equal.",
                experiment="Which weights should the scores [-12000.0, -12001.0] get? Are they equal?"),
        Mistake("not-divided", changes={"weigh": lambda s: np.exp(s - s.max(axis=-1, keepdims=True))},
                cause="The exponentials are not divided by their sum.",
                experiment="Sum each row of your weights."),
        Mistake("scores-over-sum", changes={"weigh": lambda s: s / s.sum(axis=-1, keepdims=True)},
                cause="The scores are divided by their sum without the exponential.",
                experiment="Look for negative weights, and for rows in which the scores nearly cancel."),
        Mistake("scaled", changes={"score": lambda q, k: q @ k.T / np.sqrt(q.shape[-1])},
                cause="The scores are divided by the square root of d_k, which the next notebook does, but "
                      "not this one.",
                experiment="Work the scores of the first example out by hand and compare."),
        Mistake("cosines", changes={"score": lambda q, k: _unit(q) @ _unit(k).T},
                cause="The scores are cosines: the lengths of queries and keys were divided away.",
                experiment="Make a query twice as long: the weights should become sharper, do yours?"),
        Mistake("distances", changes={"score": _squared_distances},
                cause="The scores are squared distances, so the key that is farthest away gets the most "
                      "weight.",
                experiment="Give a query that equals one of two keys: which key gets more weight?"),
        Mistake("negative-distances", changes={"score": lambda q, k: -_squared_distances(q, k)},
                cause="The scores are negative squared distances in place of dot products.",
                experiment="Compute q @ k and -((q - k) ** 2).sum() for one pair."),
        Mistake("gaussian", changes={"score": lambda q, k: -_squared_distances(q, k) / 2},
                cause="The scores are those of a Gaussian, minus half the squared distance, in place of dot products.",
                experiment="Compute q @ k and -((q - k) ** 2).sum() / 2 for one pair."),
        Mistake("keys-among-keys", changes={"score": lambda q, k: k @ k.T},
                cause="The keys are compared with themselves and the queries are never used.",
                experiment="Change the queries: does the output change?"),
        Mistake("scores-transposed", changes={"score": lambda q, k: k @ q.T},
                cause="The table of scores has a row for each key; a row should belong to a query.",
                experiment="Print the shape of your scores beside (T, S)."),
        Mistake("keys-not-transposed", changes={"score": lambda q, k: q @ k},
                cause="The keys are not transposed, so the product does not multiply queries with keys.",
                experiment="Write the shapes of the two factors side by side: which letter should be in the "
                           "middle?"),
        Mistake("keys-for-values", changes={"contents": lambda k, v: k},
                cause="The weighted sum is taken over the keys; what comes back should be made of values.",
                experiment="Change the values: does the output change?"),
        Mistake("scores-with-values", function=lambda queries, keys, values: (
            (w := softmax(queries @ values.T)) @ values, w),
                cause="The queries are compared with the values; the keys are there to be compared with.",
                experiment="Write the shapes of queries and values side by side: do they have the same "
                           "width?"),
        Mistake("softmax-of-output", function=lambda queries, keys, values: (
            softmax(softmax(queries @ keys.T) @ values), softmax(queries @ keys.T)),
                cause="The output goes through softmax once more, but it is made of values, not of scores.",
                experiment="Make all values equal to 7: what should come out?"),
        Mistake("weights-transposed", changes={"combine": lambda w, v: w.T @ v},
                cause="The weights are transposed before the sum, so it runs over the queries.",
                experiment="Write the shapes under the product: which letter should disappear?"),
        Mistake("mean-for-sum", changes={"combine": lambda w, v: w @ v / len(v)},
                cause="The weighted sum is divided by the number of keys, though the weights sum to 1 "
                      "already.",
                experiment="Make all values equal: what should come out?"),
        Mistake("results-swapped", changes={"give": lambda output, w, s: (w, output)},
                cause="The weights come first and the output second; it should be the other way round.",
                experiment="Print the shapes of the two results beside (T, d_v) and (T, S)."),
        Mistake("scores-returned", changes={"give": lambda output, w, s: (output, s)},
                cause="The second result holds the scores from before softmax.",
                experiment="Sum each row of the second result."),
        Mistake("one-result", changes={"give": lambda output, w, s: output},
                cause="One array comes back where two are wanted: the output and the weights.",
                experiment="Write `output, weights = soft_lookup(...)` in a cell of its own."),
        Mistake("first-query-only", changes={"give": lambda output, w, s: (output[0], w[0])},
                cause="Only the first query is answered.",
                experiment="Print the shapes of the two results for two queries."),
    ),
    equivalents=(
        Equivalent("loop-over-queries", _one_query_at_a_time),
        Equivalent("einsum", lambda queries, keys, values: (
            np.einsum("ts,sd->td", w := softmax(np.einsum("td,sd->ts", queries, keys)), values), w)),
        Equivalent("as-a-list", lambda queries, keys, values: list(soft_lookup(queries, keys, values))),
        Equivalent("keys-first", lambda queries, keys, values: (
            (values.T @ (w := softmax(keys @ queries.T, axis=0))).T, w.T)),
        Equivalent("shifted-scores", lambda queries, keys, values: (
            soft_lookup(queries, keys - keys[0], values))),
    ),
    hints=(
        "Three steps that you have all done before: scores, weights, weighted sum. Which arrays does each "
        "step need?",
        "The table of scores has shape (T, S), so it is queries @ keys.T. Each row of it becomes weights.",
        "`weights = softmax(queries @ keys.T)`, then `return weights @ values, weights`.",
    ),
    minutes=10,
    points=2,
)

EXERCISES = (SOFT_LOOKUP,)
