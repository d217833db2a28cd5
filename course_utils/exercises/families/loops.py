"""Attention in plain loops, one weight after the other: right in every exercise that attends, and the slowest way."""

import math

__all__ = ["attend_in_loops", "heads_in_loops", "merged_in_loops"]


def attend_in_loops(q, k, v, mask=None):
    """Attend with one query at a time to one key at a time.

    Parameters
    ----------
    q, k, v : Tensors, shapes (..., T, d_k), (..., S, d_k) and (..., S, d_v)
    mask : boolean Tensor, broadcastable to (..., T, S), optional
        True where a query may attend.

    Returns
    -------
    output, weights : Tensors, shapes (..., T, d_v) and (..., T, S)
    """
    import torch

    if mask is not None:
        mask = torch.broadcast_to(mask, (*q.shape[:-1], k.shape[-2]))
    if q.ndim > 2:
        masks = mask if mask is not None else [None] * len(q)
        outputs, tables = zip(*(attend_in_loops(*item) for item in zip(q, k, v, masks)))
        return torch.stack(outputs), torch.stack(tables)
    outputs, tables = [], []
    for i, query in enumerate(q):
        seen = [j for j in range(len(k)) if mask is None or mask[i, j]]
        scores = [(query @ k[j]) / math.sqrt(len(query)) for j in seen]
        terms = [torch.exp(score - max(s.detach() for s in scores)) for score in scores]
        weights, output = [0 * v[0, 0]] * len(k), 0 * v[0]
        for j, term in zip(seen, terms):
            weights[j] = term / sum(terms)
            output = output + weights[j] * v[j]
        tables.append(torch.stack(weights))
        outputs.append(output)
    return torch.stack(outputs), torch.stack(tables)


def heads_in_loops(x, n_heads):
    """Cut x (B, T, d_model) into heads (B, H, T, d_k), one head after the other."""
    import torch

    if x.shape[-1] % n_heads:
        raise ValueError("n_heads should divide d_model")
    d_k = x.shape[-1] // n_heads
    return torch.stack([x[:, :, h * d_k:(h + 1) * d_k] for h in range(n_heads)], dim=1)


def merged_in_loops(heads):
    """Put heads (B, H, T, d_k) side by side, one after the other: (B, T, H * d_k)."""
    import torch

    return torch.cat([heads[:, h] for h in range(heads.shape[1])], dim=-1)
