"""The laboratory of notebook 13: six ways to make one vector of a text, five of them with a fault."""

from functools import cache

from course_utils.laboratories.lab import Lab
from course_utils.laboratories.parts import RIGHT, Kind, LabProbe

__all__ = ["pooler_lab"]


def pooler_with(*, tokens=lambda x: x, pool=None, seen=lambda real: real, out=None):
    """Give a pooler, some of its steps replaced."""
    import torch.nn.functional as F

    def average(x, real):
        return (x * real[..., None]).sum(1) / real.sum(1, keepdim=True).clamp(min=1)

    pool = pool or average
    out = out or (lambda v: F.normalize(v, dim=-1))

    def pooler(x, real):
        return out(pool(tokens(x) + 0 * real[..., None], seen(real)))

    return pooler


def _normalised(x):
    return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-9)


def _less_the_mean(v):
    return _normalised(v - v.mean(0, keepdim=True) / 2)


def _kind(name, sign, probe, **steps):
    return Kind(name, lambda: pooler_with(**steps), sign, probe)


KINDS = (
    _kind(RIGHT, "passes every probe", ""),
    _kind("first token only", "sees the first token", "shares", pool=lambda x, real: x[:, 0]),
    _kind("last token only", "sees the last token", "shares",
          pool=lambda x, real: x[range(len(x)), (real.sum(1) - 1).clamp(min=0)]),
    _kind("largest taken", "counts equals once", "shares",
          pool=lambda x, real: x.masked_fill(~real[..., None], -1e9).amax(1)),
    _kind("tokens normalised", "shrinks long tokens", "shares", tokens=_normalised),
    _kind("padding counted", "moves with the padding", "padding", seen=lambda real: real | True),
    _kind("length left", "has another length", "length", out=lambda v: v),
    _kind("others subtracted", "moves with others", "neighbour", out=_less_the_mean),
)


def _texts():
    """Two texts of four places with six features; the second one has a padded place."""
    import torch

    unit = torch.eye(6)
    return (torch.stack([torch.stack([5 * unit[0], unit[1], unit[1], unit[2]]),
                         torch.stack([unit[3], unit[4], 2 * unit[4], 3 * unit[5]])]),
            torch.tensor([[True] * 4, [True, True, True, False]]))


def _shares(pooler):
    """Text 0 holds 5 times the first feature, twice the second, once the third: their shares in the vector."""
    vector = pooler(*_texts())[0].detach()
    return {"features 0 to 2": vector[:3] / vector.abs().sum().clamp(min=1e-9)}


def _moved(pooler, where):
    x, real = _texts()
    changed = x.clone()
    changed[where] += 2.0
    return (pooler(changed, real) - pooler(x, real)).norm(dim=-1)


def _padding(pooler):
    return {"text 1": _moved(pooler, (1, 3))[1:]}


def _neighbour(pooler):
    return {"text 0": _moved(pooler, (1, slice(0, 3)))[:1]}


def _length(pooler):
    return {"texts 0, 1": pooler(*_texts()).norm(dim=-1)}


PROBES = (
    LabProbe("shares", "Four tokens hold 5, 1, 1, 1 of features 0, 1, 1, 2: their shares in the vector? "
                       "0.625, 0.250, 0.125.", _shares),
    LabProbe("padding", "The features of a padded place change: how far does the vector of its text move? By 0.",
             _padding),
    LabProbe("neighbour", "Another text of the batch changes: how far does the vector of text 0 move? By 0.",
             _neighbour),
    LabProbe("length", "How long is the vector of each text? 1.", _length),
)


def _train(pooler):
    from course_utils.laboratories.subjects import train_subjects

    return train_subjects(pooler)


@cache
def pooler_lab():
    """Open the laboratory of notebook 13.

    Returns
    -------
    Lab
        Functions ``pooler(x, real) -> vectors`` behind the letters A to F.

    Examples
    --------
    >>> lab = pooler_lab()
    >>> lab.labels, lab.probes
    (('A', 'B', 'C', 'D', 'E', 'F'), ('shares', 'padding', 'neighbour', 'length'))
    """
    return Lab(kinds=KINDS, probes=PROBES, train=_train, seed=13,
               hidden=(RIGHT, "first token only", "largest taken", "padding counted",
                       "length left", "others subtracted"))
