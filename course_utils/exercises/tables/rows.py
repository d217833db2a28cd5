"""Exercise of notebook 00: reading an attention table row by row."""

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.shared import rounded


def most_attended(weights):
    """Find, for each query, the position of the key that it gives the most weight.

    Parameters
    ----------
    weights : ndarray, shape (T, S)
        Attention weights (no unit): rows are queries, columns are keys.

    Returns
    -------
    ndarray of int, shape (T,)
        Positions from 0 to S - 1; the leftmost one where several keys share the largest weight.

    Examples
    --------
    >>> most_attended(np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])).tolist()
    [1, 0]
    """
    return weights.argmax(axis=1)


def attention_tables():
    """Attention tables whose rows sum to 1, none of them symmetric."""
    return (
        Case((np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]),), note="2 queries, 3 keys"),
        Case((np.array([[0.2, 0.5, 0.3], [0.1, 0.3, 0.6], [0.25, 0.1, 0.65]]),), note="3 queries, 3 keys"),
        Case((np.array([[0.2, 0.4, 0.4], [0.3, 0.3, 0.4]]),), note="two keys share the largest weight"),
    )


def table_of_size(sizes):
    """Draw an attention table (T, S), as the only argument."""
    e = np.exp(*normal(sizes.seed, (sizes.T, sizes.S)))
    return (e / e.sum(axis=1, keepdims=True),)


def without_self(weights):
    """Set the weight that a token gives itself to 0."""
    return np.where(np.eye(*weights.shape, dtype=bool), 0.0, weights)


def most_attended_by_stages(weights, *, table=lambda w: w, axis=1, pick=np.argmax, finish=lambda p: p):
    """Find the most attended key of each query, in stages that can be replaced one by one."""
    return finish(pick(table(weights), axis=axis))


def _never_reset(weights):
    largest, place, places = 0.0, 0, []
    for row in weights:
        for j, weight in enumerate(row):
            if weight > largest:
                largest, place = weight, j
        places.append(place)
    return np.array(places)


def _rightmost(w, axis):
    return w.shape[axis] - 1 - w[:, ::-1].argmax(axis)


def _as_many_keys_as_queries(weights):
    T = len(weights)
    return np.array([max(range(T), key=lambda j: weights[i, j]) for i in range(T)])


def _as_many_queries_as_keys(weights):
    return np.array([np.argmax(weights[i]) for i in range(weights.shape[1])])


def _from_one(weights):
    places = np.zeros(len(weights), dtype=int)
    for i in range(1, len(weights)):
        places[i] = 1 + weights[i, 1:].argmax() if weights.shape[1] > 1 else 0
    return places


def _every_largest(w):
    return np.where(w == w.max(axis=1, keepdims=True))[1]


def _loop_over_everything(weights):
    places = np.zeros(len(weights), dtype=int)
    for i in range(len(weights)):
        for j in range(weights.shape[1]):
            if weights[i, j] > weights[i, places[i]]:
                places[i] = j
    return places


def _one_position_for_each_query(call):
    weights = np.array([[0.4, 0.35, 0.25], [0.2, 0.3, 0.5]])
    places = call(weights)
    if places.shape != (2,):
        return Broken("a table with 2 rows has 2 queries, so the result should have shape (2,)",
                      f"most_attended({rounded(weights)}) has shape {places.shape}",
                      "Print `.shape` of your result, and say in words what each of its numbers is.")
    for place in places:
        if not 0 <= place < 3:
            return Broken("the keys of a table with 3 columns have the positions 0, 1 and 2",
                          f"most_attended({rounded(weights)}) contains {place}")


def _positions_are_whole(call):
    weights = np.array([[0.4, 0.35, 0.25], [0.2, 0.3, 0.5]])
    places = call(weights)
    if places.dtype.kind not in "iu":
        return Broken("positions should be whole numbers, because `tokens[1.0]` is no position in a list",
                      f"most_attended({rounded(weights)}) holds numbers of dtype {places.dtype}",
                      "Give the array that you fill `dtype=int`.")


def _no_key_of_the_row_has_more(call):
    weights = np.array([[0.5, 0.3, 0.1, 0.1], [0.2, 0.15, 0.25, 0.4]])
    for i, (row, place) in enumerate(zip(weights, call(weights), strict=True)):
        if row.max() > row[int(place)]:
            return Broken("in its own row, no key should have more weight than the one that was found",
                          f"row {i} of {rounded(weights)}: position {place} has {row[int(place)]:.2f}, "
                          f"but position {row.argmax()} has {row.max():.2f}")


def _queries_do_not_meet(call):
    weights = np.array([[0.1, 0.8, 0.1], [0.5, 0.2, 0.3]])
    alone, together = call(weights[1:])[0], call(weights)[1]
    if alone != together:
        return Broken("the answer for a query should not depend on the other rows",
                      f"{rounded(weights[1])} gives {alone} in a table of its own, "
                      f"but {together} below {rounded(weights[0])}")


def _leftmost_of_equals(call):
    places = call(np.array([[0.2, 0.4, 0.4]]))
    if places[0] == 2:
        return Broken("where two keys share the largest weight, the left one is asked for",
                      "most_attended([[0.2, 0.4, 0.4]]) gives position 2 instead of 1")


BATTERY = Battery(
    sizes=table_of_size,
    without={**reasons.NO_BATCH, "scores": "weights go in, not scores", **reasons.PLAIN, **reasons.NUMPY},
)

MOST_ATTENDED = Exercise(
    name="most_attended",
    title="Find the key that each query attends to most",
    notebook="00_start",
    signature="most_attended(weights)",
    reference=most_attended,
    arrays="numpy",
    returns=(Returns("positions", "(T,)"),),
    cases=attention_tables,
    probes=(
        Probe("one position for each query", _one_position_for_each_query),
        Probe("no other key of the row has more weight", _no_key_of_the_row_has_more),
        Probe("a query's answer does not depend on other queries", _queries_do_not_meet),
        Probe("of keys with equal weight the left one is taken", _leftmost_of_equals),
        Probe("positions are whole numbers", _positions_are_whole),
    ),
    battery=BATTERY,
    stages=most_attended_by_stages,
    mistakes=(
        Mistake("columns", changes={"axis": 0},
                cause="It reads the table by columns: for each key it finds a query, "
                      "but the rows are the queries.",
                experiment="Print `weights[0]`: what one query gives to all keys, "
                           "or what all queries give to one?"),
        Mistake("whole-table", changes={"axis": None},
                cause="It looks for one largest weight in the whole table instead of one in each row.",
                experiment="Print `weights.argmax()` and `weights.shape`: how many answers should there be?"),
        Mistake("largest-weight", changes={"pick": np.max},
                cause="It returns the largest weights themselves, not the positions where they stand.",
                experiment="Use your result as an index: what does `dog.tokens[0.7]` say?"),
        Mistake("least-attended", changes={"pick": np.argmin},
                cause="It finds the key with the smallest weight of each row.",
                experiment="Print `weights[0]` and the weight at the position that you found."),
        Mistake("ranking", changes={"pick": np.argsort},
                cause="It ranks all the keys of each row instead of picking one.",
                experiment="Print `np.argsort(weights[0])`: "
                           "which of its numbers belongs to the largest weight?"),
        Mistake("rightmost-of-equals", changes={"pick": _rightmost},
                cause="Where two keys share the most weight, it takes the right one (`>=`, "
                      "or the end of a ranking).",
                experiment="Try a row with two equal weights, `[0.4, 0.4, 0.2]`, "
                           "and say which position you want."),
        Mistake("self-left-out", changes={"table": without_self},
                cause="It leaves out the weight that a token gives itself, which counts like any other.",
                experiment="Try a table in which the first query gives 0.8 to the first key."),
        Mistake("last-key-left-out", changes={"table": lambda w: w[:, :-1]},
                cause="It never looks at the last column: a loop that ends one step too early.",
                experiment="Print every position `j` that your loop visits, "
                           "and compare with `weights.shape[1]`."),
        Mistake("first-key-left-out", changes={"table": lambda w: w[:, 1:], "finish": lambda p: p + 1},
                cause="It never takes the key at position 0: the search begins at the second column.",
                experiment="Try the single row `[0.9, 0.1]`."),
        Mistake("loops-from-one", function=_from_one,
                cause="Both loops begin at 1, so row 0 and column 0 are never looked at: Python counts from 0.",
                experiment="Print every `i` and `j` that your loops visit; then try `range(3)` beside `range(1, 3)`."),
        Mistake("rows-from-one", changes={"finish": lambda p: np.where(np.arange(p.shape[0]) > 0, p, 0)
                                          if p.ndim == 1 else p},
                cause="The loop over the rows begins at 1, so row 0 is never looked at: Python counts from 0.",
                experiment="Print every `i` that your loop visits; then try `range(3)` beside `range(1, 3)`."),
        Mistake("ties-appended", function=_every_largest,
                cause="Where several keys share the largest weight, it gives all of them: more positions than queries.",
                experiment="Try a row with two equal weights, `[0.4, 0.4, 0.2]`, and print how many positions come "
                "back."),
        Mistake("counts-from-one", changes={"finish": lambda p: p + 1},
                cause="It counts positions from 1, but Python counts from 0.",
                experiment="Print `dog.tokens[1]`: is that the first token?"),
        Mistake("first-row-only", changes={"finish": lambda p: p[0]},
                cause="It answers for the first query only: "
                      "`weights[0]`, or a `return` inside the loop over rows.",
                experiment="Count how often the line before your `return` runs."),
        Mistake("last-row-only", changes={"finish": lambda p: p[-1]},
                cause="Each turn of the loop overwrites the answer before, so only the last query's is left.",
                experiment="Collect the answers: start with an empty list and append to it in each turn."),
        Mistake("extra-axis", changes={"finish": lambda p: p[:, None]},
                cause="The positions are right, but they stand in a column of shape (T, 1) instead of (T,).",
                experiment="Print `.shape` of your result."),
        Mistake("list", changes={"finish": lambda p: p.tolist()},
                cause="It returns a Python list where the task asks for a NumPy array.",
                experiment="Compare `type([1, 0])` with `type(np.array([1, 0]))`."),
        Mistake("marks", changes={"pick": lambda w, axis: (w == w.max(axis, keepdims=True)).astype(int)},
                cause="It marks the largest weights with 1 in a table instead of giving their positions.",
                experiment="Print `.shape` of your result: how many numbers does one query need?"),
        Mistake("decimals", changes={"finish": lambda p: p.astype(float)},
                cause="The positions are right, but stored as decimals: "
                      "`np.zeros` makes these unless told otherwise.",
                experiment="Try `dog.tokens[1.0]`, then look up the argument `dtype` of `np.zeros`."),
        Mistake("over-half", function=lambda w: np.where(w > 0.5)[1],
                cause="It looks for weights above a bound, but the largest of a row can be small.",
                experiment="Try the row `[0.3, 0.3, 0.4]`."),
        Mistake("never-reset", function=_never_reset,
                cause="The largest weight so far is kept from row to row, "
                      "so a row is compared with those before it.",
                experiment="Print the largest weight so far at the beginning of each row: "
                           "what should it be there?"),
        Mistake("as-many-keys-as-queries", function=_as_many_keys_as_queries,
                cause="It looks at T keys in each row, but there are S: the number of columns, not of rows.",
                experiment="Try a table of 1 row and 4 columns and print how many keys your function looks "
                           "at."),
        Mistake("as-many-queries-as-keys", function=_as_many_queries_as_keys,
                cause="It goes through S rows, but there are T: the number of rows, not of columns.",
                experiment="Compare `weights.shape[0]` and `weights.shape[1]` for a table of 2 rows and 3 "
                           "columns."),
    ),
    equivalents=(
        Equivalent("loop-and-append", lambda w: np.array([int(np.argmax(row)) for row in w])),
        Equivalent("two-loops", _loop_over_everything),
        Equivalent("transposed-first", lambda w: w.T.argmax(axis=0)),
        Equivalent("last-axis", lambda w: np.argmax(w, axis=-1)),
        Equivalent("list-index", lambda w: np.array([row.index(max(row)) for row in w.tolist()])),
        Equivalent("sorted-descending", lambda w: np.argsort(-w, axis=1, kind="stable")[:, 0]),
    ),
    hints=(
        "Point at one row of the table: all its numbers belong to one query. "
        "Which of them is the largest, and where does it stand?",
        "NumPy has a function that finds the position of the largest number, `np.argmax`. "
        "Its argument `axis` says along which axis to look: here, along the keys.",
        "`return weights.argmax(axis=1)`. Axis 1 runs along the columns, so the search stays inside one row.",
    ),
    minutes=8,
)

EXERCISES = (MOST_ATTENDED,)
