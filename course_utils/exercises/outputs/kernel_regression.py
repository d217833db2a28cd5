"""Exercise of notebook 03: a curve through noisy points as a soft lookup."""

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import hard_choice, naive_softmax, rounded


def kernel_regression(queries, keys, values, width):
    ""
    """Averages (T,) of values (S,) under weights that fall with the distance of query (T,) and key (S,)."""
    scores = -((queries[:, None] - keys) ** 2) / (2 * width**2)  # (T, S)
    return softmax(scores) @ values


def _cases():
    rng = np.random.default_rng(303)
    return (
        Case((np.array([1.0]), np.array([0.0, 2.0, 3.0]), np.array([10.0, 20.0, 40.0]), 1.0),
             note="one query, three keys"),
        Case((np.array([0.0, 2.0]), np.array([0.0, 1.0]), np.array([0.0, 8.0]), 2.0),
             note="as many queries as keys"),
        Case((rng.normal(size=4), rng.normal(size=4), rng.normal(size=4), 0.7),
             note="four of each, in no order"),
        Case((np.array([50.0]), np.array([0.0, 1.0, 0.99]), np.array([1.0, 4.0, 8.0]), 1.0),
             note="a query far away, two keys nearly alike"),
        Case((np.array([100.0, -60.0]), np.array([0.0, 1.0, 3.0]), np.array([1.0, 5.0, 2.0]), 0.5),
             note="queries far away from every key"),
    )


def kernel_regression_by_stages(queries, keys, values, width, *, gap=lambda q, k: q[:, None] - k,
                                bend=np.square, sign=-1, scale=lambda width: 2 * width**2, weigh=softmax,
                                combine=lambda w, v: w @ v):
    """A kernel regression in stages that can be replaced one by one."""
    scores = sign * bend(gap(queries, keys)) / scale(width)
    return combine(weigh(scores), values)


def _constant_stays_constant(call):
    got = call(np.array([0.0, 1.5]), np.array([0.0, 1.0, 4.0]), np.array([3.0, 3.0, 3.0]), 1.0)
    if got.shape != (2,) or not np.allclose(got, 3.0):
        return Broken("where all values are 3, every query should get 3", f"two queries get {rounded(got)}")


def _one_width_away(call):
    # The values 1 and 0 make the output the weight of the first key.
    for width in (1.0, 2.0):
        weight = call(np.array([0.0]), np.array([0.0, width]), np.array([1.0, 0.0]), width)[0]
        if not np.isclose((1 - weight) / weight, np.exp(-0.5), rtol=1e-4):
            return Broken("a key one width away should get exp(-1/2) = 0.607 times the weight of a key on "
                          "the query",
                          f"with width {width}, the weights {weight:.3f} and {1 - weight:.3f} have the ratio "
                          f"{(1 - weight) / weight:.3f}")


def _both_sides_alike(call):
    left = call(np.array([0.0]), np.array([-1.0, 0.5]), np.array([0.0, 1.0]), 1.0)[0]
    right = call(np.array([0.0]), np.array([1.0, -0.5]), np.array([0.0, 1.0]), 1.0)[0]
    if not np.isclose(left, right):
        return Broken("left and right should count alike: mirrored keys should give the same output",
                      f"the keys [-1.0, 0.5] give {left:.3f}, the keys [1.0, -0.5] give {right:.3f}")


def _stays_between_the_values(call):
    values = np.array([2.0, 5.0, 3.0])
    for query in (0.4, 80.0):
        got = call(np.array([query]), np.array([0.0, 1.0, 2.0]), values, 0.5)[0]
        if not 2.0 - 1e-9 <= got <= 5.0 + 1e-9:
            return Broken("an average lies between the smallest and the largest value",
                          f"the values are {values.tolist()}, but the query {query} gets {got:.3f}")


def _each_query_alone(call):
    keys, values = np.array([0.0, 1.0, 3.0]), np.array([2.0, 5.0, 3.0])
    together = call(np.array([0.5, 2.5, -1.0, 1.0]), keys, values, 0.8)
    alone = call(np.array([2.5]), keys, values, 0.8)
    if together.shape != (4,) or not np.isclose(together[1], alone[0]):
        return Broken("what a query gets should not depend on the other queries",
                      f"the query 2.5 gets {rounded(alone)} alone, and among four queries the result is "
                      f"{rounded(together)}")


def _in_loops(queries, keys, values, width):
    output = []
    for q in queries:
        distances = [(q - k) ** 2 for k in keys]
        powers = [np.exp(-(d - min(distances)) / (2 * width**2)) for d in distances]
        output.append(sum(p * v for p, v in zip(powers, values)) / sum(powers))
    return np.array(output)


def _box(queries, keys, values, width):
    near = np.abs(queries[:, None] - keys) <= width
    return np.array([values[row].mean() if row.any() else np.nan for row in near])


def _interpolated(queries, keys, values, width):
    order = np.argsort(keys)
    return np.interp(queries, keys[order], values[order])


FAR = "queries far away from every key have cases of their own"
BATTERY = Battery(
    sizes=lambda s: (*normal(s.seed, (s.T,), (s.S,), (s.S,)), 0.7),
    without={**reasons.NO_BATCH, "all sizes equal": "T = S has a case of its own",
             "very large": "scores are minus squares, so none is above 0", "very negative": FAR,
             "rows far apart": FAR, "strided": "numbers in a row lie in memory in one order", **reasons.PLAIN,
             **reasons.NUMPY},
)

KERNEL_REGRESSION = Exercise(
    name="kernel_regression",
    title="Draw a curve through noisy points by attention",
    notebook="03_weighted_sums",
    signature="kernel_regression(queries, keys, values, width)",
    reference=kernel_regression,
    arrays="numpy",
    returns=(Returns("output", "(T,)"),),
    cases=_cases,
    probes=(
        Probe("equal values come back unchanged", _constant_stays_constant),
        Probe("a key one width away gets exp(-1/2) times the weight", _one_width_away),
        Probe("keys on the left and on the right count alike", _both_sides_alike),
        Probe("the output stays between the values", _stays_between_the_values),
        Probe("each query is answered alone", _each_query_alone),
    ),
    battery=BATTERY,
    stages=kernel_regression_by_stages,
    mistakes=(
        Mistake("no-minus", changes={"sign": 1},
                cause="The minus sign is missing, so the keys that are farthest away get the most weight.",
                experiment="Put the query on one of two keys: whose value should come out?"),
        Mistake("no-square", changes={"bend": lambda d: d},
                cause="The difference is not squared, so keys on one side always win.",
                experiment="Mirror the keys around the query: does the output stay the same?"),
        Mistake("absolute", changes={"bend": np.abs},
                cause="The scores use the distance itself, not its square.",
                experiment="Take a key two widths away: is its score -2 or -1?"),
        Mistake("width-not-squared", changes={"scale": lambda width: 2 * width},
                cause="The squared distance is divided by 2 * width, but the width has to be squared too.",
                experiment="Double the unit of queries, keys and width: the output should not change, does "
                           "it?"),
        Mistake("divided-by-width", changes={"scale": lambda width: width},
                cause="The squared distance is divided by the width alone: the square and the 2 are missing.",
                experiment="Work out the score of a key one width away: is it -1/2?"),
        Mistake("distance-over-width", changes={"bend": np.abs, "scale": lambda width: width},
                cause="The score is minus the distance over the width; square and 2 are missing.",
                experiment="Work out the score of a key one width away: is it -1/2?"),
        Mistake("two-forgotten", changes={"scale": lambda width: width**2},
                cause="The 2 below the fraction is missing.",
                experiment="Work out the score of a key one width away: is it -1/2?"),
        Mistake("two-multiplied", changes={"scale": lambda width: width**2 / 2},
                cause="The 2 multiplies the squared distance in place of dividing it.",
                experiment="Work out the score of a key one width away: is it -1/2?"),
        Mistake("precedence", changes={"scale": lambda width: 2 / width**2},
                cause="The width multiplies in place of dividing: a / 2 * b is not a / (2 * b).",
                experiment="Compare 8 / 2 * 4 with 8 / (2 * 4)."),
        Mistake("width-ignored", changes={"scale": lambda width: 2.0},
                cause="The width is not used.",
                experiment="Compare the results for the widths 0.1 and 10."),
        Mistake("two-squared", changes={"scale": lambda width: (2 * width) ** 2},
                cause="The 2 is squared together with the width.",
                experiment="Work out the score of a key one width away: is it -1/2?"),
        Mistake("no-softmax", changes={"weigh": lambda s: s},
                cause="The scores are used as weights without softmax.",
                experiment="Make all values equal to 3: what should come out?"),
        Mistake("not-divided", changes={"weigh": np.exp},
                cause="The exponentials are not divided by their sum.",
                experiment="Make all values equal to 3: what should come out?"),
        *careless_softmaxes(lambda soft: lambda *given: kernel_regression_by_stages(*given, weigh=soft),
                            only=("maximum-of-everything",)),
        Mistake("no-maximum", changes={"weigh": naive_softmax},
                cause="Far away from every key, all exponentials vanish, and 0 is divided by 0.",
                experiment="Compute np.exp(-1000.0), then think of what softmax subtracts first."),
        Mistake("softmax-over-queries", changes={"weigh": lambda s: softmax(s, axis=0)},
                cause="The softmax runs down the queries, so the keys do not compete for a query.",
                experiment="Give it a single query: what are its weights then?"),
        Mistake("nearest-only", changes={"weigh": hard_choice},
                cause="Each query gets the value of its nearest key only.",
                experiment="Put a query between two keys: what should come out?"),
        Mistake("plain-mean", changes={"weigh": lambda s: np.full(s.shape, 1 / s.shape[1])},
                cause="Every query gets the plain mean of the values.",
                experiment="Put a query on a key and make the width small: what should come out?"),
        Mistake("gaps-transposed", changes={"gap": lambda q, k: q - k[:, None]},
                cause="The table of differences has a row for each key; a row should belong to a query.",
                experiment="Print the shape of your scores beside (T, S)."),
        Mistake("gaps-in-pairs", changes={"gap": lambda q, k: q - k},
                cause="Query t is compared with key t only, not with every key.",
                experiment="Print the shape of the differences for three queries and five keys."),
        Mistake("not-summed", changes={"combine": lambda w, v: w * v},
                cause="Each value is multiplied by its weight, but the products are not summed over the "
                      "keys.",
                experiment="Print the shape of your result beside (T,)."),
        Mistake("mean-for-sum", changes={"combine": lambda w, v: (w * v).mean(axis=1)},
                cause="The products are averaged in place of summed, which divides by S once more.",
                experiment="Make all values equal to 3: what should come out?"),
        Mistake("column", changes={"combine": lambda w, v: w @ v[:, None]},
                cause="The result is a column of shape (T, 1), not an array of shape (T,).",
                experiment="Print the shape of your result beside (T,)."),
        Mistake("first-query-only", changes={"combine": lambda w, v: w[0] @ v},
                cause="Only the first query is answered.",
                experiment="Print the shape of your result for three queries."),
        Mistake("keys-averaged", function=lambda queries, keys, values, width: (
            kernel_regression(queries, keys, keys, width)),
                cause="The weighted sum is taken over the keys; what comes back should be made of values.",
                experiment="Make all values equal to 3: what should come out?"),
        Mistake("products", function=lambda queries, keys, values, width: (
            softmax(queries[:, None] * keys / width) @ values),
                cause="The scores are products of query and key, as in a dot product; here they are "
                      "distances.",
                experiment="Which key should a query of 0 prefer, and which does it prefer in your scores?"),
        Mistake("curve-at-the-keys", function=lambda queries, keys, values, width: (
            kernel_regression(keys, keys, values, width)),
                cause="The curve is computed at the keys, and the queries are never used.",
                experiment="Count the numbers that come back for three queries and five keys."),
        Mistake("weights-returned", function=lambda queries, keys, values, width: softmax(
            -((queries[:, None] - keys) ** 2) / (2 * width**2)),
                cause="The weights come back, not the average of the values under them.",
                experiment="Print the shape of your result beside (T,)."),
        Mistake("moving-average", function=_box,
                cause="This is the plain mean of the values within one width: near keys do not count more "
                      "than far ones.",
                experiment="Move one key a little: does the output change smoothly or in jumps?"),
        Mistake("joined-by-lines", function=_interpolated,
                cause="The points are joined by straight lines, so the noise stays and only two keys count.",
                experiment="Put a query on a key: does only that key's value come back?"),
    ),
    equivalents=(
        Equivalent("loops", _in_loops),
        Equivalent("keys-minus-queries", lambda queries, keys, values, width: softmax(
            -0.5 * ((keys[None, :] - queries[:, None]) / width) ** 2) @ values),
        Equivalent("expanded-square", lambda queries, keys, values, width: softmax(
            (np.outer(queries, keys) - keys**2 / 2) / width**2) @ values),
        Equivalent("query-by-query", lambda queries, keys, values, width: np.array(
            [np.sum(softmax(-((q - keys) ** 2) / (2 * width * width)) * values) for q in queries])),
        Equivalent("columns", lambda queries, keys, values, width: values @ softmax(
            -((keys[:, None] - queries) ** 2) / (2 * width**2), axis=0)),
        Equivalent("subtract-outer", lambda queries, keys, values, width: np.average(
            np.tile(values, (len(queries), 1)), axis=1,
            weights=softmax(-np.subtract.outer(queries, keys) ** 2 / (2 * width**2)))),
    ),
    hints=(
        "Only the scores are new. Softmax and the weighted sum are those of the soft lookup.",
        "`queries[:, None] - keys` has shape (T, S): every query minus every key. Square it, divide, put a "
        "minus before it.",
        "`scores = -(queries[:, None] - keys) ** 2 / (2 * width ** 2)`, then `return softmax(scores) @ "
        "values`.",
    ),
    minutes=10,
    core=False,
)

EXERCISES = (KERNEL_REGRESSION,)
