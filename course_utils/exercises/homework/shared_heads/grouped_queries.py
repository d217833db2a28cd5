"""First exercise of assignment 3: query heads that share the keys and values of their group."""

import math
from functools import partial

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.families.shared import draw, rounded, tensor
from course_utils.exercises.homework.shared_heads._battery import grouped_battery
from course_utils.exercises.homework.shared_heads._grouped_mistakes import (
    MISTAKES,
    attend,
    for_each,
    grouped_by_stages,
    past,
)

PARTS = (
    Part("heads shared by groups", 1),
    Part("output and weights in their order", 1),
    Part("the division by the root of d_k", 1),
    Part("masks", 1),
    Part("other masks and numbers", 1, visible=False),
)
_SHARED, _ORDER, _SCALE, _MASKS, _HIDDEN = (part.name for part in PARTS)
# A root that is forgotten shows only where d_k is not 1: there it costs its own part, and nowhere else.


def grouped_query_attention(q, k, v, mask=None):
    """Let query head h attend with key head h // (Hq // Hkv)."""
    n_shared = q.shape[1] // k.shape[1]
    return scaled_dot_product_attention(q, for_each(k, n_shared), for_each(v, n_shared), mask)


def _sizes(n_query_heads, n_key_heads, B=2, T=3, S=5, d_k=4, d_v=7):
    return (B, n_query_heads, T, d_k), (B, n_key_heads, S, d_k), (B, n_key_heads, S, d_v)


def _per_head_mask(*shape, seed):
    """Draw a mask with holes in which every row sees a key: shape (B, Hq, T, S)."""
    seen = draw(shape, seed=seed)[0] > 0
    seen[..., -1] |= ~seen.any(-1)
    return seen


def _padding(*lengths, S):
    return tensor([[[[j < n for j in range(S)]]] for n in lengths])


def _cases():
    some = tensor([[[[True, True, False, True, False], [False] * 5, [False, False, True, True, True]]],
                   [[[False] * 5, [False, True, False, False, False], [True] * 5]]])
    large = [90.0 * x for x in draw(*_sizes(4, 2, T=2, S=4, d_k=1), seed=19)]
    return (
        Case((tensor([[[[1.0]], [[1.0]], [[1.0]], [[1.0]]]]), tensor([[[[0.0], [2.0]], [[1.0], [0.0]]]]),
              tensor([[[[10.0], [20.0]], [[0.0], [100.0]]]])), note="4 query heads, 2 key heads, 2 keys"),
        Case(draw(*_sizes(6, 3, T=4, d_k=1), seed=10), note="2 query heads to each of 3 key heads, d_k = 1"),
        Case(draw(*_sizes(5, 1, T=3, S=4, d_k=1), seed=15), note="one key head for all, d_k = 1"),
        Case(draw(*_sizes(3, 3, B=4, d_k=1), seed=16), note="as many key heads as query heads, d_k = 1"),
        Case(draw(*_sizes(6, 3, T=4), seed=11), note="2 query heads to each of 3 key heads", part=_SCALE),
        Case(draw(*_sizes(8, 2, B=3, T=6, S=4, d_k=5), seed=12), note="4 query heads to each of 2 key heads",
             part=_SCALE),
        Case(draw(*_sizes(9, 3, B=1, T=1, S=6, d_k=8, d_v=2), seed=13), note="one query, 3 query heads to a key head",
             part=_SCALE),
        Case(draw(*_sizes(4, 2, B=2, T=3, S=3, d_k=3, d_v=3), seed=14), note="T = S and all widths alike",
             part=_SCALE),
        Case((*draw(*_sizes(3, 3, T=4, d_k=1), seed=17), past(4, 5)), note="a mask of shape (T, S)", part=_MASKS),
        Case((*draw(*_sizes(4, 1, T=3, d_k=1), seed=18), _padding(2, 4, S=5)), note="a mask of shape (B, 1, 1, S)",
             part=_MASKS),
        Case((*draw(*_sizes(3, 3, T=2, d_k=1), seed=20), _per_head_mask(2, 1, 2, 5, seed=21)),
             note="a mask of shape (B, 1, T, S)", part=_MASKS),
        Case((tensor([[[[1.0]], [[1.0]]]]), tensor([[[[0.0], [0.7], [141.0]]]]), tensor([[[[10.0], [20.0], [90.0]]]]),
              tensor([[True, True, False]])), note="a hidden score far above the others", part=_MASKS),
        Case((*draw(*_sizes(6, 2, d_k=1), seed=22), some), note="rows that see no key", part=_HIDDEN),
        Case((*draw(*_sizes(6, 3, d_k=1), seed=23), _per_head_mask(2, 6, 3, 5, seed=24)),
             note="a mask for each query head, 3 key heads", part=_HIDDEN),
        Case((*draw(*_sizes(4, 2, T=4, S=4, d_k=1), seed=25), _padding(3, 1, S=4)),
             note="as many sequences as key heads, and padding", part=_HIDDEN),
        Case(tuple(large), note="scores in the thousands", part=_HIDDEN),
        Case(draw(*_sizes(6, 2, d_k=1), seed=26, dtype="float64"), note="float64", part=_HIDDEN),
    )


def _drawn(seed):
    import random

    choose = random.Random(seed)
    n_key_heads, n_shared = choose.choice([(2, 3), (3, 2), (4, 3), (2, 4)])
    heads, (T, S) = (n_key_heads * n_shared, n_key_heads), choose.sample(range(3, 8), 2)
    grouped = draw(*_sizes(*heads, T=T, S=S, d_k=1), seed=seed)
    wide = draw(*_sizes(*heads, T=T, S=S, d_k=choose.choice([2, 3, 5, 6])), seed=seed + 1)
    padded = draw(*_sizes(choose.randint(2, 5), 1, T=S, S=T, d_k=1), seed=seed + 2)
    masked = draw(*_sizes(*heads, T=T, S=S, d_k=1), seed=seed + 3)
    mask = _per_head_mask(2, heads[0], T, S, seed=seed + 4)
    mask[:, :, choose.randrange(T)] = False
    return (Case(grouped, note="heads drawn for you, d_k = 1"),
            Probe("drawn values times their weights make the output",
                  partial(_output_is_the_average_of_the_shared_values, qkv=grouped), _ORDER),
            Case(wide, note="sizes drawn for you", part=_SCALE),
            Case((*padded, _padding(1, T - 1, S=T)), note="padding drawn for you", part=_MASKS),
            Case((*masked, mask), note="a mask drawn for you, with a query that sees no key", part=_HIDDEN))


# --- properties ---


def _a_key_head_moves_its_group(call):
    q, k, v = draw(*_sizes(6, 3), seed=31)
    before = call(q, k, v)[0]
    for what, x in (("keys", k), ("values", v)):
        other = x.clone()
        other[:, 1] = -2 * x[:, 1] + 1
        after = call(q, other, v)[0] if x is k else call(q, k, other)[0]
        moved = [h for h in range(6) if not (before[:, h] - after[:, h]).abs().max() < 1e-6]
        if moved != [2, 3]:
            return Broken("a change in one key head should show in the outputs of its own query heads and in no other",
                          f"6 query heads, 3 key heads: the {what} of key head 1 serve the query heads 2 and 3; "
                          f"when they change, the outputs {moved} change")


def _a_query_head_moves_itself(call):
    q, k, v = draw(*_sizes(6, 2), seed=32)
    other = q.clone()
    other[:, 4] *= -1
    before, after = call(q, k, v)[0], call(other, k, v)[0]
    moved = [h for h in range(6) if not (before[:, h] - after[:, h]).abs().max() < 1e-6]
    if moved != [4]:
        return Broken("a change in one query head should show in its own output and in no other",
                      f"the queries of head 4 change: the outputs {moved} change")


def _rows_sum_to_one(call):
    weights = call(*draw(*_sizes(6, 3), seed=33))[1]
    if tuple(weights.shape) != (2, 6, 3, 5):
        return Broken("every query head should have a table of weights of its own",
                      f"B = 2, Hq = 6, T = 3, S = 5: wanted weights of shape (2, 6, 3, 5), got {tuple(weights.shape)}")
    total = weights.sum(-1)[1, 4]
    if not (weights.sum(-1) - 1).abs().max() < 1e-5 or bool((weights < 0).any()):
        return Broken("each row of weights should be positive and sum to 1",
                      f"sequence 1, head 4: its three rows sum to {rounded(total.detach())}")


def _output_is_the_average_of_the_shared_values(call, qkv=None):
    q, k, v = qkv or draw(*_sizes(6, 3), seed=34)
    output, weights = call(q, k, v)
    wanted_shape = (*q.shape[:3], k.shape[2])
    if tuple(weights.shape) != wanted_shape or not bool(weights.any()):
        return Broken("the weights, which come second, should have the shape (B, Hq, T, S) and not be 0 throughout",
                      f"wanted the shape {wanted_shape}, got {tuple(weights.shape)}")
    n_shared = q.shape[1] // k.shape[1]
    for h in range(q.shape[1]):
        n = h // n_shared
        wanted, got = weights[:, h] @ v[:, n], output[:, h]
        if not (wanted - got).abs().max() < 1e-5:
            return Broken("the output of a query head should be the average of its group's values under its weights",
                          f"head {h}, first row: the weights make {rounded(wanted[0, 0, :2].detach(), 3)} of the "
                          f"values of key head {n}, the output begins with {rounded(got[0, 0, :2].detach(), 3)}")


def _keys_compete_as_in_notebook_4(call):
    q = tensor([[[[1.0] * 4]]])
    k = tensor([[[[1.5] * 4, [1.0] * 4]]])  # q . k = 6 and 4
    weights = call(q, k, tensor([[[[1.0], [0.0]]]]))[1][0, 0, 0]
    found = float((weights[0] / weights[1]).log())
    if not abs(found - 1) < 1e-3:
        return Broken("two keys with the dot products 6 and 4 should have log(w1/w2) = 1 for d_k = 4",
                      f"one head, weights {rounded(weights.detach())}: got {found:.3f}")


def _order_of_query_heads(call):
    q, k, v = draw(*_sizes(4, 1), seed=35)
    before, after = call(q, k, v)[0], call(q.flip(1), k, v)[0]
    if not (before.flip(1) - after).abs().max() < 1e-5:
        return Broken("with a single key head, query heads in another order should give the outputs in that order",
                      "4 query heads in reversed order: the outputs are not those from before, reversed")


def _hidden_keys_get_nothing(call):
    for n_key_heads, mask in ((1, _padding(2, 4, S=5)), (4, past(3, 5)), (4, _per_head_mask(2, 1, 3, 5, seed=37))):
        q, k, v = draw(*_sizes(4, n_key_heads), seed=36)
        weights = call(q, k, v, mask)[1]
        if not weights.masked_fill(mask.expand_as(weights), 0.0).abs().max() < 1e-7:
            return Broken("a hidden key should get the weight 0 in every head",
                          f"mask of shape {tuple(mask.shape)}: sequence 0, head 0, query 0 has the weights "
                          f"{rounded(weights[0, 0, 0].detach())}")
        if not (weights.sum(-1) - 1).abs().max() < 1e-4:
            return Broken("the weights of the visible keys should sum to 1",
                          f"mask of shape {tuple(mask.shape)}: sequence 0, head 0, query 0 has the sum "
                          f"{float(weights.sum(-1)[0, 0, 0]):.3f}")


def _each_head_has_its_mask(call):
    q, k, v = draw(*_sizes(6, 3), seed=38)
    mask = _per_head_mask(2, 6, 3, 5, seed=39)
    weights = call(q, k, v, mask)[1]
    for h in range(6):
        leak = weights[:, h].masked_fill(mask[:, h], 0.0).abs().max()
        if not leak < 1e-7:
            return Broken("a mask of shape (B, Hq, T, S) should hide from each query head what is hidden from it",
                          f"6 query heads, 3 key heads: head {h} gives a hidden key the weight {float(leak):.3f}")


def _rows_without_keys_are_zero(call):
    mask = tensor([[True, False, True], [False, False, False]])
    output, weights = call(*draw(*_sizes(4, 2, T=2, S=3), seed=40), mask)
    if not (bool((weights[:, :, 1] == 0).all()) and bool((output[:, :, 1] == 0).all())):
        return Broken("a query that may attend to no key should get weights 0 and output 0",
                      f"head 0: its weights are {rounded(weights[0, 0, 1].detach())}")


def _gradients_arrive(call):
    q, k, v = (x.requires_grad_() for x in draw(*_sizes(4, 2), seed=41))
    output, _ = call(q, k, v)
    if output.requires_grad:
        (output ** 2).sum().backward()
    without = [name for name, x in zip("qkv", (q, k, v)) if x.grad is None or not x.grad.any()]
    if without:
        return Broken("the gradient of the output should reach q, k and v",
                      f"it does not reach {' and '.join(without)}")


# --- right answers in other words ---


def _by_loop(q, k, v, mask=None):
    import torch

    n_shared = q.shape[1] // k.shape[1]
    outputs, tables = [], []
    if mask is not None:
        mask = torch.broadcast_to(mask, (*q.shape[:3], k.shape[2]))
    for h in range(q.shape[1]):
        output, weights = attend(q[:, h], k[:, h // n_shared], v[:, h // n_shared],
                                  None if mask is None else mask[:, h])
        outputs.append(output)
        tables.append(weights)
    return torch.stack(outputs, dim=1), torch.stack(tables, dim=1)


def _by_five_axes(q, k, v, mask=None):
    if mask is not None:
        mask = mask.expand(*q.shape[:3], k.shape[2]).unflatten(1, (k.shape[1], -1))
    output, weights = attend(q.unflatten(1, (k.shape[1], -1)), k.unsqueeze(2), v.unsqueeze(2), mask)
    return output.flatten(1, 2), weights.flatten(1, 2)


def _by_longer_queries(q, k, v, mask=None):
    B, n_heads, T, d_k = q.shape
    n_key_heads, S = k.shape[1:3]
    tall = q.reshape(B, n_key_heads, -1, d_k)  # the heads of a group below each other: one product for them all
    scores = (tall @ k.mT / d_k**0.5).reshape(B, n_heads, T, S)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1).nan_to_num(0.0)
    output = weights.reshape(B, n_key_heads, -1, S) @ v
    return output.reshape(B, n_heads, T, -1), weights


def _by_index(q, k, v, mask=None):
    import torch

    which = torch.arange(q.shape[1]) // (q.shape[1] // k.shape[1])
    return attend(q, k[:, which], v[:, which], mask)


def _by_expanding(q, k, v, mask=None):
    n_shared = q.shape[1] // k.shape[1]
    k, v = (x[:, :, None].expand(-1, -1, n_shared, -1, -1).reshape(x.shape[0], q.shape[1], *x.shape[2:])
            for x in (k, v))
    return attend(q, k, v, mask)


def _by_einsum(q, k, v, mask=None):
    import torch

    B, n_heads, T, d_k = q.shape
    folded = q.reshape(B, k.shape[1], -1, T, d_k) / math.sqrt(d_k)
    scores = torch.einsum("bngtd,bnsd->bngts", folded, k).reshape(B, n_heads, T, -1)
    if mask is not None:
        scores = torch.where(mask, scores, -1e9)
    weights = torch.softmax(scores, dim=-1)
    if mask is not None:
        weights = weights * mask
    output = torch.einsum("bngts,bnsv->bngtv", weights.reshape(B, k.shape[1], -1, *scores.shape[2:]), v)
    return output.reshape(B, n_heads, T, -1), weights


def _by_torch(q, k, v, mask=None):
    import torch

    torch_attend = torch.nn.functional.scaled_dot_product_attention
    unit = torch.eye(k.shape[2], dtype=k.dtype).expand(*k.shape[:3], -1)
    return tuple(torch_attend(q, k, x, attn_mask=mask, enable_gqa=True) for x in (v, unit))


def _by_groups(q, k, v, mask=None):
    import torch

    n_shared = q.shape[1] // k.shape[1]
    found = []
    for n in range(k.shape[1]):
        heads = slice(n * n_shared, (n + 1) * n_shared)
        own = mask[..., heads, :, :] if mask is not None and mask.ndim > 2 and mask.shape[-3] > 1 else mask
        found.append(attend(q[:, heads], k[:, n:n + 1], v[:, n:n + 1], own))
    return tuple(torch.cat(things, dim=1) for things in zip(*found))


def _by_sequence(q, k, v, mask=None):
    import torch

    n_shared = q.shape[1] // k.shape[1]
    found = []
    for b in range(q.shape[0]):
        keys, values = (torch.stack([x[b, h // n_shared] for h in range(q.shape[1])]) for x in (k, v))
        seen = mask if mask is None or mask.ndim < 4 else mask[b if mask.shape[0] > 1 else 0]
        found.append(attend(q[b], keys, values, seen))
    return tuple(torch.stack(things) for things in zip(*found))


GROUPED_QUERY_ATTENTION = Exercise(
    name="grouped_query_attention",
    title="Share keys and values among heads",
    notebook="hw3_shared_heads",
    signature="grouped_query_attention(q, k, v, mask=None)",
    reference=grouped_query_attention,
    arrays="torch",
    returns=(Returns("output", "(B, Hq, T, d_v)"), Returns("weights", "(B, Hq, T, S)")),
    cases=_cases,
    drawn=_drawn,
    battery=grouped_battery(grouped_query_attention, shared=_SHARED, scale=_SCALE, masks=_MASKS, rest=_HIDDEN),
    probes=(
        Probe("each row of weights sums to 1", _rows_sum_to_one),
        Probe("a key head serves its own query heads and no other", _a_key_head_moves_its_group),
        Probe("a query head changes its own output and no other", _a_query_head_moves_itself),
        Probe("output comes first, and is the average of the group's values",
              _output_is_the_average_of_the_shared_values, _ORDER),
        Probe("keys compete as in notebook 4", _keys_compete_as_in_notebook_4, _SCALE),
        Probe("with one key head, query heads may change places", _order_of_query_heads),
        Probe("hidden keys get weight 0, the others share out 1", _hidden_keys_get_nothing, _MASKS),
        Probe("each query head follows its own mask", _each_head_has_its_mask, _HIDDEN),
        Probe("a query that sees no key gets zeros", _rows_without_keys_are_zero, _HIDDEN),
        Probe("gradients arrive", _gradients_arrive),
    ),
    stages=grouped_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loop-over-heads", _by_loop),
        Equivalent("five-axes", _by_five_axes),
        Equivalent("longer-queries", _by_longer_queries),
        Equivalent("index", _by_index),
        Equivalent("expanded", _by_expanding),
        Equivalent("einsum", _by_einsum),
        Equivalent("torch-function", _by_torch),
        Equivalent("loop-over-groups", _by_groups),
        Equivalent("loop-over-sequences", _by_sequence),
    ),
    hints=(
        "How many query heads share one key head? Call that number G, and write down for Hq = 6, Hkv = 3 which key "
        "head each of the six uses. Once every query head has keys and values, it is attention as you know it.",
        "There are two functions that repeat: `repeat` gives 0 1 2 0 1 2, `repeat_interleave` gives 0 0 1 1 2 2. "
        "Or leave k as it is and cut the heads of q in two axes, (B, Hkv, G, T, d_k); then a mask has to be cut too.",
        "`k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))`, then attention under a mask "
        "as in notebook 5, rows without keys included.",
    ),
    minutes=20,
    points=5,
    in_order=_ORDER,
    credit=PARTS,
)

EXERCISES = (GROUPED_QUERY_ATTENTION,)
