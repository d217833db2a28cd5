"""Attention that costs less than a table of weights: what it takes, the same output by parts, and other functions."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

__all__ = ["attention_cost", "in_parts", "linear_attention", "merge_parts", "table_attention", "window_attention"]


def attention_cost(B, H, T, S, d_k, d_v, size=4):
    """Count what attention over a table takes, before anything is computed.

    Parameters
    ----------
    B, H, T, S, d_k, d_v : int
        Items, heads, queries, keys, and the widths of queries and values.
    size : int
        Bytes of one number (bytes).

    Returns
    -------
    multiplications : int
        In the two matrix products (no unit).
    table : int
        Of one table of weights for each head of each item (bytes).
    cache : int
        Of all keys and values (bytes).

    Examples
    --------
    >>> attention_cost(1, 1, 10, 10, 4, 4)
    (800, 400, 320)
    """
    cells = B * H * T * S
    return cells * (d_k + d_v), cells * size, B * H * S * (d_k + d_v) * size


def table_attention(q, k, v):
    """Attend with a whole table of weights.

    Parameters
    ----------
    q : Tensor, shape (..., T, d_k)
    k, v : Tensor, shapes (..., S, d_k) and (..., S, d_v)

    Returns
    -------
    Tensor, shape (..., T, d_v)
    """
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1) @ v


def merge_parts(output_a, log_sum_a, output_b, log_sum_b):
    """Make the attention over two parts of the keys into that over all of them.

    Parameters
    ----------
    output_a, output_b : Tensor, shape (..., T, d_v)
        What attention gives for the keys of each part alone.
    log_sum_a, log_sum_b : Tensor, shape (..., T)
        For each query log(sum of exp(score)) over the keys of that part; -inf where it sees none of them.

    Returns
    -------
    output : Tensor, shape (..., T, d_v)
    log_sum : Tensor, shape (..., T)
        The same two for all keys. Where a query sees no key at all, 0 and -inf.

    References
    ----------
    Dao et al. (2022), "FlashAttention", section 3.1, where maximum and sum are kept apart.

    Examples
    --------
    >>> one, zero = torch.tensor([[10.0]]), torch.tensor([0.0])
    >>> merge_parts(one, zero, 2 * one, zero)[0]
    tensor([[15.]])
    """
    largest = torch.maximum(log_sum_a, log_sum_b)
    base = largest.masked_fill(largest == -math.inf, 0.0)  # -inf - -inf is no number
    share_a, share_b = (log_sum_a - base).exp(), (log_sum_b - base).exp()  # (..., T)
    total = share_a + share_b  # from 1 to 2, or 0
    output = share_a[..., None] * output_a + share_b[..., None] * output_b
    return output / total.clamp(min=1)[..., None], base + total.log()


def in_parts(q, k, v, size=128, merge=merge_parts):
    """Attend to the keys part by part: no table is wider than a part.

    Parameters
    ----------
    q : Tensor, shape (..., T, d_k)
    k, v : Tensor, shapes (..., S, d_k) and (..., S, d_v)
    size : int
        Keys in a part (tokens).
    merge : callable
        As `merge_parts`.

    Returns
    -------
    Tensor, shape (..., T, d_v)
    """
    whole = None
    for at in range(0, k.shape[-2], size):
        scores = q @ k[..., at:at + size, :].mT / math.sqrt(q.shape[-1])  # (..., T, size)
        log_sum = scores.logsumexp(-1)
        part = (scores - log_sum[..., None]).exp() @ v[..., at:at + size, :], log_sum
        whole = merge(*whole, *part) if whole else part
    return whole[0]


def window_attention(q, k, v, width):
    """Attend to the last keys only: each token sees itself and those just before it.

    Parameters
    ----------
    q, k : Tensor, shape (..., T, d_k)
    v : Tensor, shape (..., T, d_v)
    width : int
        Keys that a query sees, itself included (tokens); the first queries see fewer.

    Returns
    -------
    Tensor, shape (..., T, d_v)
    """
    T = q.shape[-2]
    width = min(width, T)
    places = torch.arange(T)[:, None] + torch.arange(1 - width, 1)  # (T, width)
    near = places.clamp(min=0)
    scores = (k[..., near, :] @ q[..., None]).squeeze(-1) / math.sqrt(q.shape[-1])  # (..., T, width)
    weights = scores.masked_fill(places < 0, -math.inf).softmax(-1)
    return (weights[..., None, :] @ v[..., near, :]).squeeze(-2)


def linear_attention(q, k, v):
    """Attend to all keys with the weights phi(q) . phi(k) over their sum: no query meets a key.

    Parameters
    ----------
    q : Tensor, shape (..., T, d_k)
    k, v : Tensor, shapes (..., S, d_k) and (..., S, d_v)

    Returns
    -------
    Tensor, shape (..., T, d_v)

    References
    ----------
    Katharopoulos et al. (2020), "Transformers are RNNs", equation 6, without the causal sums.
    """
    phi_q, phi_k = F.elu(q) + 1, F.elu(k) + 1
    return phi_q @ (phi_k.mT @ v) / (phi_q @ phi_k.sum(-2)[..., None])
