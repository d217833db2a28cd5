"""Linear attention in two forms, as a table of weights and as running sums: part of the bank, shown in no cell."""

from importlib import import_module

__all__ = ["by_running_sums", "by_table", "feature"]


def __getattr__(name):
    """Give `cost`, which homework that was handed out imports from here."""
    if name == "cost":
        return import_module(f"{__package__}.cost").cost
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def feature(x):
    """Map queries or keys to positive numbers: elu(x) + 1, which is x + 1 above 0 and exp(x) below.

    Parameters
    ----------
    x : Tensor, any shape

    Returns
    -------
    Tensor, the shape of `x`
    """
    import torch

    return torch.nn.functional.elu(x) + 1


def _covered(table):
    return table.tril()


def _divided(weights, v, table):
    return weights @ v / weights.sum(dim=-1, keepdim=True)


def by_table(q, k, v, *, features=lambda q, k: (feature(q), feature(k)),
             compare=lambda phi_q, phi_k: phi_q @ phi_k.transpose(-2, -1), cover=_covered, average=_divided,
             give=lambda output: output):
    """Linear attention by way of its table of weights, in stages that can be replaced one by one.

    Parameters
    ----------
    q, k : Tensor, shape (..., T, D)
    v : Tensor, shape (..., T, Dv)

    Returns
    -------
    Tensor, shape (..., T, Dv)
    """
    table = compare(*features(q, k))  # (..., T, T)
    return give(average(cover(table), v, table))


def by_running_sums(q, k, v, block=64):
    """Linear attention by two running sums: what is kept from block to block does not grow with the sequence.

    Parameters
    ----------
    q, k : Tensor, shape (..., T, D)
    v : Tensor, shape (..., T, Dv)
    block : int
        How many tokens are done at once, to save steps of Python (tokens).

    Returns
    -------
    Tensor, shape (..., T, Dv)

    Examples
    --------
    >>> import torch
    >>> q, k, v = torch.randn(3, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(by_running_sums(q, k, v, block=2), by_table(q, k, v), atol=1e-5)
    True
    """
    import torch

    phi_q, phi_k, outputs = feature(q), feature(k), []
    state, total = 0, 0  # (..., 1, D, Dv) and (..., 1, D): sums over all tokens of the blocks before
    for at in range(0, q.shape[-2], block):
        query, key, value = (x[..., at:at + block, :] for x in (phi_q, phi_k, v))
        states = state + (key[..., :, None] * value[..., None, :]).cumsum(-3)  # (..., block, D, Dv)
        totals = total + key.cumsum(-2)  # (..., block, D)
        sums = (query[..., None, :] @ states)[..., 0, :]  # (..., block, Dv)
        outputs.append(sums / (query * totals).sum(-1, keepdim=True))
        state, total = states[..., -1:, :, :], totals[..., -1:, :]
    return torch.cat(outputs, dim=-2)
