"""Exercise of notebook 01: the key whose direction is most like a query's."""

import math

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, Sizes, normal, reasons
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.scores.score_tables import scores


def nearest(queries, keys):
    """Find, for each query, the key whose direction is most like its own.

    Parameters
    ----------
    queries : ndarray, shape (T, d)
        Vectors (no unit), none of length 0.
    keys : ndarray, shape (S, d)
        Vectors (no unit), none of length 0.

    Returns
    -------
    ndarray of int, shape (T,)
        Positions, from 0 to S - 1, of the keys with the largest cosine.

    Examples
    --------
    >>> nearest(np.array([[1.0, 0.0]]), np.array([[5.0, 5.0], [2.0, 0.2]])).tolist()
    [1]
    """
    return scores(queries, keys / np.linalg.norm(keys, axis=-1, keepdims=True)).argmax(axis=-1)


def _drawn(s):
    queries, keys, lengths = normal(s.seed, (s.T, s.d_k), (s.S, s.d_k), (s.S, 1))
    return queries, keys * (0.3 + lengths**2)


def _nearest_cases():
    return (
        Case((np.array([[1.0, 0.0], [0.5, 2.0]]), np.array([[5.0, 5.0], [2.0, 0.2], [0.0, 1.0]])),
             note="key 0 is the longest"),
        Case(_drawn(Sizes(T=4, S=6, d_k=5)), note="4 queries, 6 keys"),
        Case(_drawn(Sizes(T=5, S=2, d_k=4)), note="more queries than keys"),
    )


def nearest_by_stages(queries, keys, *, length=lambda x: np.linalg.norm(x, axis=1, keepdims=True),
                      compare=lambda q, k, m, n: q @ k.T / (m * n.T), axis=1, pick=np.argmax,
                      finish=lambda p: p):
    """Find the nearest key of each query in stages that can be replaced one by one."""
    return finish(pick(compare(queries, keys, length(queries), length(keys)), axis=axis))


def _far(q, k, m, n):
    return -np.linalg.norm(q[:, None] - k[None], axis=-1)


def _no_keepdims(queries, keys):
    keys = keys / np.linalg.norm(keys, axis=1)
    return (queries @ keys.T).argmax(axis=1)


def _no_keepdims_queries_first(queries, keys):
    queries = queries / np.linalg.norm(queries, axis=1)
    keys = keys / np.linalg.norm(keys, axis=1)
    return (queries @ keys.T).argmax(axis=1)


def _starts_at_zero(queries, keys):
    places = np.zeros(len(queries), dtype=int)
    for i, q in enumerate(queries):
        best = 0.0
        for j, k in enumerate(keys):
            cosine = q @ k / math.sqrt((q @ q) * (k @ k))
            if cosine > best:
                best, places[i] = cosine, j
    return places


def _never_reset(queries, keys):
    best, place, places = -2.0, 0, []
    for q in queries:
        for j, k in enumerate(keys):
            cosine = q @ k / math.sqrt((q @ q) * (k @ k))
            if cosine > best:
                best, place = cosine, j
        places.append(place)
    return np.array(places)


def _writes_into_keys(queries, keys):
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    return (queries @ keys.T).argmax(axis=1)


def _nearest_by_loop(queries, keys):
    places = []
    for q in queries:
        cosines = [q @ k / (math.sqrt(q @ q) * math.sqrt(k @ k)) for k in keys]
        places.append(cosines.index(max(cosines)))
    return np.array(places)


def _distance_of_directions(queries, keys):
    q, k = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (queries, keys))
    return np.linalg.norm(q[:, None] - k[None], axis=-1).argmin(axis=1)


def _one_key_for_each_query(call):
    places = call(np.array([[1.0, 0.2], [0.1, 1.0]]), np.array([[1.0, 1.0], [2.0, 0.1], [0.1, 3.0]]))
    if places.shape != (2,):
        return Broken("2 queries should give 2 positions",
                      f"the result has shape {places.shape} instead of (2,)",
                      "Print `.shape` of your result, and say in words what each of its numbers is.")
    if places.dtype.kind not in "iu":
        return Broken("positions should be whole numbers, because `words[1.0]` is no position in a list",
                      f"the result holds numbers of dtype {places.dtype}",
                      "Give the array that you fill `dtype=int`.")


def _finds_itself(call):
    keys = np.array([[1.0, 0.8, 0.0], [3.0, 0.0, 0.0], [4.0, 0.0, 3.0], [0.1, -0.2, 0.1]])
    places = call(keys, keys)
    if places.tolist() != [0, 1, 2, 3]:
        return Broken("no direction is more like a vector's own than its own: each should find itself",
                      f"nearest(keys, keys) for {rounded(keys)} gives {places.tolist()}")


def _length_of_keys_does_not_count(call):
    queries = np.array([[1.0, 0.3], [-1.0, 2.0], [0.2, -1.0]])
    keys = np.array([[1.0, 1.0], [2.0, 0.3], [-1.0, 1.0], [0.4, -0.9]])
    once, longer = call(queries, keys), call(queries, keys * np.array([[20.0], [1.0], [0.1], [3.0]]))
    if once.tolist() != longer.tolist():
        return Broken("longer or shorter keys point the same way, so the answer should stay",
                      f"the positions {once.tolist()} become {longer.tolist()} when key 0 gets 20 times as "
                      "long, "
                      f"key 2 a tenth, key 3 three times")


def _opposite_is_far(call):
    places = call(np.array([[1.0, 0.0]]), np.array([[-3.0, 0.0], [-0.5, 1.0]]))
    if places[0] == 0:
        return Broken("the opposite direction is the least alike of all",
                      "nearest([[1.0, 0.0]], [[-3.0, 0.0], [-0.5, 1.0]]) gives 0, "
                      "the key that points the other way")


BATTERY = Battery(
    sizes=_drawn,
    without={**reasons.NO_BATCH, "scores": "the largest is taken, without an exponential", **reasons.PLAIN,
             **reasons.NUMPY},
)

NEAREST = Exercise(
    name="nearest",
    title="Find the nearest key of each query",
    notebook="01_dot_products",
    signature="nearest(queries, keys)",
    reference=nearest,
    arrays="numpy",
    returns=(Returns("positions", "(T,)"),),
    cases=_nearest_cases,
    probes=(
        Probe("one whole position for each query", _one_key_for_each_query),
        Probe("each vector finds itself", _finds_itself),
        Probe("the lengths of keys do not count", _length_of_keys_does_not_count),
        Probe("the opposite direction is not near", _opposite_is_far),
    ),
    battery=BATTERY,
    stages=nearest_by_stages,
    mistakes=(
        Mistake("longest-wins", changes={"compare": lambda q, k, m, n: q @ k.T},
                cause="The keys are not divided by their own lengths, so long keys win.",
                experiment="Make one key a hundred times as long and count how often it is found."),
        Mistake("missing-parentheses", changes={"compare": lambda q, k, m, n: q @ k.T / m * n.T},
                cause="It divides by one length and multiplies by the other: "
                      "`x / m * n` means `(x / m) * n`.",
                experiment="Compute `8 / 2 * 4` and `8 / (2 * 4)`."),
        Mistake("no-root", changes={"length": lambda x: (x**2).sum(axis=1, keepdims=True)},
                cause="It divides by the squared lengths, so short keys win: the square root is missing.",
                experiment="Make one key a hundred times as short and count how often it is found."),
        Mistake("sum-of-sizes", changes={"length": lambda x: np.abs(x).sum(axis=1, keepdims=True)},
                cause="It adds the sizes of the numbers up, but a length is the root of the sum of squares.",
                experiment="What length does your code find for the vector `[3.0, 4.0]`?"),
        Mistake("distances", changes={"compare": _far},
                cause="It looks for the smallest distance between the tips, which depends on the lengths.",
                experiment="Make the nearest key ten times as long: "
                           "its direction stays, its distance does not."),
        Mistake("without-sign", changes={"compare": lambda q, k, m, n: np.abs(q @ k.T / (m * n.T))},
                cause="It drops the minus signs, so a key in the opposite direction looks near.",
                experiment="Try the query `[1.0, 0.0]` with the keys `[-3.0, 0.0]` and `[0.5, 1.0]`."),
        Mistake("columns", changes={"axis": 0},
                cause="It goes down the columns: for each key it finds the best query.",
                experiment="Print the shape of your result for 2 queries and 3 keys."),
        Mistake("whole-table", changes={"axis": None},
                cause="It looks for one largest cosine in the whole table instead of one in each row.",
                experiment="Print the shape of your result for 2 queries: how many answers should there be?"),
        Mistake("farthest", changes={"pick": np.argmin},
                cause="It finds the smallest cosine of each row, the key that is least alike.",
                experiment="Print the cosines of one query and the one at the position that you found."),
        Mistake("best-cosine", changes={"pick": np.max},
                cause="It returns the largest cosines themselves, not the positions where they stand.",
                experiment="Use your result as an index: what does `vectors.words[0.9]` say?"),
        Mistake("ranking", changes={"pick": np.argsort},
                cause="It ranks all the keys of each query instead of picking one.",
                experiment="Print the shape of your result for 2 queries and 3 keys."),
        Mistake("counts-from-one", changes={"finish": lambda p: p + 1},
                cause="It counts positions from 1, but Python counts from 0.",
                experiment="Print `vectors.words[1]`: is that the first word?"),
        Mistake("first-query-only", changes={"finish": lambda p: p[0]},
                cause="It answers for the first query only: `queries[0]`, or a `return` inside the loop.",
                experiment="Count how often the line before your `return` runs."),
        Mistake("list", changes={"finish": lambda p: p.tolist()},
                cause="It returns a Python list where the task asks for a NumPy array.",
                experiment="Compare `type([1, 0])` with `type(np.array([1, 0]))`."),
        Mistake("decimals", changes={"finish": lambda p: p.astype(float)},
                cause="The positions are right, but stored as decimals: "
                      "`np.zeros` makes these unless told otherwise.",
                experiment="Try `vectors.words[1.0]`, then look up the argument `dtype` of `np.zeros`."),
        Mistake("keys-themselves", function=lambda q, k: k[nearest(q, k)],
                cause="It returns the keys that it found, not their positions.",
                experiment="Print `.shape` of your result: how many numbers does one query need?"),
        Mistake("starts-at-zero", function=_starts_at_zero,
                cause="The search begins with 0 as the best cosine, "
                      "so a key with a negative one is never taken.",
                experiment="Try one query whose cosine with every key is negative."),
        Mistake("never-reset", function=_never_reset,
                cause="The best cosine so far is kept from query to query, "
                      "so a query competes with those before it.",
                experiment="Print the best cosine so far at the beginning of each query: "
                           "what should it be there?"),
        Mistake("writes-into-keys", function=_writes_into_keys,
                cause="`keys /= ...` changes the caller's own array.",
                experiment="Print `keys` before and after the call, "
                           "then give the shortened keys a new name."),
        Mistake("no-keepdims", function=_no_keepdims,
                cause="The lengths lost their axis: (S,) stands under the columns of (S, d), "
                      "one row too few.",
                experiment="Print the shapes of `np.linalg.norm(keys, "
                           "axis=1)` with and without `keepdims=True`."),
        Mistake("no-keepdims-for-queries", function=_no_keepdims_queries_first,
                cause="The lengths lost their axis: (T,) stands under the columns of (T, d), "
                      "one row too few.",
                experiment="Print the shapes of `np.linalg.norm(queries, "
                           "axis=1)` with and without `keepdims=True`."),
    ),
    equivalents=(
        Equivalent("loop", _nearest_by_loop),
        Equivalent("both-normalised", nearest_by_stages),
        Equivalent("distance-of-directions", _distance_of_directions),
        Equivalent("einsum", lambda q, k: (np.einsum("td,sd->ts", q, k) / np.sqrt((k * k).sum(1))).argmax(1)),
    ),
    hints=(
        "Three steps: make every key as long as the others, score each query against each key, "
        "pick the best of each row.",
        "`keys / np.linalg.norm(keys, axis=1, keepdims=True)` gives each key the length 1. "
        "Why may the queries stay as they are?",
        "`keys = keys / np.linalg.norm(keys, axis=1, keepdims=True)`, then `return scores(queries, "
        "keys).argmax(axis=1)`.",
    ),
    minutes=8,
    core=False,
)

EXERCISES = (NEAREST,)
