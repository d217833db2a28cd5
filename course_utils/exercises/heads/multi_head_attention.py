"""Exercise of notebook 07: attention with several heads, as one function."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Probe, Returns
from course_utils.exercises.battery import Battery, one_hot, reasons
from course_utils.exercises.families.heads import MISTAKES, heads_by_stages
from course_utils.exercises.families.loops import attend_in_loops, heads_in_loops, merged_in_loops
from course_utils.exercises.families.shared import draw, rounded, tensor
from course_utils.exercises.heads.split import refuses


def multi_head_attention(x, W_q, W_k, W_v, W_o, n_heads):
    """Let x (B, T, d_model) attend to itself with several heads: output (B, T, d_model), weights (B, H, T, T)."""
    from course_utils.multihead import merge_heads, split_heads

    q, k, v = (split_heads(x @ W, n_heads) for W in (W_q, W_k, W_v))
    output, weights = scaled_dot_product_attention(q, k, v)
    return merge_heads(output) @ W_o, weights


def _inputs(B, T, d_model, seed, dtype="float32"):
    """Tokens and four matrices that keep the scores near 1."""
    x, *matrices = draw((B, T, d_model), *[(d_model, d_model)] * 4, seed=seed, dtype=dtype)
    return (x, *(W * 1.3 / math.sqrt(d_model) for W in matrices))


def _cases():
    x = tensor([[[1.0, 0.0], [0.0, 1.0]]])
    matrices = (tensor([[2.0, 0.0], [1.0, -1.0]]), tensor([[1.0, 2.0], [0.0, 1.0]]),
                tensor([[10.0, 0.0], [0.0, 20.0]]), tensor([[1.0, 1.0], [0.0, 1.0]]))
    return (
        Case((x, *matrices, 2), note="2 tokens, d_model = 2, 2 heads"),
        Case((*_inputs(2, 3, 9, seed=93), 3), note="as many heads as tokens"),
        Case((*_inputs(2, 4, 6, seed=94), 1), note="one head"),
    )


# --- properties ---


def _each_query_shares_out_one(call):
    weights = call(*_inputs(2, 5, 12, seed=51), 3)[1]
    if tuple(weights.shape) != (2, 3, 5, 5):
        return Broken("weights should have the shape (B, H, T, T): one table for each head",
                      f"x of shape (2, 5, 12), 3 heads: wanted (2, 3, 5, 5), got {tuple(weights.shape)}")
    sums = weights.sum(-1)
    if not (sums - 1).abs().max() < 1e-4:
        return Broken("in every head, the weights of each query should sum to 1 over the keys",
                      f"item 0, head 0: the rows sum to {rounded(sums[0, 0].detach())}")


def _each_head_has_its_columns(call):
    x, W_q, W_k, W_v, W_o = _inputs(1, 4, 8, seed=52)
    weights = call(x, W_q, W_k, W_v, W_o, 2)[1].detach()
    for h, i, j, other in ((0, 0, 1, 2), (1, 2, 3, 0), (1, 0, 2, 3)):
        mine = slice(4 * h, 4 * h + 4)  # the columns of head h
        wanted = float(x[0, i] @ W_q[:, mine] @ ((x[0, j] - x[0, other]) @ W_k[:, mine])) / 2
        found = float((weights[0, h, i, j] / weights[0, h, i, other]).log())
        if not abs(found - wanted) < 1e-3:
            return Broken("head h should compare the columns h * d_k to (h + 1) * d_k of x @ W_q and x @ W_k, "
                          "and divide by sqrt(d_k)",
                          f"d_model 8, 2 heads, so sqrt(d_k) = 2; head {h}, query {i}: log(weight of key {j} / weight "
                          f"of key {other}) should be {wanted:.3f}, got {found:.3f}")


def _heads_stand_side_by_side(call):
    import torch

    x, W_q, W_k, W_v, W_o = _inputs(2, 3, 6, seed=53)
    plain, weights = call(x, W_q, W_k, W_v, torch.eye(6), 2)
    values = x @ W_v
    for h in range(2):
        mine = slice(3 * h, 3 * h + 3)
        wanted, found = weights[:, h] @ values[..., mine], plain[..., mine]
        if not (wanted - found).abs().max() < 1e-4:
            b, t = divmod(int((wanted - found).abs().amax(-1).nan_to_num(math.inf).argmax()), wanted.shape[1])
            return Broken("with the identity for W_o, the columns of head h of the output should be its weights "
                          "times its columns of x @ W_v",
                          f"head {h}, item {b}, token {t}: wanted {rounded(wanted[b, t].detach())}, "
                          f"got {rounded(found[b, t].detach())}")
    mixed = call(x, W_q, W_k, W_v, W_o, 2)[0]
    if not (mixed - plain @ W_o).abs().max() < 1e-4:
        return Broken("W_o should multiply the merged heads, once",
                      f"item 0, token 0: the merged heads times W_o are {rounded((plain @ W_o)[0, 0].detach())}, "
                      f"got {rounded(mixed[0, 0].detach())}")


def _order_changes_the_order_only(call):
    x, *matrices = _inputs(2, 4, 6, seed=54)
    order = [2, 0, 3, 1]
    before, after = call(x, *matrices, 3)[0], call(x[:, order], *matrices, 3)[0]
    if not (before[:, order] - after).abs().max() < 1e-4:
        return Broken("tokens in another order should give the same outputs in that other order",
                      f"token 2 had the output {rounded(before[0, 2].detach())}; standing first, it gets "
                      f"{rounded(after[0, 0].detach())}")


def _refuses_what_does_not_fit(call):
    return (refuses(call, *_inputs(2, 3, 5, seed=55), 2, sizes="d_model = 5 and 2 heads")
            or refuses(call, *_inputs(2, 3, 6, seed=57), 4, sizes="d_model = 6 and 4 heads"))


# --- right answers in other words ---


def _by_loops(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = attend_in_loops(*(heads_in_loops(x @ W, n_heads) for W in (W_q, W_k, W_v)))
    return merged_in_loops(output) @ W_o, weights


def _by_heads(x, W_q, W_k, W_v, W_o, n_heads):
    import torch

    if W_q.shape[1] % n_heads != 0:
        raise ValueError("d_model")
    d_k, outputs, tables = W_q.shape[1] // n_heads, [], []
    for h in range(n_heads):
        cols = slice(h * d_k, (h + 1) * d_k)
        scores = x @ W_q[:, cols] @ (x @ W_k[:, cols]).transpose(-2, -1) / d_k ** 0.5
        tables.append(torch.softmax(scores, dim=-1))
        outputs.append(tables[-1] @ (x @ W_v[:, cols]))
    return torch.cat(outputs, dim=-1) @ W_o, torch.stack(tables, dim=1)


def _summed_heads(x, W_q, W_k, W_v, W_o, n_heads):
    import torch

    if len(W_q) % n_heads:
        raise ValueError("n_heads")
    output, tables = 0, []
    cut = [torch.stack(torch.chunk(W, n_heads, dim=1)) for W in (W_q, W_k, W_v)]
    for Q, K, V, O in zip(*cut, torch.stack(torch.chunk(W_o, n_heads, dim=0))):
        tables.append((x @ Q @ (x @ K).mT / math.sqrt(Q.shape[1])).softmax(-1))
        output = output + tables[-1] @ (x @ V) @ O
    return output, torch.stack(tables, 1)


def _einsum(x, W_q, W_k, W_v, W_o, n_heads):
    import torch

    d = x.shape[-1]
    q, k, v = (torch.einsum("btd,dhe->bthe", x, W.reshape(d, n_heads, -1)) for W in (W_q, W_k, W_v))
    weights = torch.einsum("bthe,bshe->bhts", q, k).div(q.shape[-1] ** 0.5).softmax(-1)
    return torch.einsum("bhts,bshe,hed->btd", weights, v, W_o.reshape(n_heads, -1, d)), weights


def _torch_function(x, W_q, W_k, W_v, W_o, n_heads):
    import torch

    B, T, d = x.shape
    q, k, v = ((x @ W).view(B, T, n_heads, d // n_heads).transpose(1, 2) for W in (W_q, W_k, W_v))
    attend = torch.nn.functional.scaled_dot_product_attention
    weights = attend(q, k, torch.eye(T, dtype=x.dtype).expand(B, n_heads, T, T))
    return attend(q, k, v).transpose(1, 2).contiguous().view(B, T, d) @ W_o, weights


def _folded_batch(x, W_q, W_k, W_v, W_o, n_heads):
    B, T, d = x.shape
    q, k, v = ((x @ W).reshape(B, T, n_heads, -1).permute(0, 2, 1, 3).reshape(B * n_heads, T, -1)
               for W in (W_q, W_k, W_v))
    weights = (q.bmm(k.mT) / math.sqrt(q.shape[2])).softmax(2)
    output = weights.bmm(v).reshape(B, n_heads, T, -1).permute(0, 2, 1, 3).reshape(B, T, d)
    return output @ W_o, weights.reshape(B, n_heads, T, T)


def _one_wide_product(x, W_q, W_k, W_v, W_o, n_heads):
    import torch

    wide = (x @ torch.cat([W_q, W_k, W_v], dim=1)).unflatten(-1, (3, n_heads, -1))
    q, k, v = wide.permute(2, 0, 3, 1, 4)
    output, weights = scaled_dot_product_attention(q, k, v)
    return output.permute(0, 2, 1, 3).flatten(-2) @ W_o, weights


def _item_after_item(x, W_q, W_k, W_v, W_o, n_heads):
    import torch

    assert len(W_q) % n_heads == 0
    outputs, tables = [], []
    for item in x:
        q, k, v = ((item @ W).unfold(-1, len(W) // n_heads, len(W) // n_heads).transpose(0, 1)
                   for W in (W_q, W_k, W_v))
        weights = torch.softmax(q @ k.mT * k.shape[-1] ** -0.5, dim=-1)
        outputs.append((weights @ v).transpose(0, 1).reshape(len(item), -1) @ W_o)
        tables.append(weights)
    return torch.stack(outputs), torch.stack(tables)


def _linear_layers(x, W_q, W_k, W_v, W_o, n_heads):
    import torch
    from torch.nn import functional as F

    q, k, v = (torch.stack(F.linear(x, W.T).tensor_split(n_heads, dim=-1), dim=1) for W in (W_q, W_k, W_v))
    q = q / math.sqrt(q.size(-1))
    weights = F.softmax(q.matmul(k.swapaxes(2, 3)), dim=3)
    return F.linear(torch.cat(list((weights @ v).unbind(1)), -1), W_o.T), weights


def _of_scores(table, values):
    import torch

    x, *matrices = one_hot(table, values, d_model=4)
    return x[None], *matrices, torch.eye(4), 1


BATTERY = Battery(
    sizes=lambda s: (*_inputs(*(s.lead or (1,)), s.T, s.H * s.d_k, s.seed, s.dtype), s.H),
    scores=_of_scores,
    arguments=("x", "W_q", "W_k", "W_v", "W_o", "n_heads"),
    reference=multi_head_attention,
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, **reasons.PLAIN},
)

MULTI_HEAD_ATTENTION = Exercise(
    name="multi_head_attention",
    title="Let several heads look at once",
    notebook="07_many_heads",
    signature="multi_head_attention(x, W_q, W_k, W_v, W_o, n_heads)",
    reference=multi_head_attention,
    arrays="torch",
    returns=(Returns("output", "(B, T, d_model)"), Returns("weights", "(B, H, T, T)")),
    cases=_cases,
    probes=(
        Probe("in every head, each query shares out 1", _each_query_shares_out_one),
        Probe("each head compares its own columns, scaled by sqrt(d_k)", _each_head_has_its_columns),
        Probe("the heads stand side by side, and W_o mixes them", _heads_stand_side_by_side),
        Probe("another order of the tokens changes the order of the outputs only", _order_changes_the_order_only),
        Probe("heads that do not divide d_model end in an error", _refuses_what_does_not_fit),
    ),
    battery=BATTERY,
    stages=heads_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("head-after-head", _by_heads),
        Equivalent("heads-summed", _summed_heads),
        Equivalent("einsum", _einsum),
        Equivalent("torch-function", _torch_function),
        Equivalent("heads-folded-into-the-batch", _folded_batch),
        Equivalent("one-wide-product", _one_wide_product),
        Equivalent("item-after-item", _item_after_item),
        Equivalent("f-linear", _linear_layers),
    ),
    hints=(
        "Project, split, attend, merge, mix. You have written each of the five; the order is all that is new.",
        "`q = split_heads(x @ W_q, n_heads)`, and the same for k and v. `attend(q, k, v)` treats the axes B and H "
        "alike. Merge what it gives, and multiply by W_o.",
        "`q, k, v = [split(x @ W, n_heads) for W in (W_q, W_k, W_v)]`, `output, weights = attend(q, k, v)`, "
        "`return merge(output) @ W_o, weights`.",
    ),
    minutes=12,
    points=3,
)

EXERCISES = (MULTI_HEAD_ATTENTION,)
