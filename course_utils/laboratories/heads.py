"""The laboratory of notebook 07: layers with several heads that learn, five of them with a fault."""

import math
from functools import cache

from course_utils.laboratories.lab import Lab
from course_utils.laboratories.parts import RIGHT, Kind, LabProbe

__all__ = ["heads_lab"]

B, T, D_MODEL, HEADS = 1, 5, 12, 3  # the probes' inputs: sequences, tokens, features, heads


def _split(x, H):
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


def _merge(heads):
    return heads.transpose(1, 2).flatten(2)


def layer_with(*, split=_split, divisor=lambda d_k, d_model: math.sqrt(d_k), axis=-1, merge=_merge,
               finish=lambda merged, W_o: merged @ W_o):
    """Give a layer with several heads, some of its steps replaced."""

    def attend(x, W_q, W_k, W_v, W_o, n_heads):
        q, k, v = (split(x @ W, n_heads) for W in (W_q, W_k, W_v))
        scores = q @ k.transpose(-2, -1) / divisor(q.shape[-1], x.shape[-1])  # (B, H, T, T)
        weights = scores.softmax(axis)
        return finish(merge(weights @ v), W_o), weights

    return attend


def _kind(name, sign, probe, **steps):
    return Kind(name, lambda: layer_with(**steps), sign, probe)


KINDS = (
    _kind(RIGHT, "passes every probe", ""),
    _kind("view without transpose", "has heads that cannot see key 2", "look",
          split=lambda x, H: x.reshape(x.shape[0], H, x.shape[1], -1)),
    _kind("merge without transpose", "gives token 0 nothing but head 0", "slices",
          merge=lambda heads: heads.reshape(heads.shape[0], heads.shape[2], -1)),
    _kind("heads reversed", "puts head 0 last", "slices",
          merge=lambda heads: _merge(heads.flip(1))),
    _kind("features interleaved", "spreads each head over all thirds", "slices",
          merge=lambda heads: heads.permute(0, 2, 3, 1).flatten(2)),
    _kind("scaled by sqrt(d_model)", "has one log-ratio for every d_k", "ratio",
          divisor=lambda d_k, d_model: math.sqrt(d_model)),
    _kind("softmax over the heads", "gives key 2 the weight 1/3 in each of 3 heads", "look", axis=1),
    _kind("W_o missing", "ignores W_o", "mix", finish=lambda merged, W_o: merged),
)


def _ratio(layer):
    """The logarithm of w1 / w2 in head 0, for dot products 1 and -1, with 1, 4 and 16 heads over 16 features."""
    import torch

    x, unit = torch.zeros(1, 2, 16), torch.eye(16)
    x[0, :, 0] = torch.tensor([1.0, -1.0])  # the only feature in use lies in head 0, however many there are
    found = {}
    for H in (1, 4, 16):
        weights = layer(x, unit, unit, unit, unit, H)[1]
        found[f"d_k = {16 // H}"] = (weights[0, 0, 0, 0] / weights[0, 0, 0, 1]).log()
    return found


def _look(layer):
    """The weight of a key that every query of every head prefers by far."""
    import torch

    x, unit = torch.ones(B, T, D_MODEL), torch.eye(D_MODEL)
    x[:, 2] = 9.0
    weights = layer(x, unit, unit, unit, unit, HEADS)[1]
    return {f"head {h}": weights[0, h, :, 2] for h in range(HEADS)}


def _order(layer):
    """How far the outputs of tokens 0 to 2 move when the other two tokens are put before them."""
    x, *matrices = _draw()
    before, after = layer(x, *matrices, HEADS)[0], layer(x.roll(2, dims=1), *matrices, HEADS)[0].roll(-2, dims=1)
    return {"tokens 0 to 2": (after - before)[0, :3].norm(dim=-1)}


def _slices(layer):
    """Which third of output 0 moves when 1 is added to the values of one head."""
    import torch

    x, W_q, W_k, W_v, _ = _draw()
    x[..., -1] = 1.0  # a feature that is always 1: a row of W_v that is added to every value
    before = layer(x, W_q, W_k, W_v, torch.eye(D_MODEL), HEADS)[0]
    found = {}
    for h in range(HEADS):
        raised = W_v.clone()
        raised[-1, 4 * h: 4 * h + 4] += 1.0
        after = layer(x, W_q, W_k, raised, torch.eye(D_MODEL), HEADS)[0]
        found[f"head {h} + 1"] = (after - before)[0, 0].unflatten(-1, (HEADS, -1)).mean(-1)
    return found


def _mix(layer):
    """By which factor the output grows when W_o does."""
    x, *matrices, W_o = _draw()
    size = layer(x, *matrices, W_o, HEADS)[0].norm()
    return {f"W_o times {factor}": layer(x, *matrices, factor * W_o, HEADS)[0].norm() / size for factor in (2, 0)}


def _draw():
    import torch

    generator = torch.Generator().manual_seed(7)
    x = torch.randn(B, T, D_MODEL, generator=generator)
    return x, *(torch.randn(4, D_MODEL, D_MODEL, generator=generator) / math.sqrt(D_MODEL))


PROBES = (
    LabProbe("ratio", "Dot products 1 and -1 in head 0: what is log(w1/w2)? It should be 2/sqrt(d_k): 0.5, 1 and 2.",
             _ratio),
    LabProbe("look", "All queries prefer key 2: how much weight do queries 0 to 4 give it? 1, in each head.", _look),
    LabProbe("order", "Tokens 3 and 4 go to the front: do the other outputs change? They should move by 0.", _order),
    LabProbe("slices", "1 is added to the values of one head: which third of output 0 moves? Its own, by 1.", _slices),
    LabProbe("mix", "W_o is doubled, or made 0: by which factor does the output grow? By 2, and by 0.", _mix),
)


def _train(layer):
    from course_utils.laboratories.partners import train_partners

    return train_partners(layer)


@cache
def heads_lab():
    """Open the laboratory of notebook 07.

    Returns
    -------
    Lab
        Layers ``attend(x, W_q, W_k, W_v, W_o, n_heads) -> (output, weights)`` behind the letters A to F.

    Examples
    --------
    >>> lab = heads_lab()
    >>> lab.labels, lab.probes
    (('A', 'B', 'C', 'D', 'E', 'F'), ('ratio', 'look', 'order', 'slices', 'mix'))
    """
    return Lab(kinds=KINDS, probes=PROBES, train=_train, seed=7,
               hidden=(RIGHT, "view without transpose", "merge without transpose", "heads reversed",
                       "scaled by sqrt(d_model)", "W_o missing"))
