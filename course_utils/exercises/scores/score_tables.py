"""Exercise of notebook 01: every query against every key."""

import math

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.shared import rounded


def scores(q, k):
    """Compute the dot product of every query with every key.

    Parameters
    ----------
    q : ndarray, shape (..., T, d_k)
        Queries (no unit).
    k : ndarray, shape (..., S, d_k)
        Keys (no unit), with the same leading axes as `q`.

    Returns
    -------
    ndarray, shape (..., T, S)
        Scores (no unit): row i belongs to query i, column j to key j.

    Examples
    --------
    >>> scores(np.array([[1.0, 0.0]]), np.array([[2.0, 5.0], [3.0, 7.0]])).tolist()
    [[2.0, 3.0]]
    """
    return q @ k.swapaxes(-1, -2)


def _score_cases():
    return (
        Case((np.array([[1.0, 0.0], [2.0, 1.0]]), np.array([[1.0, 2.0], [0.0, 3.0], [-1.0, 1.0]])),
             note="2 queries, 3 keys"),
    )


def scores_by_stages(q, k, *, left=lambda q, k: q, right=lambda q, k: k, turn=lambda k: k.swapaxes(-1, -2),
                     finish=lambda s, q, k: s):
    """Compute a table of scores in stages that can be replaced one by one."""
    return finish(left(q, k) @ turn(right(q, k)), q, k)


def _cosines(s, q, k):
    return s / np.linalg.norm(q, axis=-1)[..., :, None] / np.linalg.norm(k, axis=-1)[..., None, :]


def _distances(s, q, k):
    return (q**2).sum(-1)[..., :, None] + (k**2).sum(-1)[..., None, :] - 2 * s


def _unpacks_two_axes(q, k):
    T, _ = q.shape
    return np.array([[q[i] @ k[j] for j in range(len(k))] for i in range(T)])


def _counts_first_axes(q, k):
    table = np.zeros((len(q), len(k)))
    for i in range(len(q)):
        for j in range(len(k)):
            table[i, j] = q[i] @ k[j]
    return table


def _two_or_three_axes(q, k):
    return q @ k.transpose(0, 2, 1) if q.ndim == 3 else q @ k.T


def _every_pair_in_turn(q, k):
    table = np.zeros((*q.shape[:-1], k.shape[-2]))
    for *lead, i, j in np.ndindex(table.shape):
        table[(*lead, i, j)] = (q[(*lead, i)] * k[(*lead, j)]).sum()
    return table


def _rows_for_queries(call):
    table = call(np.ones((2, 4)), np.ones((3, 4)))
    if table.shape != (2, 3):
        return Broken("the table should have a row for each query and a column for each key",
                      f"2 queries and 3 keys of width 4 give the shape {table.shape} instead of (2, 3)",
                      "Print the shape of each step of your code for these sizes.")


def _single_one_picks(call):
    k = np.array([[3.0, -1.0, 2.0], [0.5, 4.0, -2.0]])
    for i, q in enumerate(np.eye(3)):
        row = call(q[None], k)[0]
        if not np.allclose(row, k[:, i], atol=1e-6):
            return Broken("a query of zeros with a single 1 should pick one number out of each key",
                          f"q = [{rounded(q)}], k = {rounded(k)} should give [{rounded(k[:, i])}], "
                          f"got [{rounded(row)}]")


def _a_key_moves_its_column(call):
    q, k = np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 2.0], [-1.0, 3.0]])
    other = k.copy()
    other[1] = [4.0, -3.0]
    moved = np.abs(call(q, other) - call(q, k)) > 1e-9
    if moved[:, [0, 2]].any() or not moved[:, 1].all():
        return Broken("another key 1 should change column 1 and nothing else",
                      "with key 1 changed from [0.0, 2.0] to [4.0, -3.0], these entries change: "
                      f"{moved.tolist()}")


def _items_do_not_meet(call):
    rng = np.random.default_rng(4)
    q, k = rng.normal(size=(2, 3, 4)).round(1), rng.normal(size=(2, 5, 4)).round(1)
    table = call(q, k)
    if table.shape != (2, 3, 5):
        return Broken("a batch of 2 should give 2 tables",
                      f"q of shape (2, 3, 4) and k of shape (2, 5, 4) give {table.shape} instead of (2, 3, "
                      "5)")
    alone = call(q[1], k[1])
    if not np.allclose(table[1], alone, atol=1e-6):
        return Broken("each item of a batch should get the table that it gets alone",
                      f"table 1 begins with {rounded(table[1, 0, :2])}, "
                      f"computed alone with {rounded(alone[0, :2])}")


BATTERY = Battery(
    own=lambda: [("", Case(normal(3, (3, 2, 3), (3, 3, 3)), note="a batch of 3, with 2 queries and 3 keys each"))],
    sizes=lambda s: normal(s.seed, (*s.lead, s.T, s.d_k), (*s.lead, s.S, s.d_k)),
    without={"scores": reasons.COMES_OUT, **reasons.PLAIN, **reasons.NUMPY},
)

SCORES = Exercise(
    name="scores",
    title="Score every query against every key",
    notebook="01_dot_products",
    signature="scores(q, k)",
    reference=scores,
    arrays="numpy",
    returns=(Returns("scores", "(..., T, S)"),),
    cases=_score_cases,
    probes=(
        Probe("a row for each query, a column for each key", _rows_for_queries),
        Probe("a query with a single 1 picks a number out of each key", _single_one_picks),
        Probe("a key moves its own column only", _a_key_moves_its_column),
        Probe("the items of a batch do not meet", _items_do_not_meet),
    ),
    battery=BATTERY,
    stages=scores_by_stages,
    mistakes=(
        Mistake("not-turned", changes={"turn": lambda k: k},
                cause="The keys are not transposed, so rows of q meet columns of k, which are no keys.",
                experiment="Write the two shapes side by side: which axes have to meet in a matrix product?"),
        Mistake("reshaped", changes={"turn": lambda k: k.reshape(*k.shape[:-2], k.shape[-1], k.shape[-2])},
                cause="`reshape` reads the numbers on in the same order: "
                      "the shape fits, but keys are cut up and mixed.",
                experiment="Compare `k.reshape(d_k, S)` and `k.T` for `np.array([[1, 2], [3, 4], [5, 6]])`."),
        Mistake("capital-t", changes={"turn": lambda k: k.T},
                cause="`.T` turns all the axes around, "
                      "those of the batch too; it is right for two axes only.",
                experiment="Print `np.zeros((2, 5, 4)).T.shape`."),
        Mistake("first-two-axes", changes={"turn": lambda k: k.swapaxes(0, 1)},
                cause="It swaps axes 0 and 1, but in a batch these are not the last two.",
                experiment="Print `np.zeros((2, 5, 4)).swapaxes(0, 1).shape`, and count axes from the end."),
        Mistake("axes-one-and-two", changes={"turn": lambda k: k.swapaxes(1, 2)},
                cause="It swaps axes 1 and 2, which are the last two only where there are exactly three "
                      "axes.",
                experiment="Count the axes from the end: what are the numbers of the last two?"),
        Mistake("three-axes-only", changes={"turn": lambda k: k.transpose(0, 2, 1)},
                cause="`transpose(0, 2, 1)` names three axes, so it fits arrays of exactly three axes.",
                experiment="Try it on a single table of keys, without a batch."),
        Mistake("table-transposed", changes={"finish": lambda s, q, k: s.swapaxes(-1, -2)},
                cause="The table lies on its side: rows belong to keys and columns to queries.",
                experiment="Print the shape for 2 queries and 3 keys: is it (2, 3)?"),
        Mistake("queries-with-queries", changes={"right": lambda q, k: q},
                cause="The queries are compared with each other, and the keys are never used.",
                experiment="Change a key and watch the table."),
        Mistake("keys-with-keys", changes={"left": lambda q, k: k},
                cause="The keys are compared with each other, and the queries are never used.",
                experiment="Change a query and watch the table."),
        Mistake("scaled", changes={"finish": lambda s, q, k: s / math.sqrt(q.shape[-1])},
                cause="The scores are divided by the square root of d_k: "
                      "right in notebook 04, not asked for here.",
                experiment="Work one score out by hand."),
        Mistake("mean", changes={"finish": lambda s, q, k: s / q.shape[-1]},
                cause="The products are averaged instead of added: everything is divided by d_k.",
                experiment="Work one score out by hand."),
        Mistake("cosines", changes={"finish": _cosines},
                cause="The lengths are divided out: these are cosines, but the task asks for dot products.",
                experiment="Make one key ten times as long: its scores should grow."),
        Mistake("softmaxed", changes={"finish": lambda s, q, k: softmax(s)},
                cause="The rows were turned into weights that sum to 1, "
                      "which is one step further than asked.",
                experiment="Work one score out by hand."),
        Mistake("without-sign", changes={"finish": lambda s, q, k: np.abs(s)},
                cause="It drops the minus signs of the scores.",
                experiment="Try a query and its opposite as the key."),
        Mistake("distances", changes={"finish": _distances},
                cause="It measures squared distances, which are small where vectors are alike.",
                experiment="Try a query that equals a key: a score of 0 means no likeness at all."),
        Mistake("first-query-only", changes={"finish": lambda s, q, k: s[..., 0, :]},
                cause="Only the first query gets its scores: `q[0]`, or a `return` inside the loop.",
                experiment="Count how often the line before your `return` runs."),
        Mistake("pairs-only", function=lambda q, k: (q * k).sum(axis=-1),
                cause="It pairs query i with key i only, but every query should meet every key.",
                experiment="Count the scores for 2 queries and 3 keys."),
        Mistake("number-by-number", function=lambda q, k: q * k,
                cause="`*` multiplies number by number; it makes no sums, and each query meets one key only.",
                experiment="Compare `a * b` and `a @ b` for two vectors."),
        Mistake("np-dot-of-t", function=lambda q, k: np.dot(q, k.T),
                cause="`.T` turns all the axes around and `np.dot` pairs every item with every other: "
                      "both are right for two axes only.",
                experiment="Print `np.zeros((2, 5, 4)).T.shape`."),
        Mistake("np-dot", function=lambda q, k: np.dot(q, k.swapaxes(-1, -2)),
                cause="In a batch, `np.dot` and `np.inner` pair every item's queries with the keys of every "
                      "other item.",
                experiment="Compare the shapes of `np.dot(x, y)` and `x @ y` for x (2, 3, 4) and y (2, 4, "
                           "5)."),
        Mistake("three-letters", function=lambda q, k: np.einsum("btd,bsd->bts", q, k),
                cause="The letters of `einsum` name exactly three axes.",
                experiment="Look up what `...` means in `np.einsum`."),
        Mistake("two-letters", function=lambda q, k: np.einsum("td,sd->ts", q, k),
                cause="The letters of `einsum` name exactly two axes.",
                experiment="Look up what `...` means in `np.einsum`."),
        Mistake("two-or-three-axes", function=_two_or_three_axes,
                cause="It knows two axes and three axes, but not four.",
                experiment="Which one expression swaps the last two axes, however many stand before them?"),
        Mistake("two-axes-only", function=_unpacks_two_axes,
                cause="`T, d_k = q.shape` works for exactly two axes.",
                experiment="Try `q.shape[-2]` on arrays with two and with three axes."),
        Mistake("counts-first-axis", function=_counts_first_axes,
                cause="`len` counts the first axis, which in a batch counts the items, not the queries.",
                experiment="Print `len(np.zeros((2, 3, 4)))`."),
    ),
    equivalents=(
        Equivalent("einsum", lambda q, k: np.einsum("...td,...sd->...ts", q, k)),
        Equivalent("loops", _every_pair_in_turn),
        Equivalent("spread-and-add", lambda q, k: (q[..., :, None, :] * k[..., None, :, :]).sum(axis=-1)),
        Equivalent("turned-afterwards", lambda q, k: (k @ q.swapaxes(-1, -2)).swapaxes(-1, -2)),
        Equivalent("moveaxis", lambda q, k: np.matmul(q, np.moveaxis(k, -1, -2))),
    ),
    hints=(
        "In a matrix product the last axis of the left array meets the last but one of the right array. "
        "Which two axes of `k` have to change places?",
        "`k.T` is right for two axes. For a batch, swap the last two axes only, and count them from the end: "
        "-1 and -2.",
        "`return q @ k.swapaxes(-1, -2)`.",
    ),
    minutes=10,
)

EXERCISES = (SCORES,)
