"""The laboratory of notebook 12: attention that takes its keys part by part, five times with a fault."""

import math
from functools import cache

from course_utils.laboratories.lab import Lab
from course_utils.laboratories.parts import RIGHT, Kind, LabProbe

__all__ = ["parts_lab"]

SIZE = 4  # keys in a part


def in_parts_with(*, merge=None, end=lambda S: S, start=None, sums=lambda scores: scores.logsumexp(-1)):
    """Give attention over parts of the keys, some of its steps replaced."""
    from course_utils.models.cheap_attention import merge_parts

    def attend(q, k, v):
        whole = None
        if start:
            whole = start(q, k, v)
        for at in range(0, end(k.shape[-2]), SIZE):
            scores = q @ k[..., at:at + SIZE, :].mT / math.sqrt(q.shape[-1])  # (..., T, SIZE)
            log_sum = sums(scores)
            part = (scores - log_sum[..., None]).exp() @ v[..., at:at + SIZE, :], log_sum
            whole = (merge or merge_parts)(*whole, *part) if whole else part
        return whole[0]

    return attend


def _averaged():
    """Each part counts alike; the log_sum counts them."""
    def attend(q, k, v):
        from course_utils.models.cheap_attention import table_attention

        parts = [slice(at, at + SIZE) for at in range(0, k.shape[-2], SIZE)]
        return sum(table_attention(q, k[..., part, :], v[..., part, :]) for part in parts) / len(parts)

    return attend


def _larger_kept(output_a, log_sum_a, output_b, log_sum_b):
    from course_utils.models.cheap_attention import merge_parts

    return merge_parts(output_a, log_sum_a, output_b, log_sum_b)[0], log_sum_a.maximum(log_sum_b)


def _larger_only(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    return (torch.where((log_sum_a > log_sum_b)[..., None], output_a, output_b), log_sum_a.maximum(log_sum_b))


def _zeros(q, k, v):
    """A start with the sum 1: as if there were one more key, with the score 0 and the value 0."""
    zeros = q.new_zeros(*q.shape[:-1], v.shape[-1])
    return zeros, zeros[..., 0]


def _first_part(q, k, v):
    scores = q @ k[..., :SIZE, :].mT / math.sqrt(q.shape[-1])
    return scores.softmax(-1) @ v[..., :SIZE, :], scores.logsumexp(-1)


def _kind(name, sign, probe, **steps):
    return Kind(name, lambda: in_parts_with(**steps), sign, probe)


KINDS = (
    _kind(RIGHT, "passes every probe", ""),
    Kind("parts averaged", _averaged, "shares out alike", "shares"),
    _kind("rest dropped", "never sees a short part", "rest", end=lambda S: S // SIZE * SIZE),
    _kind("larger log_sum kept", "favours the third part", "shares", merge=_larger_kept),
    _kind("largest part only", "leaves one part all", "shares", merge=_larger_only),
    _kind("first part twice", "favours the first part", "shares", start=_first_part),
    _kind("start counts as a key", "pulls towards 0", "ones", start=_zeros),
    _kind("no maximum subtracted", "is NaN for large scores", "far", sums=lambda scores: scores.exp().sum(-1).log()),
)


def _attend(layer, scores, values):
    """The output for one query that has these scores."""
    import torch

    k, v = torch.tensor(scores)[None, :, None], torch.tensor(values)[None]
    return layer(torch.ones(1, 1, 1), k, v)[0, 0]


def _shares(layer):
    """Three parts of 4 keys; those of the third count double. How much of the weight each part gets."""
    scores = [0.0] * 8 + [math.log(2.0)] * 4
    values = [[float(i // SIZE == part) for part in range(3)] for i in range(12)]
    return {"parts 1 to 3": _attend(layer, scores, values)}


def _rest(layer):
    """Ten keys alike: the weight of the last two, which fill no part."""
    return {"the last two of ten": _attend(layer, [0.0] * 10, [[float(i > 7)] for i in range(10)])}


def _ones(layer):
    """Every value is 1."""
    return {f"{S} keys": _attend(layer, [0.0] * S, [[1.0]] * S) for S in (4, 8)}


def _far(layer):
    """Every value is 1, and all scores are far from 0."""
    return {f"scores of {shift:+.0f}": _attend(layer, [shift] * 8, [[1.0]] * 8) for shift in (200.0, -200.0)}


PROBES = (
    LabProbe("shares", "12 keys, those of the third part count double: what does each part get? 0.25 0.25 0.50.",
             _shares),
    LabProbe("rest", "Ten keys alike, in parts of 4: which weight have the last two together? They should have 0.20.",
             _rest),
    LabProbe("ones", "Scores of 0, and every value is 1: what comes out? 1.00 both times.", _ones),
    LabProbe("far", "Every value is 1, and the scores are far from 0: what comes out? 1.00 both times.", _far),
)


def _train(layer):
    from course_utils.laboratories.recall import train_recall

    return train_recall(lambda q, k, v: (layer(q, k, v), None))


@cache
def parts_lab():
    """Open the laboratory of notebook 12.

    Returns
    -------
    Lab
        Attention ``attend(q, k, v) -> output``, which takes its keys in parts of 4, behind the letters A to F.

    Examples
    --------
    >>> lab = parts_lab()
    >>> lab.labels, lab.probes
    (('A', 'B', 'C', 'D', 'E', 'F'), ('shares', 'rest', 'ones', 'far'))
    """
    return Lab(kinds=KINDS, probes=PROBES, train=_train, seed=12,
               hidden=(RIGHT, "parts averaged", "rest dropped", "larger log_sum kept", "start counts as a key",
                       "no maximum subtracted"))
