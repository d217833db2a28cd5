"""The laboratory of notebook 04: attention functions that learn to recall, three of them with a fault."""

import math
from functools import cache

from course_utils.attention import scaled_dot_product_attention
from course_utils.laboratories.lab import Lab
from course_utils.laboratories.parts import RIGHT, Kind, LabProbe

__all__ = ["attention_lab"]


def attention_with(*, divisor=lambda d_k: math.sqrt(d_k), axis=-1, shrink=lambda d_k: 1.0, values=lambda k, v: v):
    """Give an attention function with some of its steps replaced."""

    def attend(q, k, v):
        d_k = q.shape[-1]
        scores = q @ k.transpose(-1, -2) / divisor(d_k)  # (..., T, S)
        weights = scores.softmax(dim=axis) / shrink(d_k)
        return weights @ values(k, v), weights

    return attend


def _faulty(name, sign, probe, **steps):
    return Kind(name, lambda: attention_with(**steps), sign, probe)


KINDS = (
    Kind(RIGHT, lambda: scaled_dot_product_attention, "does what each probe asks for"),
    _faulty("no scale", "shares out 1 and has the log-ratio 2 whatever d_k is", "ratio", divisor=lambda d_k: 1.0),
    _faulty("divided by d_k", "has a log-ratio that falls by 4 when d_k grows by 4", "ratio",
            divisor=lambda d_k: d_k),
    _faulty("scaled after the softmax", "shares out only 1/sqrt(d_k) for each query", "sums",
            divisor=lambda d_k: 1.0, shrink=math.sqrt),
    _faulty("softmax over the queries", "shares out 1 for each key, over the queries", "sums", axis=-2),
    _faulty("softmax over the batch", "has other weights when an item joins the batch", "company", axis=0),
    _faulty("values from the keys", "moves with the keys and not with the values", "shift",
            values=lambda k, v: k),
)


def _sums(layer):
    """Sums of one table of weights along each axis."""
    q, k, v = _draw((2, 3, 4), (2, 5, 4), (2, 5, 2))
    _, weights = layer(q, k, v)
    return {"each query, over the keys": weights[0].sum(-1), "each key, over the queries": weights[0].sum(-2)}


def _ratio(layer):
    """The logarithm of w1 / w2 for one query and two keys whose dot products are 3 and 1, at three widths."""
    import torch

    found = {}
    for d_k in (1, 4, 16):
        q = torch.ones(1, 1, d_k)
        k = torch.tensor([3.0, 1.0])[None, :, None].expand(1, 2, d_k) / d_k  # q . k is 3 and 1 at every width
        _, weights = layer(q, k, torch.zeros(1, 2, 1))
        found[f"d_k = {d_k}"] = (weights[0, 0, 0] / weights[0, 0, 1]).log()
    return found


def _company(layer):
    """The weights of one query alone, beside other queries, and beside another item of the batch."""
    q, k, v = _draw((2, 3, 4), (2, 4, 4), (2, 4, 2))
    alone, queries, items = layer(q[:1, :1], k[:1], v[:1])[1], layer(q[:1], k[:1], v[:1])[1], layer(q, k, v)[1]
    return {"alone": alone[0, 0], "with 2 more queries": queries[0, 0], "with 1 more item": items[0, 0]}


def _shift(layer):
    """How far the output moves when 1 is added to every value, and when 1 is added to every key."""
    q, k, v = _draw((2, 3, 4), (2, 5, 4), (2, 5, 4))
    output = layer(q, k, v)[0]
    moved = {"values + 1": layer(q, k, v + 1)[0], "keys + 1": layer(q, k + 1, v)[0]}
    return {name: (new - output)[0, 0] for name, new in moved.items()}


def _draw(*shapes, seed=4):
    import torch

    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


PROBES = (
    LabProbe("ratio", "Dot products 3 and 1: what is log(w1/w2)? It should be 2/sqrt(d_k), so 2, 1 and 0.5.", _ratio),
    LabProbe("sums", "What do the weights sum to? Each query should share out exactly 1 over the keys.", _sums),
    LabProbe("company", "Do the weights of one query change in company? Each query should stand alone.", _company),
    LabProbe("shift", "How far does the output move? With the values by 1; not at all with the keys.", _shift),
)


def _train(layer):
    from course_utils.laboratories.recall import train_recall

    return train_recall(layer)


@cache
def attention_lab():
    """Open the laboratory of notebook 04.

    Returns
    -------
    Lab
        Layers ``attend(q, k, v) -> (output, weights)`` behind the letters A to D.

    Examples
    --------
    >>> lab = attention_lab()
    >>> lab.labels, lab.probes
    (('A', 'B', 'C', 'D'), ('ratio', 'sums', 'company', 'shift'))
    """
    return Lab(kinds=KINDS, probes=PROBES, train=_train, seed=4,
               hidden=(RIGHT, "divided by d_k", "softmax over the queries", "values from the keys"))
