"""Exercise of notebook 06: queries, keys and values all made from the same tokens."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Probe, Returns
from course_utils.exercises.battery import Battery, one_hot, reasons
from course_utils.exercises.families.loops import attend_in_loops
from course_utils.exercises.families.projected import (
    ATTENTION_MISTAKES,
    LONE_MISTAKES,
    careless,
    lone,
    mistake,
    projected_attention,
    through_attend,
)
from course_utils.exercises.families.shared import draw, rounded, tensor


def self_attention(x, W_q, W_k, W_v):
    """Let every token of x (..., T, d_model) attend to all of them: output (..., T, d_v), weights (..., T, T)."""
    return scaled_dot_product_attention(x @ W_q, x @ W_k, x @ W_v)


def _times(x, W):
    return x @ W


def self_attention_by_stages(x, W_q, W_k, W_v, *, project=_times, **changes):
    """Self-attention in stages that can be replaced one by one."""
    return projected_attention(x, x, W_q, W_k, W_v, project=project, **changes)


def _inputs(shape, d_k, d_v, seed, dtype="float32"):
    """Tokens and matrices that keep the scores near 1."""
    d = shape[-1]
    x, *matrices = draw(shape, (d, d_k), (d, d_k), (d, d_v), seed=seed, dtype=dtype)
    return (x, *(W * 1.5 / math.sqrt(d) for W in matrices))


def _cases():
    return (
        Case((tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), tensor([[2.0], [-1.0]]), tensor([[0.0], [1.0]]),
              tensor([[10.0, 0.0, 0.0], [0.0, 20.0, 5.0]])), note="3 tokens, d_model = 2, d_k = 1, d_v = 3"),
        Case(_inputs((2, 4, 6), 6, 6, seed=84), note="square matrices"),
    )


# --- properties ---


def _rows_sum_to_one(call):
    _, weights = call(*_inputs((2, 3, 5), 4, 2, seed=31))
    if tuple(weights.shape) != (2, 3, 3):
        return Broken("weights should have a row and a column for each token",
                      f"x of shape (2, 3, 5): wanted the shape (2, 3, 3), got {tuple(weights.shape)}")
    sums = weights.sum(-1)
    if not (sums - 1).abs().max() < 1e-4:
        return Broken("the weights of each token should sum to 1 over all tokens",
                      f"item 0: the rows sum to {rounded(sums[0].detach())}")


def _one_hot_tokens_show_the_matrices(call):
    import torch

    # One-hot tokens: token i has row i of W_q for its query and row i of W_k for its key.
    W_q, W_k = tensor([[1.0, 0.0], [0.0, 2.0], [1.0, -1.0]]), tensor([[0.0, 1.0], [3.0, 0.0], [-1.0, -2.0]])
    weights = call(torch.eye(3), W_q, W_k, tensor([[1.0], [2.0], [4.0]]))[1].detach()
    for i, j in ((0, 1), (1, 0), (2, 2)):
        wanted = float(W_q[i] @ (W_k[j] - W_k[(j + 1) % 3])) / math.sqrt(2)
        found = float((weights[i, j] / weights[i, (j + 1) % 3]).log())
        if not abs(found - wanted) < 1e-3:
            return Broken("two weights of a row should have log(w1/w2) = (their scores' difference), where the score "
                          "is (row i of x @ W_q) . (row j of x @ W_k) / sqrt(d_k)",
                          f"one-hot tokens, row {i}, keys {j} and {(j + 1) % 3}: wanted {wanted:.3f}, got {found:.3f}")


def _output_averages_the_values(call):
    x, W_q, W_k, W_v = _inputs((2, 4, 3), 2, 5, seed=33)
    output, weights = call(x, W_q, W_k, W_v)
    wanted = weights @ (x @ W_v)
    if output.shape != wanted.shape or not (output - wanted).abs().max() < 1e-4:
        return Broken("the output should be the average of the rows of x @ W_v under the weights that you return",
                      f"item 0, token 0: wanted {rounded(wanted[0, 0].detach())}, got {rounded(output[0, 0].detach())}"
                      if output.shape == wanted.shape else
                      f"wanted the shape {tuple(wanted.shape)}, got {tuple(output.shape)}")


def _order_changes_the_order_only(call):
    x, *matrices = _inputs((4, 3), 2, 2, seed=34)
    order = [2, 0, 3, 1]
    before, after = call(x, *matrices)[0], call(x[order], *matrices)[0]
    if not (before[order] - after).abs().max() < 1e-4:
        return Broken("tokens in another order should give the same outputs in that other order",
                      f"token 2 had the output {rounded(before[2].detach())}; standing first, it gets "
                      f"{rounded(after[0].detach())}")


# --- right answers in other words ---


def _by_einsum(x, W_q, W_k, W_v):
    import torch

    q, k, v = (torch.einsum("...td,de->...te", x, W) for W in (W_q, W_k, W_v))
    weights = torch.softmax(torch.einsum("...td,...sd->...ts", q, k) / math.sqrt(k.shape[-1]), dim=-1)
    return torch.einsum("...ts,...sv->...tv", weights, v), weights


def _one_wide_product(x, W_q, W_k, W_v):
    import torch

    parts = [W.shape[-1] for W in (W_q, W_k, W_v)]
    q, k, v = (x @ torch.cat([W_q, W_k, W_v], dim=-1)).split(parts, dim=-1)
    return scaled_dot_product_attention(q, k, v)


def _linear(x, W_q, W_k, W_v):
    from torch.nn import functional as F

    weights = (F.linear(x, W_q.T) @ F.linear(x, W_k.T).mT / W_k.shape[-1] ** 0.5).softmax(-1)
    return weights @ F.linear(x, W_v.T), weights


def _averaged_first(x, W_q, W_k, W_v):
    weights = (x @ (W_q @ W_k.T) @ x.mT / math.sqrt(W_q.shape[-1])).softmax(-1)
    return (weights @ x) @ W_v, weights


def _columns(x, W_q, W_k, W_v):
    columns = x.mT
    q, k, v = (W.T @ columns for W in (W_q, W_k, W_v))
    weights = (q.mT @ k / q.shape[-2] ** 0.5).softmax(-1)
    return weights @ v.mT, weights


def _x_overwritten(x, W_q, W_k, W_v):
    x = x @ W_q
    q, x = x, x @ W_k
    return scaled_dot_product_attention(q, x, x @ W_v)


def _in_place(x, W_q, W_k, W_v):
    W_q /= math.sqrt(W_q.shape[-1])
    weights = (x @ W_q @ (x @ W_k).transpose(-2, -1)).softmax(-1)
    return weights @ (x @ W_v), weights


def _x_added(x, W_q, W_k, W_v):
    output, weights = self_attention(x, W_q, W_k, W_v)
    return x + output, weights


def _weights_of_x(x, W_q, W_k, W_v):
    return scaled_dot_product_attention(x, x, x)[0], self_attention(x, W_q, W_k, W_v)[1]


def _first_item_only(x, W_q, W_k, W_v):
    while x.ndim > 2:
        x = x[0]
    return self_attention(x, W_q, W_k, W_v)


def _scaled_twice(q, x):
    return q.shape[-1]  # the root before `attend`, and the root inside it


_MISTAKES = (
    mistake("nothing-projected", "x itself is used for queries, keys and values; the matrices are never used.",
            "Double W_q: do your weights change?", project=lambda x, W: x),
    mistake("queries-not-projected", "The queries are x itself, not x @ W_q.", "Double W_q: do your weights change?",
            queries=lambda p, x, c, W_q, W_k, W_v: x),
    mistake("keys-not-projected", "The keys are x itself, not x @ W_k.", "Double W_k: do your weights change?",
            keys=lambda p, x, c, W_q, W_k, W_v: x),
    mistake("values-not-projected", "The weights average the rows of x itself, not those of x @ W_v.",
            "Double W_v: does your output change?", values=lambda p, x, c, W_q, W_k, W_v: x),
    mistake("keys-by-w-q", "The keys are made with W_q, so a token's key equals its query.",
            "Double W_k: do your weights change?", keys=lambda p, x, c, W_q, W_k, W_v: p(x, W_q)),
    mistake("queries-by-w-k", "The queries are made with W_k, so a token's query equals its key.",
            "Double W_q: do your weights change?", queries=lambda p, x, c, W_q, W_k, W_v: p(x, W_k)),
    mistake("values-by-w-k", "The values are the keys: W_v is never used.",
            "Double W_v: does your output change?", values=lambda p, x, c, W_q, W_k, W_v: p(x, W_k)),
    mistake("values-by-w-q", "The values are the queries: W_v is never used.",
            "Double W_v: does your output change?", values=lambda p, x, c, W_q, W_k, W_v: p(x, W_q)),
    mistake("queries-and-keys-exchanged", "W_k makes the queries and W_q makes the keys.",
            "Work out by hand which token *asks* in row 0 of your weights.",
            queries=lambda p, x, c, W_q, W_k, W_v: p(x, W_k), keys=lambda p, x, c, W_q, W_k, W_v: p(x, W_q)),
    mistake("keys-projected-twice", "The keys go through W_k twice.", "Count how often W_k stands in your code.",
            keys=lambda p, x, c, W_q, W_k, W_v: p(p(x, W_k), W_k)),
    mistake("keys-from-the-queries", "The keys are made from the queries, not from x: x @ W_q @ W_k.",
            "Print what you multiply by W_k: it should have the width d_model.",
            keys=lambda p, x, c, W_q, W_k, W_v: p(p(x, W_q), W_k)),
    mistake("values-from-the-keys", "The values are made from the keys, not from x: x @ W_k @ W_v.",
            "Print what you multiply by W_v: it should have the width d_model.",
            values=lambda p, x, c, W_q, W_k, W_v: p(p(x, W_k), W_v)),
    mistake("values-projected-twice", "The values go through W_v twice, for instance before and after the averaging.",
            "Count how often W_v stands on the way to your output.",
            values=lambda p, x, c, W_q, W_k, W_v: p(p(x, W_v), W_v)),
    mistake("x-added", "x is added to the output; here the output is the average of the values alone.",
            "Compare your output with `weights @ (x @ W_v)`.", _x_added),
    mistake("star", "The star multiplies entry by entry; a projection is a matrix product.",
            "Compare `x * W_q` and `x @ W_q` for two tables of shape (2, 2).", project=lambda x, W: x * W),
    mistake("matrices-attend", "The matrices attend to each other: x is never used.",
            "Change x: does your output change?", project=lambda x, W: W),
    mistake("output-without-matrices", "The output comes from attention over x itself, the weights from another call.",
            "Compare your output with `weights @ (x @ W_v)`.", _weights_of_x),
    mistake("x-overwritten", "x is replaced by its own projection, and the next projection starts from that.",
            "Print `x.shape` after each line: it should never change.", _x_overwritten),
    mistake("matrices-transposed", "The matrices are transposed, as if they came from `nn.Linear` or `F.linear`.",
            "Write the shapes of both sides of `@` down: which axis of W has to meet d_model?",
            project=lambda x, W: x @ W.T),
    mistake("matrix-first", "The product stands the wrong way round: W @ x mixes tokens, x @ W maps each token.",
            "Change one token of x: should the projections of the other tokens change?", project=lambda x, W: W @ x),
    mistake("scaled-twice", "The scores are divided by sqrt(d_k) twice: before calling attention and inside it.",
            "Print the factor between your scores and `q @ k.transpose(-2, -1)` for d_k = 4.", divisor=_scaled_twice),
    mistake("projected-in-place", "One of the matrices is overwritten: the next call finds other numbers in it.",
            "Call it twice on the same matrices and compare the results.", _in_place),
    mistake("first-item-only", "Only the first item of the batch is computed.",
            "Print the shape of the output for a batch of 2.", _first_item_only),
    *(m for m in ATTENTION_MISTAKES if m.name != "divided-by-width"),
    *lone(LONE_MISTAKES, self_attention_by_stages),
    *careless(self_attention_by_stages),
)

BATTERY = Battery(
    sizes=lambda s: _inputs((*s.lead, s.T, s.d_model), s.d_k, s.d_v, s.seed, s.dtype),
    scores=one_hot,
    arguments=("x", "W_q", "W_k", "W_v"),
    reference=self_attention,
    without={**reasons.OWN_TOKENS, **reasons.PLAIN},
)

SELF_ATTENTION = Exercise(
    name="self_attention",
    title="Let every token look at all tokens",
    notebook="06_self_and_cross_attention",
    signature="self_attention(x, W_q, W_k, W_v)",
    reference=self_attention,
    arrays="torch",
    returns=(Returns("output", "(..., T, d_v)"), Returns("weights", "(..., T, T)")),
    cases=_cases,
    probes=(
        Probe("each token shares out weights that sum to 1", _rows_sum_to_one),
        Probe("a score is a row of x @ W_q times a row of x @ W_k", _one_hot_tokens_show_the_matrices),
        Probe("the output averages the rows of x @ W_v", _output_averages_the_values),
        Probe("another order of the tokens changes the order of the outputs only", _order_changes_the_order_only),
    ),
    battery=BATTERY,
    stages=self_attention_by_stages,
    mistakes=(*_MISTAKES, *through_attend(_MISTAKES, self_attention_by_stages, "queries-not-projected",
                                          "keys-not-projected")),
    equivalents=(
        Equivalent("loops", lambda x, W_q, W_k, W_v: attend_in_loops(x @ W_q, x @ W_k, x @ W_v)),
        Equivalent("einsum", _by_einsum),
        Equivalent("one-wide-product", _one_wide_product),
        Equivalent("f-linear", _linear),
        Equivalent("averaged-before-projected", _averaged_first),
        Equivalent("tokens-as-columns", _columns),
    ),
    hints=(
        "Three products make q, k and v out of the same x. What follows is the function of notebook 4.",
        "`q = x @ W_q` has the shape (..., T, d_k), whatever stands in front. Then `attend(q, k, v)`.",
        "`return attend(x @ W_q, x @ W_k, x @ W_v)`, which gives the output and the weights, in this order.",
    ),
    minutes=8,
    points=2,
    core=False,
    within="find_articles",
)

EXERCISES = (SELF_ATTENTION,)
