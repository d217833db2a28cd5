"""The right masks of the assignment, from which the exercises and their wrong answers are made."""

import numpy as np

__all__ = ["packed_causal_mask", "prefix_lm_mask", "sliding_window_mask"]


def packed_causal_mask(lengths):
    """Let each token attend to itself and to the earlier tokens of its own sequence.

    Parameters
    ----------
    lengths : sequence of int, length B
        Number of tokens of each sequence; 0 is allowed (tokens).

    Returns
    -------
    boolean ndarray, shape (T, T)
        True = may attend; T is the sum of `lengths`.

    Examples
    --------
    >>> packed_causal_mask([1, 2]).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    """
    owner = np.repeat(np.arange(len(lengths)), lengths)  # (T,) which sequence a token belongs to
    place = np.arange(len(owner))
    return (owner[:, None] == owner) & (place <= place[:, None])


def sliding_window_mask(T, window, S=None):
    """Let each query attend to the last `window` keys up to its own place.

    Parameters
    ----------
    T : int
        Number of queries (tokens).
    window : int
        How many keys a query may see, its own included; at least 1 (tokens).
    S : int, optional
        Number of keys, at least `T`, the queries being the last `T` of them; `T` if left out (tokens).

    Returns
    -------
    boolean ndarray, shape (T, S)
        True = may attend.

    Examples
    --------
    >>> sliding_window_mask(3, 2).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    >>> sliding_window_mask(1, 2, S=4).astype(int).tolist()
    [[0, 0, 1, 1]]
    """
    S = T if S is None else S
    back = np.arange(S - T, S)[:, None] - np.arange(S)  # (T, S) how far the key lies before the query
    return (back >= 0) & (back < window)


def prefix_lm_mask(prefix_lengths, lengths, S):
    """Let a prefix attend to itself in both directions and the rest to what stands before it.

    Parameters
    ----------
    prefix_lengths : sequence of int, length B
        Number of tokens of each prefix, from 0 to the length of its sentence (tokens).
    lengths : sequence of int, length B
        Number of real tokens of each sentence, the prefix included, from 0 to `S` (tokens).
    S : int
        Number of places, padding included (tokens).

    Returns
    -------
    boolean ndarray, shape (B, 1, S, S)
        True = may attend. Rows and columns of padding are False.

    Examples
    --------
    >>> prefix_lm_mask([2], [3], 4)[0, 0].astype(int).tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    """
    place = np.arange(S)
    prefix = place < np.asarray(prefix_lengths)[:, None]  # (B, S)
    real = place < np.asarray(lengths)[:, None]  # (B, S)
    seen = (place <= place[:, None]) | prefix[:, None, :]  # (B, S, S)
    return (seen & real[:, :, None] & real[:, None, :])[:, None]
