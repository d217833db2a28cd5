"""Exercise of notebook 07: cut the features of every position into heads."""

import math

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns, Stopped
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded


def split_heads(x, n_heads):
    """Cut x (B, T, d_model) into heads (B, H, T, d_k)."""
    from course_utils.multihead import split_heads as split

    return split(x, n_heads)


def _cut(x, H):
    return x.reshape(*x.shape[:-1], H, x.shape[-1] // H)


def split_by_stages(x, n_heads, *, pick=lambda x: x, cut=_cut, swap=lambda y: y.transpose(1, 2), give=lambda y: y):
    """Cut, then let heads and positions change places, in stages that can be replaced one by one."""
    if x.shape[-1] % n_heads:
        raise ValueError("n_heads should divide d_model")
    return give(swap(cut(pick(x), n_heads)))


def numbered(*shape):
    """Give a tensor that holds 0, 1, 2, ... in reading order."""
    import torch

    return torch.arange(float(math.prod(shape))).reshape(shape)


def _cases():
    return (
        Case((numbered(1, 2, 4), 2), note="2 positions, 2 heads"),
        Case((numbered(2, 5, 12), 3), note="a batch of 2, 3 heads of width 4"),
        Case((draw((2, 3, 6), seed=71)[0], 3), note="as many heads as positions"),
        Case((draw((2, 4, 6), seed=73)[0], 1), note="one head"),
        Case((draw((2, 5, 4), seed=74)[0], 4), note="4 heads of width 1"),
    )


# --- properties ---


def _features_go_to_their_head(call):
    # The number tells where it came from: position in the tens, feature in the ones.
    x = numbered(1, 3, 10)[..., :6]
    heads = call(x, 2)
    if tuple(heads.shape) != (1, 2, 3, 3):
        return Broken("the result should have the shape (B, H, T, d_k)",
                      f"x of shape (1, 3, 6), 2 heads: wanted (1, 2, 3, 3), got {tuple(heads.shape)}")
    for h, t in ((0, 0), (0, 1), (1, 0), (1, 2)):
        wanted = [10.0 * t + 3 * h + i for i in range(3)]
        if heads[0, h, t].tolist() != wanted:
            return Broken("head h should hold the features h * d_k to (h + 1) * d_k of every position",
                          f"position {t} holds the features {10 * t} to {10 * t + 5}: its head {h} should hold "
                          f"{rounded(wanted)}, got {rounded(heads[0, h, t].detach())}")


def _positions_stay_apart(call):
    x = numbered(2, 3, 8)
    y = x.clone()
    y[1, 2] += 100
    moved = (call(y, 4) != call(x, 4)).nonzero().tolist()
    for b, _, t, *_ in moved:
        if (b, t) != (1, 2):
            return Broken("a change at one position should show at that position only, in every head",
                          f"item 1, position 2 changes: the result changes at item {b}, position {t}")
    if len(moved) != 8:
        return Broken("a change at one position should show at that position only, in every head",
                      f"8 features of item 1, position 2 change: {len(moved)} numbers of the result do")


def _nothing_is_lost(call):
    x = numbered(2, 3, 6)
    found = sorted(call(x, 2).flatten().tolist())
    if found != x.flatten().tolist():
        return Broken("every number of x should be there exactly once",
                      f"x holds the {x.numel()} numbers 0 to 35; the result holds {len(set(found))} different ones "
                      f"on {len(found)} places")


def refuses(call, *args, sizes):
    """Hold that heads which do not divide the features end in an error."""
    try:
        result = call(*args)
    except Stopped as stop:
        if " " not in stop.outcome.trouble.kind:  # the name of an error
            return None
        got = stop.outcome.trouble.message
    else:
        result = result[0] if isinstance(result, tuple) else result
        got = f"got a result of shape {tuple(result.shape)}"
    return Broken("heads that do not divide d_model should end in an error, not drop or invent numbers",
                  f"{sizes}: {got}")


def _refuses_what_does_not_fit(call):
    return (refuses(call, numbered(2, 3, 7), 3, sizes="x of shape (2, 3, 7) and 3 heads")
            or refuses(call, numbered(2, 3, 6), 4, sizes="x of shape (2, 3, 6) and 4 heads"))


# --- right answers in other words ---


def _view_and_permute(x, n_heads):
    B, T, D = x.shape
    return x.view(B, T, n_heads, D // n_heads).permute(0, 2, 1, 3)


def _unflatten(x, n_heads):
    return x.unflatten(-1, (n_heads, -1)).swapaxes(-2, -3)


def _slices(x, n_heads):
    import torch

    assert x.shape[2] % n_heads == 0
    d_k = int(x.shape[2] / n_heads)
    return torch.stack([x[:, :, h * d_k: (h + 1) * d_k] for h in range(n_heads)], dim=1)


def _chunks(x, n_heads):
    import torch

    if x.shape[-1] // n_heads * n_heads != x.shape[-1]:
        raise ValueError("n_heads")
    return torch.stack(torch.chunk(x, n_heads, dim=-1), 1)


def _tensor_split(x, n_heads):
    import torch

    return torch.cat([part.unsqueeze(1) for part in torch.tensor_split(x, n_heads, dim=2)], dim=1)


def _unfold(x, n_heads):
    if x.size(-1) % n_heads != 0:
        raise ValueError("no")
    d_k = x.size(-1) // n_heads
    return x.unfold(-1, d_k, d_k).permute(0, 2, 1, 3)


def _every_number(x, n_heads):
    import torch

    if x.shape[-1] % n_heads:
        raise ValueError
    (B, T, D), out = x.shape, []
    d_k = D // n_heads
    for b in range(B):
        for h in range(n_heads):
            for t in range(T):
                out += [x[b, t, h * d_k + i] for i in range(d_k)]
    return torch.stack(out).reshape(B, n_heads, T, d_k)


def _filled(x, n_heads):
    import torch

    B, T, D = x.shape
    d_k = D // n_heads
    assert d_k * n_heads == D
    out = torch.empty(B, n_heads, T, d_k, dtype=x.dtype)
    for h in range(n_heads):
        out[:, h] = x[..., h * d_k:h * d_k + d_k]
    return out


def _einsum(x, n_heads):
    import torch

    return torch.einsum("bthi->bhti", x.reshape(x.shape[0], x.shape[1], n_heads, -1)).contiguous()


# --- wrong answers ---


def _view(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, n_heads, T, D // n_heads)


def _drops_the_rest(x, n_heads):
    import torch

    d_k = x.shape[-1] // n_heads
    return torch.stack([x[..., h * d_k: (h + 1) * d_k] for h in range(n_heads)], dim=1)


def _transposed_first(x, n_heads):
    B, T, D = x.shape
    return x.transpose(1, 2).reshape(B, n_heads, T, D // n_heads)


def _chunks_miscounted(x, n_heads):
    import torch

    return torch.stack(torch.chunk(x, n_heads, dim=-1), dim=1)


def _nothing_returned(x, n_heads):
    return None if x.shape[-1] % n_heads else split_heads(x, n_heads)


def _positions_cut(x, n_heads):
    import torch

    return torch.stack(torch.chunk(x, n_heads, dim=1), dim=1)


def _slash(way):
    def wrong(x, n_heads):
        B, T, D = x.shape
        return getattr(x, way)(B, T, n_heads, D / n_heads).transpose(1, 2)

    return wrong


def _batch_of_two(x, n_heads):
    return x.reshape(2, x.shape[1], n_heads, -1).transpose(1, 2)


def _same_slice(x, H):
    import torch

    d_k = x.shape[-1] // H
    return torch.stack([x[..., :d_k]] * H, dim=-2)


def _interleaved(x, H):
    return x.reshape(*x.shape[:-1], x.shape[-1] // H, H).transpose(-2, -1)


def _off_by_one(x, H):
    import torch

    d_k = x.shape[-1] // H
    return torch.stack([x[..., h: h + d_k] for h in range(H)], dim=-2)


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


MISTAKES = (
    _mistake("view-without-transpose",
             "x is poured straight into the shape (B, H, T, d_k): the shape is right, but neighbouring numbers, "
             "not features, end up in a head.",
             "Give it `torch.arange(8.0).view(1, 2, 4)` and 2 heads: do 4 and 5, of position 1, lie in head 0?", _view),
    _mistake("no-transpose", "Heads and positions have not changed places: the result is (B, T, H, d_k).",
             "Print the shape of your result for x of shape (2, 5, 12) and 3 heads.", swap=lambda y: y),
    _mistake("other-two-axes-swapped", "The last two axes change places, not heads and positions.",
             "Count the axes of (B, T, H, d_k) from 0: which two do you want to swap?",
             swap=lambda y: y.transpose(2, 3)),
    _mistake("positions-and-features-swapped", "Positions and features change places, not heads and positions.",
             "Count the axes of (B, T, H, d_k) from 0: which two do you want to swap?",
             swap=lambda y: y.transpose(1, 3)),
    _mistake("transposed-before-cutting", "Positions and features change places before the features are cut.",
             "Cut first: (B, T, H, d_k). Only then do two axes change places.", _transposed_first),
    _mistake("positions-last", "The positions end up in the last axis: (B, H, d_k, T).",
             "Write under each axis of your result what it counts.", swap=lambda y: y.permute(0, 2, 3, 1)),
    _mistake("batch-and-positions-swapped", "Batch and positions change places, not heads and positions.",
             "Count the axes of (B, T, H, d_k) from 0: which two do you want to swap?",
             swap=lambda y: y.transpose(0, 1)),
    _mistake("heads-in-front", "The heads stand before the batch: (H, B, T, d_k).",
             "Look which axis `torch.stack` adds when it is not told.", swap=lambda y: y.permute(2, 0, 1, 3)),
    _mistake("interleaved", "Each head takes every H-th feature; it should take d_k neighbours.",
             "Give it x of shape (1, 1, 6) holding 0 to 5 and 2 heads: which three does head 0 hold?",
             cut=_interleaved),
    _mistake("sizes-exchanged",
             "The two sizes are exchanged: features are cut into d_k pieces of width H, as `torch.split(x, n_heads)` "
             "does: it wants the width of a piece, `torch.chunk` their number.",
             "Cut 12 features into 3 heads: how wide is each piece, and which size did you write last?",
             cut=lambda x, H: x.reshape(*x.shape[:-1], x.shape[-1] // H, H)),
    _mistake("heads-reversed", "The heads stand in reversed order: the last features are in head 0.",
             "Give it x of shape (1, 1, 6) holding 0 to 5 and 2 heads: what does head 0 hold?",
             cut=lambda x, H: _cut(x, H).flip(-2)),
    _mistake("the-same-slice", "Every head holds the same features, the first d_k.",
             "Print head 0 and head 1 of your result for x holding 0, 1, 2, ...", cut=_same_slice),
    _mistake("slices-overlap", "The slices begin at h, not at h * d_k, so they overlap.",
             "Print where each slice begins for 3 heads of width 4.", cut=_off_by_one),
    _mistake("all-features-in-every-head", "Every head holds all d_model features; it should hold d_k of them.",
             "Print the last size of your result for d_model = 12 and 3 heads.",
             cut=lambda x, H: x.unsqueeze(-2).expand(*x.shape[:-1], H, x.shape[-1])),
    _mistake("positions-cut", "The positions are cut into pieces (dim=1), not the features.",
             "Print the shapes of the pieces: each should hold every position.", _positions_cut),
    _mistake("first-item-only", "Only the first item of the batch is cut.",
             "Print the shape of your result for a batch of 2.", pick=lambda x: x[:1]),
    _mistake("batch-left-out", "The axis of the batch is gone from the result.",
             "Print the shape of your result for a batch of 2.", give=lambda y: y[0]),
    _mistake("batch-of-two", "The size of the batch is written down as 2; it should be read from `x.shape`.",
             "Try a batch of 3.", _batch_of_two),
    _mistake("folded-into-the-batch", "Batch and heads are one axis: (B * H, T, d_k).",
             "Count the axes of your result: four are wanted.", give=lambda y: y.flatten(0, 1)),
    _mistake("a-tuple-of-heads", "The heads come back as a tuple or list of tensors, not as one tensor.",
             "Look up what `torch.stack` does with a list of tensors.", give=lambda y: y.unbind(1)),
    _mistake("slash-in-reshape", "d_model / n_heads gives a number with a point, and sizes have to be whole.",
             "Compare `12 / 3` with `12 // 3`.", _slash("reshape")),
    _mistake("slash-in-view", "d_model / n_heads gives a number with a point, and sizes have to be whole.",
             "Compare `12 / 3` with `12 // 3`.", _slash("view")),
    _mistake("rest-dropped", "Features that do not fill a head are dropped without a word.",
             "Try x of shape (2, 3, 7) with 3 heads: which feature is missing?", _drops_the_rest),
    _mistake("chunks-miscounted", "`chunk` makes fewer pieces than asked for when they do not come out even.",
             "Print `len(torch.ones(6).chunk(4))`.", _chunks_miscounted),
    _mistake("nothing-returned", "Heads that do not fit give None, and the mistake shows up somewhere else.",
             "Write `raise ValueError(...)` in place of `return`.", _nothing_returned),
    _mistake("detached", "The result is cut off from the gradient of x.",
             "Look for `detach`, `.data`, `numpy` or `no_grad`.", give=lambda y: y.detach()),
)

BATTERY = Battery(
    sizes=lambda s: (*draw((s.items, s.T, s.H * s.d_k), seed=s.seed, dtype=s.dtype), s.H),
    arguments=("x", "n_heads"),
    reference=split_heads,
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, "scores": "nothing is scored", **reasons.PLAIN},
)

SPLIT_HEADS = Exercise(
    name="split_heads",
    title="Cut the features into heads",
    notebook="07_many_heads",
    signature="split_heads(x, n_heads)",
    reference=split_heads,
    arrays="torch",
    returns=(Returns("heads", "(B, H, T, d_k)"),),
    cases=_cases,
    probes=(
        Probe("every feature goes to its head", _features_go_to_their_head),
        Probe("positions and items stay apart", _positions_stay_apart),
        Probe("nothing is lost or doubled", _nothing_is_lost),
        Probe("heads that do not divide d_model end in an error", _refuses_what_does_not_fit),
    ),
    battery=BATTERY,
    stages=split_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("view-and-permute", _view_and_permute),
        Equivalent("unflatten", _unflatten),
        Equivalent("slices-stacked", _slices),
        Equivalent("chunks-stacked", _chunks),
        Equivalent("tensor-split", _tensor_split),
        Equivalent("unfold", _unfold),
        Equivalent("loops", _every_number),
        Equivalent("filled-head-after-head", _filled),
        Equivalent("einsum", _einsum),
    ),
    hints=(
        "Two steps: cut the last axis in two, (B, T, H, d_k); only then let heads and positions change places.",
        "`x.view(B, T, n_heads, d_k)` cuts; `d_k` is `d_model // n_heads`. Counted from 0, positions are axis 1 and "
        "heads axis 2.",
        "`B, T, d_model = x.shape`, then `return x.view(B, T, n_heads, d_model // n_heads).transpose(1, 2)`.",
    ),
    minutes=8,
    points=2,
)

EXERCISES = (SPLIT_HEADS,)
