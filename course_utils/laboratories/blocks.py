"""The laboratory of notebook 09: blocks that learn, five of them with a fault."""

from functools import cache

from course_utils.laboratories.lab import Lab
from course_utils.laboratories.parts import RIGHT, Kind, LabProbe

__all__ = ["block_lab"]

B, T, D_MODEL = 1, 4, 6  # the probes' inputs: sequences, tokens, features


def block_with(*, norms=lambda a, b: (a, b), told=lambda mask: mask, first=lambda x, found: x + found,
               into=lambda x, start: x, second=lambda x, found, start: x + found, after=False):
    """Give a block, some of its steps replaced."""

    def block(x, attend, feed_forward, norm_1, norm_2, mask=None):
        norm_1, norm_2 = norms(norm_1, norm_2)
        start = x
        if after:
            x = norm_1(x + attend(x, mask=told(mask))[0])
            return norm_2(x + feed_forward(x))
        x = first(x, attend(norm_1(x), mask=told(mask))[0])
        return second(x, feed_forward(norm_2(into(x, start))), start)

    return block


def _kind(name, sign, probe, **steps):
    return Kind(name, lambda: block_with(**steps), sign, probe)


KINDS = (
    _kind(RIGHT, "passes every probe", ""),
    _kind("no residual around attention", "loses x itself", "silent",
          first=lambda x, found: found),
    _kind("attention lost", "drops what attention found", "found",
          second=lambda x, found, start: start + found),
    _kind("steps side by side", "hides what attention found", "found",
          into=lambda x, start: start),
    _kind("norms after the steps", "lets attention see raw features", "seen", after=True),
    _kind("one norm for both", "never runs norm 2", "seen", norms=lambda a, b: (a, a)),
    _kind("norms exchanged", "runs norm 2 first", "seen", norms=lambda a, b: (b, a)),
    _kind("mask not passed on", "sees the future", "future", told=lambda mask: None),
)


def _same(x):
    return x


def _nothing(x, context=None, mask=None):
    return x * 0, None


def _draw():
    import torch

    return torch.randn(B, T, D_MODEL, generator=torch.Generator().manual_seed(9))


def _silent(block):
    """How much of x comes through when both steps find nothing and the norms do nothing."""
    x = _draw()
    return {"share of x": (block(x, _nothing, lambda x: x * 0, _same, _same) * x).sum(-1)[0] / (x * x).sum(-1)[0]}


def _found(block):
    """Attention adds 1: how much more the feed-forward step gets, and how much more comes out."""
    x, got = _draw(), []

    def think(y):
        got.append(y)
        return y * 0

    outputs = [block(x, lambda x, context=None, mask=None, n=n: (0 * x + n, None), think, _same, _same)
               for n in (0.0, 1.0)]
    return {"into feed-forward": (got[1] - got[0])[0].mean(-1), "out": (outputs[1] - outputs[0])[0].mean(-1)}


def _seen(block):
    """The mean of what each step gets, where norm 1 makes everything 1 and norm 2 makes everything 2."""
    x, got = 0 * _draw() + 5, {}

    def attend(y, context=None, mask=None):
        got["attention gets"] = y[0].mean(-1)
        return y * 0, None

    def think(y):
        got["feed-forward gets"] = y[0].mean(-1)
        return y * 0

    block(x, attend, think, lambda y: y * 0 + 1, lambda y: y * 0 + 2)
    return got


def _future(block):
    """How far the outputs of tokens 0 to 2 move with token 3, under a causal mask."""
    import torch

    x, past = _draw(), torch.ones(T, T, dtype=torch.bool).tril()
    moved = x.clone()
    moved[0, 3] += 3.0

    def attend(y, context=None, mask=None):  # the mean of what may be seen
        seen = torch.ones(T, T) if mask is None else mask.float()
        return seen / seen.sum(-1, keepdim=True) @ y, None

    before, after = (block(y, attend, lambda y: y * 0, _same, _same, past) for y in (x, moved))
    return {"tokens 0 to 2": (after - before)[0, :3].norm(dim=-1)}


PROBES = (
    LabProbe("silent", "Both steps find nothing: which share of tokens 0 to 3 comes through? All of it: 1.", _silent),
    LabProbe("found", "Attention adds 1 to every feature: what arrives further on? 1 in both places.", _found),
    LabProbe("seen", "Norm 1 makes every feature 1, norm 2 makes it 2: what do the steps get? 1, and then 2.", _seen),
    LabProbe("future", "Token 3 moves, under a causal mask: how far do tokens 0 to 2 move? By 0.", _future),
)


def _train(block):
    from course_utils.laboratories.lookback import train_lookback

    return train_lookback(block)


@cache
def block_lab():
    """Open the laboratory of notebook 09.

    Returns
    -------
    Lab
        Blocks ``block(x, attend, feed_forward, norm_1, norm_2, mask) -> x`` behind the letters A to F.

    Examples
    --------
    >>> lab = block_lab()
    >>> lab.labels, lab.probes
    (('A', 'B', 'C', 'D', 'E', 'F'), ('silent', 'found', 'seen', 'future'))
    """
    return Lab(kinds=KINDS, probes=PROBES, train=_train, seed=9,
               hidden=(RIGHT, "no residual around attention", "steps side by side", "norms after the steps",
                       "one norm for both", "mask not passed on"))
