"""Exercise of notebook 00: reading an attention table column by column."""

import numpy as np

from course_utils.checks import Broken, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.tables.rows import attention_tables, table_of_size, without_self


def attention_received(weights):
    """Find how much weight each key gets, on average over the queries.

    Parameters
    ----------
    weights : ndarray, shape (T, S)
        Attention weights (no unit): rows are queries, columns are keys.

    Returns
    -------
    ndarray, shape (S,)
        Mean weight of each key (no unit).

    Examples
    --------
    >>> attention_received(np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]])).round(2).tolist()
    [0.3, 0.45, 0.25]
    """
    return weights.mean(axis=0)


def attention_received_by_stages(weights, *, table=lambda w: w, axis=0, collect=np.mean, finish=lambda r: r):
    """Average the weights that each key gets, in stages that can be replaced one by one."""
    return finish(collect(table(weights), axis=axis))


def _averages_in_turn(w, axis):
    average = w[0]
    for row in w[1:]:
        average = (average + row) / 2
    return average


def _adds_into_the_table(weights):
    total = weights[0]
    for row in weights[1:]:
        total += row
    return total / len(weights)


def _wins(w, axis):
    return np.bincount(w.argmax(axis=1), minlength=w.shape[1]) / len(w)


def _add_row_by_row(weights):
    total = np.zeros(weights.shape[1])
    for row in weights:
        total = total + row
    return total / len(weights)


def _add_number_by_number(weights):
    T, S = weights.shape
    means = []
    for j in range(S):
        total = 0.0
        for i in range(T):
            total += weights[i, j]
        means.append(total / T)
    return np.array(means)


def _shares_sum_to_one(call):
    weights = np.array([[0.6, 0.3, 0.1], [0.2, 0.1, 0.7]])
    received = call(weights)
    if received.shape != (3,):
        return Broken("a table with 3 columns has 3 keys, so the result should have shape (3,)",
                      f"attention_received({rounded(weights)}) has shape {received.shape}",
                      "Print `.shape` of your result, and say in words what each of its numbers is.")
    if abs(received.sum() - 1) > 1e-6:
        return Broken("each query gives away a total of 1, so the averages of all keys should make 1 too",
                      f"attention_received({rounded(weights)}) is {rounded(received)}: "
                      f"in all {received.sum():.2f}")


def _equal_queries_give_their_row(call):
    row = np.array([0.1, 0.6, 0.3])
    received = call(np.array([row, row]))
    if received.shape != (3,) or not np.allclose(received, row, atol=1e-6):
        return Broken("when every query has the same weights, these are also the averages",
                      f"two rows {rounded(row)} give {rounded(received)}")


def _order_of_queries_does_not_count(call):
    weights = np.array([[0.6, 0.3, 0.1], [0.2, 0.1, 0.7], [0.1, 0.1, 0.8]])
    forwards, backwards = call(weights), call(weights[::-1])
    if not np.allclose(forwards, backwards, atol=1e-6):
        return Broken("the order of the queries should not matter for an average over them",
                      f"{rounded(weights)} gives {rounded(forwards)}, "
                      f"with its rows reversed {rounded(backwards)}")


def _order_of_keys_is_kept(call):
    weights = np.array([[0.5, 0.5, 0.0], [0.9, 0.1, 0.0]])
    for order in ([0, 1, 2], [2, 0, 1]):
        received = call(weights[:, order])
        unseen = order.index(2)
        if abs(received[unseen]) > 1e-6:
            return Broken("a key that no query gives any weight should receive 0",
                          f"column {unseen} of {rounded(weights[:, order])} is 0, "
                          f"but it gives {rounded(received)}")


BATTERY = Battery(
    sizes=table_of_size,
    without={**reasons.NO_BATCH, "scores": "weights go in, not scores", **reasons.PLAIN, **reasons.NUMPY},
)

ATTENTION_RECEIVED = Exercise(
    name="attention_received",
    title="Find how much attention each key receives",
    notebook="00_start",
    signature="attention_received(weights)",
    reference=attention_received,
    arrays="numpy",
    returns=(Returns("received", "(S,)"),),
    cases=attention_tables,
    probes=(
        Probe("the averages of all keys sum to 1", _shares_sum_to_one),
        Probe("equal queries give their own row back", _equal_queries_give_their_row),
        Probe("the order of the queries does not matter", _order_of_queries_does_not_count),
        Probe("a key without any weight receives 0, wherever it stands", _order_of_keys_is_kept),
    ),
    battery=BATTERY,
    stages=attention_received_by_stages,
    mistakes=(
        Mistake("rows", changes={"axis": 1},
                cause="It averages each row, so it answers for the queries; a key is a column.",
                experiment="Average one row by hand: why does every row of this table give the same number?"),
        Mistake("whole-table", changes={"axis": None},
                cause="It averages the whole table into one number.",
                experiment="Print `.shape` of your result: how many keys are there?"),
        Mistake("not-divided", changes={"collect": np.sum},
                cause="It adds the weights of each column up but does not divide by the number of queries.",
                experiment="Try a table of two equal rows: what is the average of two equal numbers?"),
        Mistake("divided-by-keys", changes={"collect": lambda w, axis: w.sum(axis) / w.shape[1]},
                cause="It divides by the number of keys, but it has added one number for each query.",
                experiment="Count how many numbers you add up for one key, "
                           "in a table of 2 rows and 3 columns."),
        Mistake("largest", changes={"collect": np.max},
                cause="It takes the largest weight of each column, not the average.",
                experiment="Work the first column out by hand."),
        Mistake("wins", changes={"collect": _wins},
                cause="It counts how often a key has the largest weight of a row, "
                      "so all smaller weights are lost.",
                experiment="Try the single row `[0.4, 0.6]`: what does the first key receive?"),
        Mistake("averages-in-turn", changes={"collect": _averages_in_turn},
                cause="It averages the result so far with each new row, so the last row alone counts half.",
                experiment="Average 0, 0 and 1 in your way, and by hand."),
        Mistake("first-row-only", changes={"collect": lambda w, axis: w[0] / len(w)},
                cause="It ends after the first query: the `return` stands inside the loop.",
                experiment="Count how often the line that adds runs."),
        Mistake("last-row-only", changes={"collect": lambda w, axis: w[-1] / len(w)},
                cause="Each row replaces the total instead of being added to it.",
                experiment="Print the total after each row."),
        Mistake("first-row-twice", changes={"collect": lambda w, axis: (w[0] + w.sum(axis)) / len(w)},
                cause="The total starts as the first row, and then the loop adds the first row again.",
                experiment="Try a table of one row: the result should be that row."),
        Mistake("first-query", changes={"collect": lambda w, axis: w[0]},
                cause="It returns row 0: what one query gives, not what a key receives from all of them.",
                experiment="Change row 1 of the table and watch the result."),
        Mistake("adds-into-the-table", function=_adds_into_the_table,
                cause="The total is row 0 of the table itself, and `+=` writes into it.",
                experiment="Print `weights` before and after the call, and look up `.copy()`."),
        Mistake("self-left-out", changes={"table": without_self},
                cause="It leaves out the weight that a token gives itself, which counts like any other.",
                experiment="Sum your result: where has the rest of the 1 gone?"),
        Mistake("extra-axis", changes={"finish": lambda r: r[None, :]},
                cause="The averages are right, but they stand in a row of shape (1, S) instead of (S,).",
                experiment="Print `.shape` of your result, and look for `keepdims`."),
        Mistake("column", changes={"finish": lambda r: r[:, None]},
                cause="The averages are right, but they stand in a column of shape (S, 1) instead of (S,).",
                experiment="Print `.shape` of your result; a product with an array of shape (T, 1) keeps that 1."),
        Mistake("list", changes={"finish": lambda r: r.tolist()},
                cause="It returns a Python list where the task asks for a NumPy array.",
                experiment="Compare `type([0.5, 0.5])` with `type(np.array([0.5, 0.5]))`."),
        Mistake("ranked", changes={"finish": lambda r: np.sort(r)[::-1]},
                cause="The averages are sorted by size, so nobody can tell which key each belongs to.",
                experiment="Compare the first number of your result with the first column."),
        Mistake("position", changes={"finish": np.argmax},
                cause="It returns where the largest average stands, not the averages.",
                experiment="Print what you have one line earlier."),
    ),
    equivalents=(
        Equivalent("row-by-row", _add_row_by_row),
        Equivalent("loops", _add_number_by_number),
        Equivalent("sum-divided", lambda w: w.sum(axis=0) / w.shape[0]),
        Equivalent("transposed-first", lambda w: np.array([np.mean(column) for column in w.T])),
        Equivalent("matrix-product", lambda w: np.full(len(w), 1 / len(w)) @ w),
        Equivalent("einsum", lambda w: np.einsum("ts->s", w) / len(w)),
    ),
    hints=(
        "This time point at one column: all its numbers belong to one key. Which numbers do you average?",
        "`np.mean` takes an argument `axis`, and that axis disappears from the shape. "
        "From (T, S) only S should be left.",
        "`return weights.mean(axis=0)`. Axis 0 runs down the rows, so each average stays inside one column.",
    ),
    minutes=6,
)

EXERCISES = (ATTENTION_RECEIVED,)
