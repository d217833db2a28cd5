"""The laboratory of notebook 05: layers that hide the future and the padding, four of them with a fault."""

from functools import cache

from course_utils.attention import causal_mask, scaled_dot_product_attention
from course_utils.laboratories.lab import Lab
from course_utils.laboratories.parts import RIGHT, Kind, LabProbe

__all__ = ["mask_lab"]


def attention_under(mask_of):
    """Give an attention function that makes its own mask: ``mask_of(past, keys, queries)``.

    `past` is the causal mask (S, S); `keys` (B, 1, S) and `queries` (B, S, 1) are True on real tokens.
    """

    def attend(q, k, v, real):
        past = causal_mask(real.shape[-1])
        return scaled_dot_product_attention(q, k, v, mask_of(past, real[:, None, :], real[:, :, None]))

    return attend


def masked_after_the_softmax(q, k, v, real):
    _, weights = scaled_dot_product_attention(q, k, v)
    weights = weights * (causal_mask(real.shape[-1]) & real[:, None, :])
    return weights @ v, weights


def _one_more(past):
    return past | past.roll(1, dims=1).tril(1)


def _kind(name, sign, probe, mask_of):
    return Kind(name, lambda: attention_under(mask_of), sign, probe)


KINDS = (
    _kind(RIGHT, "does what each probe asks for", "", lambda past, keys, queries: past & keys),
    _kind("leak by one", "moves one output before a changed token", "change",
          lambda past, keys, queries: _one_more(past) & keys),
    _kind("polarity inverted", "moves only outputs before a changed token", "change",
          lambda past, keys, queries: ~(past & keys)),
    _kind("mask transposed", "moves a changed token and those before it", "change",
          lambda past, keys, queries: (past & keys).transpose(-2, -1)),
    _kind("own place hidden", "moves only outputs after a changed token", "change",
          lambda past, keys, queries: past.tril(-1) & keys),
    _kind("padding ignored", "lets padding be seen and look", "padding",
          lambda past, keys, queries: past),
    _kind("padding hidden as query", "lets padding be seen but not look", "padding",
          lambda past, keys, queries: past & queries),
    Kind("masked after the softmax", lambda: masked_after_the_softmax,
         "shares out less than 1 among visible keys", "sums"),
)


def _change(layer):
    """How far each of four outputs moves when key 2 and value 2 become others."""
    import torch

    q, k, v, other_k, other_v = _draw(4, count=5)
    real = torch.ones(1, 4, dtype=torch.bool)
    moved_k, moved_v = (torch.cat([x[:, :2], y[:, 2:3], x[:, 3:]], dim=1) for x, y in ((k, other_k), (v, other_v)))
    return {"outputs 0 to 3": _distance(layer(q, k, v, real)[0], layer(q, moved_k, moved_v, real)[0])}


def _prefix(layer):
    """How far the first three outputs are from those of the first three tokens alone."""
    import torch

    q, k, v = _draw(5)
    real = torch.ones(1, 5, dtype=torch.bool)
    alone = layer(q[:, :3], k[:, :3], v[:, :3], real[:, :3])[0]
    return {"outputs 0 to 2": _distance(alone, layer(q, k, v, real)[0][:, :3])}


def _padding(layer):
    """How far the real outputs move when two places of padding get other contents; what the padding shares out."""
    import torch

    q, k, v, other_k, other_v = _draw(5, count=5)
    real = torch.tensor([[False, False, True, True, True]])
    moved_k, moved_v = (torch.cat([y[:, :2], x[:, 2:]], dim=1) for x, y in ((k, other_k), (v, other_v)))
    output, weights = layer(q, k, v, real)
    return {"real outputs 2 to 4": _distance(output, layer(q, moved_k, moved_v, real)[0])[2:],
            "shared out by padding 0 and 1": weights[0, :2].sum(-1)}


def _trimmed(layer):
    """How far the real outputs are from those of the same tokens without padding."""
    import torch

    q, k, v = _draw(5)
    real = torch.tensor([[False, False, True, True, True]])
    alone = layer(q[:, 2:], k[:, 2:], v[:, 2:], real[:, 2:])[0]
    return {"real outputs 2 to 4": _distance(alone, layer(q, k, v, real)[0][:, 2:])}


def _sums(layer):
    """What each query shares out, without padding and after one place of it."""
    import torch

    q, k, v = _draw(4)
    real = torch.ones(1, 4, dtype=torch.bool)
    after = torch.tensor([[False, True, True, True]])
    return {"queries 0 to 3": layer(q, k, v, real)[1][0].sum(-1),
            "the same, token 0 is padding": layer(q, k, v, after)[1][0].sum(-1)}


def _draw(S, count=3, seed=5):
    import torch

    return torch.randn(count, 1, S, 4, generator=torch.Generator().manual_seed(seed))


def _distance(a, b):
    return (a - b)[0].norm(dim=-1)


PROBES = (
    LabProbe("change", "Key and value 2 change: how far does each output move? Only outputs 2 and 3 may.", _change),
    LabProbe("prefix", "How far are the outputs from those of the first 3 tokens alone? At 0.", _prefix),
    LabProbe("padding", "Padding 0 and 1 change: do real outputs move? Nothing moves; padding sees no key.", _padding),
    LabProbe("trimmed", "How far are the outputs from those without padding? At 0.", _trimmed),
    LabProbe("sums", "What do the weights sum to? To 1 where a query has a real key to see, else to 0.", _sums),
)


def _train(layer):
    from course_utils.laboratories.repeats import train_repeats

    return train_repeats(layer)


@cache
def mask_lab():
    """Open the laboratory of notebook 05.

    Returns
    -------
    Lab
        Layers ``attend(q, k, v, real) -> (output, weights)`` behind the letters A to E; q, k and v have the
        shape (B, S, d), `real` is boolean of shape (B, S). Each layer makes its own mask of `real`.

    Examples
    --------
    >>> lab = mask_lab()
    >>> lab.labels, lab.probes
    (('A', 'B', 'C', 'D', 'E'), ('change', 'prefix', 'padding', 'trimmed', 'sums'))
    """
    return Lab(kinds=KINDS, probes=PROBES, train=_train, seed=5,
               hidden=(RIGHT, "leak by one", "polarity inverted", "mask transposed", "padding ignored"))
