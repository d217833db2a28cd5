"""Exercise of notebook 04: attention as one function, softmax(Q K^T / sqrt(d_k)) V."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Probe, Returns
from course_utils.exercises.battery import Battery, queries_and_keys, reasons
from course_utils.exercises.families.attention import MISTAKES, attention_by_stages, exponentials
from course_utils.exercises.families.loops import attend_in_loops
from course_utils.exercises.families.shared import draw, rounded, tensor


def _cases():
    return (
        Case((tensor([[2.0, 0.0, 1.0, 1.0]]), tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]]),
              tensor([[10.0], [20.0]])), note="one query, two keys, d_k = 4"),
        Case(draw((2, 4, 8), (2, 4, 8), (2, 4, 8), seed=63), note="as many keys as queries"),
        Case((tensor([[400.0, 0.0]]), tensor([[1.0, 5.0], [1.01, -3.0]]), tensor([[1.0, 2.0], [3.0, 4.0]])),
             note="large scores"),
    )


# --- properties ---


def _rows_sum_to_one(call):
    _, weights = call(*draw((2, 3, 4), (2, 5, 4), (2, 5, 2), seed=21))
    sums = weights.sum(-1)
    if tuple(weights.shape) != (2, 3, 5):
        return Broken("weights should have a row for each query and a column for each key",
                      f"q (2, 3, 4) and k (2, 5, 4): wanted the shape (2, 3, 5), got {tuple(weights.shape)}")
    if not (sums - 1).abs().max() < 1e-4:
        return Broken("the weights of each query should sum to 1 over the keys",
                      f"item 0: the rows sum to {rounded(sums[0])}")


def _ratio_follows_the_width(call):
    for d_k in (4, 16):
        # One number more in every key: the dot products are 303 and 301 at both widths.
        q, k = tensor([[1.0] * d_k]), tensor([[303.0 / d_k] * d_k, [301.0 / d_k] * d_k])
        weights = call(q, k, tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))[1][0]
        found, wanted = float((weights[0] / weights[1]).log()), 2 / math.sqrt(d_k)
        if not abs(found - wanted) < 1e-2:
            return Broken("the dot products 303 and 301 should give weights with log(w1/w2) = 2 / sqrt(d_k)",
                          f"d_k = {d_k}: wanted {wanted:.3f}, got {found:.3f}")


def _unit_values_show_the_weights(call):
    q, k = draw((2, 3, 4), (2, 5, 4), seed=23)
    unit = tensor([[[float(i == j) for j in range(5)] for i in range(5)]] * 2)
    output, weights = call(q, k, unit)
    if output.shape != weights.shape or not (output - weights).abs().max() < 1e-4:
        return Broken("where value j is 1 at place j and 0 elsewhere, the output should equal the weights",
                      f"row 0: output {rounded(output[0, 0].detach())}, weights {rounded(weights[0, 0].detach())}")


def _each_query_stands_alone(call):
    q, k, v = draw((2, 3, 4), (2, 5, 4), (2, 5, 2), seed=24)
    together, alone = call(q, k, v)[0][1, 2], call(q[1, 2:], k[1], v[1])[0][0]
    if not (together - alone).abs().max() < 1e-4:
        return Broken("a query should get the same output alone as beside other queries and other items",
                      f"item 1, query 2: {rounded(together.detach())} in the batch, {rounded(alone.detach())} alone")


# --- right answers in other words ---


def _by_einsum(q, k, v):
    import torch

    weights = torch.softmax(torch.einsum("...td,...sd->...ts", q, k) / math.sqrt(k.shape[-1]), dim=-1)
    return torch.einsum("...ts,...sv->...tv", weights, v), weights


def _by_torch(q, k, v):
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    unit = torch.eye(k.shape[-2], dtype=k.dtype).expand(*k.shape[:-1], k.shape[-2])
    return attend(q, k, v), attend(q, k, unit)


def _folded_batch(q, k, v):
    lead, T, S = q.shape[:-2], q.shape[-2], k.shape[-2]
    flat = [x.reshape(-1, *x.shape[-2:]) for x in (q, k, v)]
    weights = (flat[0] @ flat[1].mT / q.shape[-1] ** 0.5).softmax(2)
    return (weights @ flat[2]).reshape(*lead, T, v.shape[-1]), weights.reshape(*lead, T, S)


def _query_after_query(q, k, v):
    import torch

    tables = [(q[..., t:t + 1, :] @ k.mT / q.shape[-1] ** 0.5).softmax(-1) for t in range(q.shape[-2])]
    return [torch.cat([w @ v for w in tables], -2), torch.cat(tables, -2)]


def _scaled_first(q, k, v):
    weights = ((q * k.shape[-1] ** -0.5) @ k.swapaxes(-1, -2)).softmax(-1)
    return weights.matmul(v), weights


def _log_space(q, k, v):
    scores = q @ k.mT / math.sqrt(q.size(-1))
    weights = (scores - scores.logsumexp(-1, keepdim=True)).exp()
    return weights @ v, weights


def _by_hand(q, k, v):
    weights = exponentials(q @ k.mT / math.sqrt(q.shape[-1]))
    return weights @ v, weights


def _broadcast(q, k, v):
    weights = ((q[..., :, None, :] * k[..., None, :, :]).sum(-1) / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights[..., None] * v[..., None, :, :]).sum(-2), weights


BATTERY = Battery(
    sizes=lambda s: draw((*s.lead, s.T, s.d_k), (*s.lead, s.S, s.d_k), (*s.lead, s.S, s.d_v), seed=s.seed,
                         dtype=s.dtype),
    scores=lambda table, values: (*queries_and_keys(table, "torch"), tensor(values)),
    arguments=("q", "k", "v"),
    reference=scaled_dot_product_attention,
    without={**reasons.PLAIN},
)

SCALED_DOT_PRODUCT_ATTENTION = Exercise(
    name="scaled_dot_product_attention",
    title="Write scaled dot-product attention",
    notebook="04_scaled_dot_product",
    signature="scaled_dot_product_attention(q, k, v)",
    reference=scaled_dot_product_attention,
    arrays="torch",
    returns=(Returns("output", "(..., T, d_v)"), Returns("weights", "(..., T, S)")),
    cases=_cases,
    probes=(
        Probe("each query shares out weights that sum to 1", _rows_sum_to_one),
        Probe("the ratio of two weights follows sqrt(d_k)", _ratio_follows_the_width),
        Probe("the output is the average of the values under the weights", _unit_values_show_the_weights),
        Probe("each query stands alone", _each_query_stands_alone),
    ),
    battery=BATTERY,
    stages=attention_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", attend_in_loops),
        Equivalent("einsum", _by_einsum),
        Equivalent("torch-function", _by_torch),
        Equivalent("folded-batch", _folded_batch),
        Equivalent("query-after-query", _query_after_query),
        Equivalent("queries-scaled-first", _scaled_first),
        Equivalent("log-sum-exp", _log_space),
        Equivalent("softmax-by-hand", _by_hand),
        Equivalent("broadcast", _broadcast),
    ),
    hints=(
        "Three lines: scores, weights, output. You have written each of them before; only the tensors are new.",
        "Scores: `q @ k.transpose(-2, -1)`, divided by the root of `q.shape[-1]`. The softmax runs along the axis "
        "that holds the keys, the last one. The keys meet the values in the last product.",
        "`scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])`, `weights = torch.softmax(scores, dim=-1)`, "
        "`return weights @ v, weights`.",
    ),
    minutes=12,
    points=2,
)

EXERCISES = (SCALED_DOT_PRODUCT_ATTENTION,)
