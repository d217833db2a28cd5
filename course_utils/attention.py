"""Attention, as the course builds it: the one reference everything else is compared with.

Letters: ``T`` query positions, ``S`` key positions, ``d_k`` width of queries and keys, ``d_v`` width
of values; any number of leading axes (batch, heads) may stand before them. A mask is boolean and
True means "may attend". Every function takes NumPy arrays or PyTorch tensors, gives back the same
kind, and never writes into its arguments.
"""

import math

import numpy as np

from course_utils.shapes import check_shape, check_whole

__all__ = ["causal_mask", "padding_mask", "scaled_dot_product_attention", "softmax"]


def softmax(x, axis=-1):
    """Turn scores into weights: positive numbers that sum to 1 along an axis.

    Parameters
    ----------
    x : ndarray or Tensor, any shape with at least one axis
        Scores (no unit). ``-inf`` gets weight 0.
    axis : int, default -1
        The axis along which the weights sum to 1.

    Returns
    -------
    ndarray or Tensor, the shape of `x`
        Weights between 0 and 1 (no unit). Where every score is ``-inf``, every weight is 0.

    Raises
    ------
    ValueError
        If `x` is no floating-point array, has no axis or has no such axis.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    xp = _namespace("x", x)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis should be an axis of x with shape {tuple(x.shape)}, got {axis}")
    # Subtracting the largest score changes no weight and keeps exp from overflowing.
    largest = xp.amax(x, axis=axis, keepdims=True)
    e = xp.exp(x - xp.where(largest == -math.inf, 0.0, largest))
    total = e.sum(axis=axis, keepdims=True)
    return e / xp.where(total == 0, 1.0, total)


def scaled_dot_product_attention(q, k, v, mask=None):
    """Compute softmax(Q K^T / sqrt(d_k)) V and the weights it used.

    Parameters
    ----------
    q : ndarray or Tensor, shape (..., T, d_k)
        Queries (no unit).
    k : ndarray or Tensor, shape (..., S, d_k)
        Keys (no unit).
    v : ndarray or Tensor, shape (..., S, d_v)
        Values (no unit).
    mask : boolean ndarray or Tensor, broadcastable to (..., T, S), optional
        True where a query may attend to a key.

    Returns
    -------
    output : ndarray or Tensor, shape (..., T, d_v)
        For each query, the average of the values under its weights.
    weights : ndarray or Tensor, shape (..., T, S)
        Each row sums to 1; the row of a query that may attend to no key is 0.

    Raises
    ------
    ValueError
        If a shape does not fit or `mask` is not boolean.

    References
    ----------
    Vaswani et al. (2017), "Attention Is All You Need", equation 1.

    Examples
    --------
    >>> q, k, v = np.ones((1, 2)), np.ones((3, 2)), np.array([[0.0], [3.0], [6.0]])
    >>> output, weights = scaled_dot_product_attention(q, k, v)
    >>> output, weights.shape
    (array([[3.]]), (1, 3))
    """
    xp = _namespace("q", q)
    sizes = check_shape("q", q, "... T d_k")
    sizes = check_shape("k", k, "... S d_k", d_k=sizes["d_k"])
    check_shape("v", v, "... S d_v", S=sizes["S"])
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(sizes["d_k"])  # (..., T, S)
    if mask is not None:
        scores = xp.where(_fitting(mask, scores), scores, -math.inf)
    weights = softmax(scores)  # (..., T, S)
    return weights @ v, weights


def causal_mask(T):
    """Let each position attend to itself and to what stands before it.

    Parameters
    ----------
    T : int
        Number of positions (tokens).

    Returns
    -------
    boolean Tensor, shape (T, T)
        True where key position j <= query position i.

    Raises
    ------
    ValueError
        If `T` is not a whole number from 1.

    Examples
    --------
    >>> causal_mask(3).int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    import torch

    check_whole("T", T, 1)
    return torch.ones(T, T, dtype=torch.bool).tril()


def padding_mask(lengths, S):
    """Hide the padding after each sequence of a batch.

    Parameters
    ----------
    lengths : sequence of int or Tensor, shape (B,)
        Number of real tokens of each sequence.
    S : int
        Number of key positions, padding included (tokens).

    Returns
    -------
    boolean Tensor, shape (B, 1, 1, S)
        True on real tokens; broadcasts over heads and queries.

    Raises
    ------
    ValueError
        If a length is not a whole number from 0 to `S`, or `S` is not one from 1.

    Examples
    --------
    >>> padding_mask([1, 3], 3)[:, 0, 0].int().tolist()
    [[1, 0, 0], [1, 1, 1]]
    """
    import torch

    check_whole("S", S, 1)
    lengths = torch.as_tensor(lengths)
    if lengths.is_floating_point() or lengths.dtype == torch.bool or lengths.ndim != 1:
        raise ValueError(f"lengths should be whole numbers of shape (B,), got {lengths.tolist()}")
    if ((lengths < 0) | (lengths > S)).any():
        raise ValueError(f"lengths should lie between 0 and S={S}, got {lengths.tolist()}")
    return (torch.arange(S) < lengths[:, None])[:, None, None, :]


def _namespace(name, x):
    """Give the library whose functions work on x: NumPy or PyTorch name them alike."""
    if isinstance(x, np.ndarray):
        xp, floating = np, x.dtype.kind == "f"
    elif type(x).__module__.split(".")[0] == "torch" or hasattr(x, "is_floating_point"):
        import torch

        xp, floating = torch, x.is_floating_point()
    else:
        raise ValueError(f"{name} should be a NumPy array or a PyTorch tensor, got {type(x).__name__}")
    if not floating or x.ndim == 0:
        raise ValueError(f"{name} should hold floating-point numbers on at least one axis, "
                         f"got {x.dtype} of shape {tuple(x.shape)}")
    return xp


def _fitting(mask, scores):
    """Give the mask back if it is boolean and broadcasts to the scores."""
    dtype = str(getattr(mask, "dtype", type(mask).__name__))
    if dtype.split(".")[-1] != "bool" or not hasattr(mask, "shape"):
        raise ValueError(f"mask should be a boolean array (True = may attend), got {dtype}")
    if isinstance(mask, np.ndarray) and not isinstance(scores, np.ndarray):
        raise ValueError("mask should be a PyTorch tensor as q, k and v are, got a NumPy array: "
                         "torch.from_numpy(mask) is one")
    wanted, got = tuple(scores.shape), tuple(mask.shape)
    # The mask may not have more axes than the scores: it would silently add some to the output.
    if len(got) > len(wanted) or any(g not in (1, w) for g, w in zip(got[::-1], wanted[::-1])):
        raise ValueError(f"mask should broadcast to the scores of shape {wanted}, got {got}")
    return mask
