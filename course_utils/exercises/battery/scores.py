"""Tables of scores that only a careful softmax turns into the right weights, and ways to put them in."""

import numpy as np

from course_utils.exercises.battery.values import numbers

__all__ = ["HIDDEN", "SCORES", "VALUES", "narrow", "one_hot", "queries_and_keys"]

# Square, so that they fit where the keys are the queries' own tokens as well. The best key of a row is so far ahead
# that digits which float32 loses in large scores change no weight.
SCORES = {
    "very large": [[1000.0, 1030.0], [1040.0, 1000.0]],
    "very negative": [[-2000.0, -2030.0], [-2040.0, -2000.0]],
    "rows far apart": [[800.0, 830.0], [-800.0, -840.0]],
}
_MILLIONS = 2.0**21  # whole numbers of this size are exact in float32
# The last key is hidden. Seen scores of the second lie far apart, so that `logsumexp` keeps its digits.
HIDDEN = {
    "hidden far above": [[0.0, 0.75, 141.0]] * 3,
    "hidden in the millions": [[-_MILLIONS, -_MILLIONS - 256, _MILLIONS]] * 3,
}
VALUES = [[10.0, 0.0], [20.0, 1.0], [90.0, 5.0]]


def queries_and_keys(table, arrays, scaled=True):
    """Give queries and keys of width 4 whose scores are the table, without a rounding error.

    Parameters
    ----------
    table : nested list, shape (T, S)
        Scores (no unit), S at most 4.
    arrays : {"numpy", "torch"}
    scaled : bool
        Whether the dot products are divided by the root of 4 afterwards.

    Returns
    -------
    q, k : arrays, shapes (T, 4) and (S, 4)
    """
    T, S = np.shape(table)
    q = np.zeros((T, 4))
    q[:, :S] = np.array(table) * (2.0 if scaled else 1.0)
    return numbers(q, arrays), numbers(np.eye(4)[:S], arrays)


def narrow(table, arrays):
    """Give queries and keys as `queries_and_keys` does, of width 1 where every query has the same scores.

    The root of 1 is 1, so that a forgotten scale does not show there. In the tables of `SCORES` it does not, either.
    """
    if any(row != table[0] for row in table):
        return queries_and_keys(table, arrays)
    return numbers(np.ones((len(table), 1)), arrays), numbers(np.array(table[0])[:, None], arrays)


def one_hot(table, values, d_model=None):
    """Give one-hot tokens and three matrices that make queries, keys and values of them, as float tensors.

    Parameters
    ----------
    table : nested list, shape (T, T)
        Scores (no unit), T at most 4.
    values : nested list, shape (T, d_v)
    d_model : int, optional
        Width of the tokens, and number of columns of each matrix; as narrow as possible if left out.

    Returns
    -------
    x, W_q, W_k, W_v : Tensors
        Of shapes (T, d_model), (d_model, d_k), (d_model, d_k) and (d_model, d_v).
    """
    width = d_model or len(table)
    made = [np.eye(len(table)), *queries_and_keys(table, "numpy"), np.array(values)]
    full = [np.zeros((len(m) if i == 0 else width, width if i == 0 else d_model or m.shape[1]))
            for i, m in enumerate(made)]
    for whole, part in zip(full, made):
        whole[:part.shape[0], :part.shape[1]] = part
    return tuple(numbers(m, "torch") for m in full)
