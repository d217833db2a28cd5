"""Exercise of notebook 07: put the heads of every position side by side again."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded
from course_utils.exercises.heads.split import numbered


def merge_heads(x):
    """Put the heads of x (B, H, T, d_k) side by side: (B, T, H * d_k)."""
    from course_utils.multihead import merge_heads as merge

    return merge(x)


def merge_by_stages(x, *, pick=lambda x: x, swap=lambda x: x.transpose(1, 2),
                    join=lambda y, B, T: y.reshape(B, T, -1), give=lambda y: y):
    """Let heads and positions change places, then join, in stages that can be replaced one by one."""
    x = pick(x)
    return give(join(swap(x), x.shape[0], x.shape[2]))


def _cases():
    return (
        Case((numbered(1, 2, 2, 2),), note="2 heads, 2 positions, d_k = 2"),
        Case((numbered(2, 3, 5, 4),), note="a batch of 2, 3 heads, 5 positions"),
        Case((draw((2, 3, 3, 2), seed=77)[0],), note="as many heads as positions"),
        Case((draw((2, 1, 4, 6), seed=79)[0],), note="one head"),
        Case((draw((2, 4, 5, 1), seed=80)[0],), note="heads of width 1"),
    )


# --- properties ---


def _heads_stand_in_order(call):
    # The number tells where it came from: head in the hundreds, position in the tens, feature in the ones.
    x = numbered(1, 2, 10, 10)[:, :, :3, :3].contiguous()
    merged = call(x)
    if tuple(merged.shape) != (1, 3, 6):
        return Broken("the result should have the shape (B, T, H * d_k)",
                      f"x of shape (1, 2, 3, 3): wanted (1, 3, 6), got {tuple(merged.shape)}")
    for t in range(3):
        wanted = [100.0 * h + 10 * t + i for h in range(2) for i in range(3)]
        if merged[0, t].tolist() != wanted:
            return Broken("position t should hold what every head has at position t, head 0 first",
                          f"the hundreds count heads, the tens positions: position {t} should hold "
                          f"{rounded(wanted, 0)}, got {rounded(merged[0, t].detach(), 0)}")


def _positions_stay_apart(call):
    x = numbered(2, 2, 3, 4)
    y = x.clone()
    y[1, :, 2] += 100
    moved = (call(y) != call(x)).nonzero().tolist()
    for b, t, *_ in moved:
        if (b, t) != (1, 2):
            return Broken("a change at one position should show at that position only",
                          f"item 1, position 2 changes in both heads: the result changes at item {b}, position {t}")
    if len(moved) != 8:
        return Broken("a change at one position should show at that position only",
                      f"8 numbers of item 1, position 2 change: {len(moved)} numbers of the result do")


def _nothing_is_lost(call):
    x = numbered(2, 3, 4, 2)
    found = sorted(call(x).flatten().tolist())
    if found != x.flatten().tolist():
        return Broken("every number of x should be there exactly once",
                      f"x holds the {x.numel()} numbers 0 to 47; the result holds {len(set(found))} different ones "
                      f"on {len(found)} places")


# --- right answers in other words ---


def _contiguous_view(x):
    B, H, T, d_k = x.shape
    return x.transpose(1, 2).contiguous().view(B, T, H * d_k)


def _permute_and_flatten(x):
    return x.permute(0, 2, 1, 3).flatten(start_dim=2)


def _heads_joined(x):
    import torch

    return torch.cat([x[:, h] for h in range(x.shape[1])], dim=-1)


def _unbound(x):
    import torch

    return torch.cat(x.unbind(dim=1), 2)


def _every_position(x):
    import torch

    B, H, T, d_k = x.shape
    out = torch.zeros(B, T, H * d_k, dtype=x.dtype)
    for b in range(B):
        for t in range(T):
            for h in range(H):
                out[b, t, h * d_k: (h + 1) * d_k] = x[b, h, t]
    return out


def _positions_stacked(x):
    import torch

    return torch.stack([x[:, :, t].reshape(len(x), -1) for t in range(x.size(2))], dim=1)


def _einsum(x):
    import torch

    return torch.einsum("bhti->bthi", x).reshape(x.shape[0], x.shape[2], -1)


def _moved_axis(x):
    return x.movedim(1, -2).flatten(-2)


# --- wrong answers ---


def _view_of_the_transposed(x):
    B, H, T, d_k = x.shape
    return x.transpose(1, 2).view(B, T, H * d_k)


def _items_joined(x):
    import torch

    return torch.cat(list(x), dim=-1)


def _swapped_sizes(x):
    B, T, H, d_k = x.shape
    return x.transpose(1, 2).reshape(B, T, H * d_k)


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


MISTAKES = (
    _mistake("not-transposed-back",
             "x is poured into the shape (B, T, H * d_k) without transposing back: the shape is right, but a position "
             "receives numbers of other positions.",
             "Give it `torch.arange(8.0).view(1, 2, 2, 2)`: 0 and 1 are position 0 of head 0. What stands beside them?",
             swap=lambda x: x),
    _mistake("view-of-the-transposed",
             "`view` refuses: after this `transpose` the numbers of the result do not lie in order in memory.",
             "Read to the end of the message: it names another method that can.", _view_of_the_transposed),
    _mistake("sizes-read-before-the-swap", "The names of the sizes are in the wrong order: axis 1 of x counts heads.",
             "Print the sizes that you read from `x.shape` beside (B, H, T, d_k).", _swapped_sizes),
    _mistake("last-axes-swapped", "The last two axes change places, not heads and positions.",
             "Count the axes of (B, H, T, d_k) from 0: which two do you want to swap?",
             swap=lambda x: x.transpose(2, 3)),
    _mistake("features-interleaved",
             "The features of the heads alternate: first the first feature of every head, then the second.",
             "Give it `torch.arange(8.0).view(1, 2, 2, 2)`: 0 and 1 should stand side by side.",
             swap=lambda x: x.permute(0, 2, 3, 1)),
    _mistake("heads-reversed", "The heads are joined in reversed order, the last one first.",
             "Merge what `own(\"split_heads\")` gave: do you get the same tensor back?",
             swap=lambda x: x.flip(1).transpose(1, 2)),
    _mistake("heads-not-joined", "The heads are not joined: the result still has four axes.",
             "Count the axes of your result: three are wanted.", join=lambda y, B, T: y),
    _mistake("joined-along-the-positions", "The heads are joined one below the other: (B, H * T, d_k).",
             "Print the shape of your result: which size has grown?",
             join=lambda y, B, T: y.transpose(1, 2).flatten(1, 2)),
    _mistake("joined-along-the-batch", "The heads are joined along the batch: the result is (H * B, T, d_k).",
             "Print the shape of your result: which size has grown?",
             join=lambda y, B, T: y.permute(2, 0, 1, 3).flatten(0, 1)),
    _mistake("heads-and-features-swapped", "Heads and features change places, not heads and positions.",
             "Count the axes of (B, H, T, d_k) from 0: which two do you want to swap?",
             swap=lambda x: x.transpose(1, 3)),
    _mistake("positions-joined-too", "Positions and features are one axis: the result is (B, T * H * d_k).",
             "Count the axes of your result: three are wanted.", join=lambda y, B, T: y.reshape(B, -1)),
    _mistake("batch-joined-too", "Batch and positions are one axis: the result is (B * T, H * d_k).",
             "Count the axes of your result: three are wanted.", join=lambda y, B, T: y.reshape(B * T, -1)),
    _mistake("batch-and-positions-exchanged", "The sizes B and T are exchanged: the result is (T, B, H * d_k).",
             "Print the shape of your result for a batch of 2 with 5 positions.",
             join=lambda y, B, T: y.reshape(T, B, -1)),
    _mistake("features-before-positions", "The result is on its side: (B, H * d_k, T).",
             "Write under each axis of your result what it counts.", give=lambda y: y.transpose(1, 2)),
    _mistake("heads-averaged", "The heads are averaged, so only d_k features are left.",
             "Print the last size of your result for 3 heads of width 4: 12 are wanted.",
             join=lambda y, B, T: y.mean(2)),
    _mistake("heads-added", "The heads are added up, so only d_k features are left.",
             "Print the last size of your result for 3 heads of width 4: 12 are wanted.",
             join=lambda y, B, T: y.sum(2)),
    _mistake("first-head-only", "Only the first head is there.",
             "Print the last size of your result for 3 heads of width 4: 12 are wanted.",
             join=lambda y, B, T: y[:, :, 0]),
    _mistake("items-joined", "Going through x gives the items of the batch, not its heads; these are joined.",
             "Print `len(list(x))` for a batch of 2 with 3 heads.", _items_joined),
    _mistake("first-item-only", "Only the first item of the batch is merged.",
             "Print the shape of your result for a batch of 2.", pick=lambda x: x[:1]),
    _mistake("detached", "The result is cut off from the gradient of x.",
             "Look for `detach`, `.data`, `numpy` or `no_grad`.", give=lambda y: y.detach()),
)

BATTERY = Battery(
    sizes=lambda s: draw((s.items, s.H, s.T, s.d_k), seed=s.seed, dtype=s.dtype),
    arguments=("x",),
    reference=merge_heads,
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, "scores": "nothing is scored", **reasons.PLAIN},
)

MERGE_HEADS = Exercise(
    name="merge_heads",
    title="Put the heads side by side again",
    notebook="07_many_heads",
    signature="merge_heads(x)",
    reference=merge_heads,
    arrays="torch",
    returns=(Returns("merged", "(B, T, H * d_k)"),),
    cases=_cases,
    probes=(
        Probe("every position holds its heads in order", _heads_stand_in_order),
        Probe("positions and items stay apart", _positions_stay_apart),
        Probe("nothing is lost or doubled", _nothing_is_lost),
    ),
    battery=BATTERY,
    stages=merge_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("contiguous-view", _contiguous_view),
        Equivalent("permute-and-flatten", _permute_and_flatten),
        Equivalent("heads-joined", _heads_joined),
        Equivalent("unbound-heads-joined", _unbound),
        Equivalent("loops", _every_position),
        Equivalent("positions-stacked", _positions_stacked),
        Equivalent("einsum", _einsum),
        Equivalent("moved-axis", _moved_axis),
    ),
    hints=(
        "Undo the two steps of `split_heads`, the last one first.",
        "`x.transpose(1, 2)` gives (B, T, H, d_k): heads and features are neighbours now and can become one axis. "
        "`reshape` copies where it has to; `view` refuses there.",
        "`B, H, T, d_k = x.shape`, then `return x.transpose(1, 2).reshape(B, T, H * d_k)`.",
    ),
    minutes=6,
    points=2,
)

EXERCISES = (MERGE_HEADS,)
