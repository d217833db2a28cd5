"""Exercise of notebook 05: attention under a mask, rows without a single key included."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Probe, Returns
from course_utils.exercises.battery import Battery, queries_and_keys, reasons
from course_utils.exercises.families.loops import attend_in_loops
from course_utils.exercises.families.masked_attention import MISTAKES, masked_by_stages
from course_utils.exercises.families.shared import draw, rounded, tensor


def _mask(*rows):
    return tensor([[letter == "x" for letter in row] for row in rows])


def _cases():
    # Whole numbers and powers of two, so that every order of multiplying and dividing gives the same scores.
    low_k = tensor([[3.0], [3.0 + 1 / 4096], [3.0 + 1 / 2048]]) * tensor([1.0] + [0.0] * 15)
    return (
        Case((tensor([[2.0, 0.0, 1.0, 1.0]]),
              tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0], [2.0, 1.0, 0.0, 2.0]]),
              tensor([[10.0], [20.0], [90.0]]), _mask("xx-")), note="one query, three keys, the last hidden"),
        Case((tensor([[-16384.0] + [0.0] * 15]), low_k, tensor([[1.0], [2.0], [4.0]]), _mask("xx-")),
             note="scores below -12000"),
        Case((tensor([[16384.0] + [0.0] * 15]), low_k, tensor([[1.0], [2.0], [4.0]]), _mask("xx-")),
             note="scores above 12000"),
    )


# --- properties ---


def _hidden_keys_get_nothing(call):
    import torch

    mask = torch.stack([_mask("xxx-", "-x-x", "x-xx"), _mask("-xxx", "xx--", "xxx-")])
    _, weights = call(*draw((2, 3, 4), (2, 4, 4), (2, 4, 2), seed=31), mask)
    for b, i in ((b, i) for b in range(2) for i in range(3)):
        row, seen = weights[b, i].detach(), mask[b, i]
        if not row.masked_fill(seen, 0.0).abs().max() < 1e-7:
            return Broken("a hidden key should get the weight 0",
                          f"item {b}, query {i} sees the keys {seen.nonzero().flatten().tolist()}; its weights are "
                          f"{rounded(row, 5)}")
        if not abs(float(row.sum()) - 1) < 1e-4:
            return Broken("the weights of the visible keys should sum to 1",
                          f"item {b}, query {i}: {rounded(row)} sums to {float(row.sum()):.3f}")


def _hidden_values_do_not_count(call):
    q, k, v = draw((3, 4), (4, 4), (4, 2), seed=32)
    q[:, 0] = 2.0
    mask, moved_k, moved_v = _mask("xx-x", "x--x", "xx-x"), k.clone(), v.clone()
    moved_k[2], moved_v[2] = tensor([30.0, 0.0, 0.0, 0.0]), 1e6  # its score is 30
    before, after = call(q, k, v, mask)[0], call(q, moved_k, moved_v, mask)[0]
    if not (before - after).abs().max() < 1e-4:
        return Broken("another key and value in a place that nobody may see should change nothing",
                      f"row 0 of the output: {rounded(before[0].detach())} before, {rounded(after[0].detach())} after")


def _alone_it_gives_its_value(call):
    q, k, v = draw((2, 3, 4), (2, 3, 4), (2, 3, 2), seed=33)
    output, _ = call(q, k, v, _mask("-x-", "--x", "x--"))
    for i, j in ((0, 1), (1, 2), (2, 0)):
        if not (output[1, i] - v[1, j]).abs().max() < 1e-4:
            return Broken("a query that sees a single key should get the value of that key",
                          f"item 1, query {i} sees key {j} with the value {rounded(v[1, j])}, "
                          f"and gets {rounded(output[1, i].detach())}")


def _only_visible_keys_compete(call):
    q = tensor([[1.0] * 4])
    k = tensor([[1.5] * 4, [1.0] * 4, [2.0] * 4])  # q . k = 6, 4, 8, so the scores are 3, 2, 4
    weights = call(q, k, tensor([[1.0], [0.0], [0.0]]), _mask("xx-"))[1][0]
    found = float((weights[0] / weights[1]).log())
    if not abs(found - 1) < 1e-2:
        return Broken("two visible keys with the dot products 6 and 4 should have log(w1/w2) = 1 for d_k = 4",
                      f"weights {rounded(weights.detach())}: got {found:.3f}")


def _rows_without_keys_are_zero(call):
    output, weights = call(*draw((2, 3, 4), (2, 4, 4), (2, 4, 2), seed=34), _mask("xx--", "----", "-x-x"))
    if not (bool((weights[:, 1] == 0).all()) and bool((output[:, 1] == 0).all())):
        return Broken("a query that may attend to no key should get weights 0 and output 0",
                      f"its weights are {rounded(weights[0, 1].detach())}, its output {rounded(output[0, 1].detach())}")


def _gradients_arrive(call):
    q, k, v = (x.requires_grad_() for x in draw((3, 4), (4, 4), (4, 2), seed=35))
    output, _ = call(q, k, v, _mask("xx-x", "----", "-xxx"))
    if output.requires_grad:
        (output[0] ** 2).sum().backward()  # a loss that does not look at the row without keys
    without = [name for name, x in zip("qkv", (q, k, v)) if x.grad is None or not x.grad.any()]
    if without:
        return Broken("the gradient of the output should reach q, k and v",
                      f"it does not reach {' and '.join(without)}")
    strange = [name for name, x in zip("qkv", (q, k, v)) if not x.grad.isfinite().all()]
    if strange:
        return Broken("every gradient should be finite, also when a row sees no key",
                      f"row 1 sees no key and is not in the loss; the gradient of {' and '.join(strange)} has NaN")


# --- right answers in other words ---


def _by_where(q, k, v, mask):
    import torch

    scores = q @ k.mT / math.sqrt(q.shape[-1])
    some = mask.any(-1, keepdim=True)
    weights = torch.where(mask | ~some, scores, float("-inf")).softmax(-1)
    weights = torch.where(some, weights, 0.0)
    return weights @ v, weights


def _by_large_number(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    weights = scores.masked_fill(~mask, -1e9).softmax(-1) * mask
    return weights @ v, weights


def _by_smallest_number(q, k, v, mask):
    import torch

    scores = (q @ k.mT / math.sqrt(k.size(-1))).masked_fill(mask == 0, torch.finfo(q.dtype).min)
    weights = torch.softmax(scores, -1)
    weights = weights.masked_fill(mask.logical_not(), 0)
    return weights.matmul(v), weights


def _added(q, k, v, mask):
    import torch

    some = mask.any(-1, keepdim=True)
    bias = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask & some, -math.inf)
    weights = (q @ k.mT / math.sqrt(q.shape[-1]) + bias).softmax(-1) * some
    return weights @ v, weights


def _by_torch(q, k, v, mask):
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    unit = torch.eye(k.shape[-2], dtype=k.dtype).expand(*k.shape[:-1], k.shape[-2])
    return attend(q, k, v, attn_mask=mask), attend(q, k, unit, attn_mask=mask)


def _nan_replaced(q, k, v, mask):
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1).nan_to_num(0.0)  # masked_fill lets no gradient through, so no NaN either
    return weights @ v, weights


def _filled_before_and_after(q, k, v, mask):
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1).masked_fill(~mask, 0.0)
    return weights @ v, weights


def _by_exponentials(q, k, v, mask):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    e = (scores - scores.masked_fill(~mask, -1e9).amax(-1, keepdim=True)).clamp(max=0).exp() * mask
    weights = e / e.sum(-1, keepdim=True).clamp(min=1e-30)
    return weights @ v, weights


def _by_einsum(q, k, v, mask):
    import torch

    scores = torch.einsum("...td,...sd->...ts", q / math.sqrt(q.shape[-1]), k)
    empty = ~mask.any(dim=-1, keepdim=True)
    weights = torch.softmax(scores.masked_fill(~(mask | empty), -math.inf), dim=-1).masked_fill(empty, 0.0)
    return torch.einsum("...ts,...sv->...tv", weights, v), weights


def _of_sizes(s):
    q, k, v, noise = draw((*s.lead, s.T, s.d_k), (*s.lead, s.S, s.d_k), (*s.lead, s.S, s.d_v), (*s.lead, s.T, s.S),
                          seed=s.seed, dtype=s.dtype)
    return q, k, v, noise >= noise.sort(-1).values[..., s.S // 2, None]  # holes, another mask for each item


def _under_masks():
    decoder = tensor([[[[j <= i and j >= n for j in range(4)] for i in range(4)]] for n in (2, 0)])
    along = tensor([[[[True, False, True, True, False]]], [[[False, False, True, True, True]]]])
    second = tensor([[[True] * 5], [[True, False, True, True, False]]])
    batch, heads = ((2, 3, 6), (2, 5, 6), (2, 5, 4)), ((2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 7))
    return [(regime, Case((*draw(*sizes, seed=seed), mask), note=note)) for regime, sizes, seed, mask, note in (
        ("a single key", ((3, 4), (4, 4), (4, 2)), 71, _mask("x-xx", "-x--", "xxx-"), "a key alone in row 1"),
        ("no key", ((3, 4), (4, 4), (4, 2)), 72, _mask("xx-x", "----", "-xxx"), "row 1 sees no key"),
        ("holes", ((4, 3),) * 3, 73, _mask("x-x-", "xx--", "-xxx", "x--x"), "four queries, four keys, holes"),
        ("one query, masked", ((2, 1, 6), (2, 5, 6), (2, 5, 4)), 70, along[:, 0], "a single query in each item"),
        ("item 0 unpadded", batch, 69, second, "the first item needs no mask"),
        ("holes", batch, 74, along[:, 0], "a mask of shape (2, 1, 5)"),
        ("holes", heads, 75, along, "a mask of shape (2, 1, 1, 5)"),
        ("left padding", ((2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 2)), 76, decoder, "two rows see no key"),
        ("a mask for each head", heads, 68, tensor([[[True] * 5] * 4, [[True] * 4 + [False]] * 4,
                                                    [[False] + [True] * 4] * 4]), "a mask of shape (3, 4, 5)"),
        ("", ((2, 3, 3), (2, 3, 3), (2, 3, 5)), 77, tensor([True, False, True]), "a single mask row"),
        ("", ((3, 4), (5, 4), (5, 2)), 79, _mask("xxxxx", "xxxxx", "xxxxx"), "nothing hidden"))] + [
        # Of one hidden score the exponential is small beside that of the others, of the other one far too small.
        ("", Case((tensor([[0.18], [1.0]]), tensor([[0.0], [0.7], [141.0]]), tensor([[10.0], [20.0], [90.0]]),
                   _mask("xx-")), note="hidden scores far above the others"))]


BATTERY = Battery(
    sizes=_of_sizes,
    scores=lambda table, values, mask: (*queries_and_keys(table, "torch"), tensor(values), tensor(mask)),
    masked=True,
    own=_under_masks,
    arguments=("q", "k", "v", "mask"),
    reference=scaled_dot_product_attention,
    without={"long": reasons.PLAIN["long"], "names": reasons.PLAIN["names"]},
)

MASKED_ATTENTION = Exercise(
    name="masked_attention",
    title="Write attention under a mask",
    notebook="05_masks",
    signature="masked_attention(q, k, v, mask)",
    reference=scaled_dot_product_attention,
    arrays="torch",
    returns=(Returns("output", "(..., T, d_v)"), Returns("weights", "(..., T, S)")),
    cases=_cases,
    probes=(
        Probe("hidden keys get weight 0, the others share out 1", _hidden_keys_get_nothing),
        Probe("what a hidden key holds does not count", _hidden_values_do_not_count),
        Probe("a key seen alone gives its value", _alone_it_gives_its_value),
        Probe("the visible keys compete as in notebook 4", _only_visible_keys_compete),
        Probe("a query that sees no key gets zeros", _rows_without_keys_are_zero),
        Probe("gradients arrive and are finite", _gradients_arrive),
    ),
    battery=BATTERY,
    stages=masked_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("where", _by_where),
        Equivalent("minus-one-billion-and-covered", _by_large_number),
        Equivalent("smallest-number-and-covered", _by_smallest_number),
        Equivalent("additive-mask", _added),
        Equivalent("loops", attend_in_loops),
        Equivalent("torch-function", _by_torch),
        Equivalent("softmax-by-hand", _by_exponentials),
        Equivalent("einsum", _by_einsum),
        Equivalent("nan-replaced", _nan_replaced),
        Equivalent("filled-before-and-after", _filled_before_and_after),
    ),
    hints=(
        "One line more than in notebook 4, between scores and softmax. Then look at a row in which everything is "
        "hidden: what goes into its softmax, and what comes out?",
        "`scores.masked_fill(~mask, -math.inf)` hides. `nobody = ~mask.any(dim=-1, keepdim=True)` finds the rows "
        "without a key. Give them harmless scores before the softmax and the weight 0 after it.",
        "`scores = scores.masked_fill(~mask, -math.inf).masked_fill(nobody, 0.0)`, then "
        "`weights = torch.softmax(scores, dim=-1).masked_fill(nobody, 0.0)` and `return weights @ v, weights`.",
    ),
    minutes=15,
    points=3,
)

EXERCISES = (MASKED_ATTENTION,)
