"""Exercise of notebook 08: take PyTorch's stacked projection apart."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor


def _reference(in_proj_weight, in_proj_bias):
    """Read the six parts from a module that `MultiHeadAttention.from_torch` copied."""
    import torch
    from torch import nn

    from course_utils.multihead import MultiHeadAttention

    theirs = nn.MultiheadAttention(in_proj_weight.shape[1], 1, dtype=in_proj_weight.dtype)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(in_proj_weight)
        theirs.in_proj_bias.copy_(in_proj_bias)
    ours = MultiHeadAttention.from_torch(theirs)
    parts = (ours.W_q, ours.W_k, ours.W_v)
    return tuple(x.detach() for w in parts for x in (w.weight, w.bias))


def _cases():
    numbered = tensor([[10.0 * i + j for j in range(2)] for i in range(6)])
    return (
        Case((numbered, tensor([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])), note="d_model = 2, numbered"),
    )


def _thirds(x):
    return x.chunk(3)


def parts_by_stages(in_proj_weight, in_proj_bias, *, cut=_thirds, cut_bias=_thirds, order=(0, 1, 2),
                    bias_order=(0, 1, 2), turn=lambda w: w, answer=lambda parts: parts):
    """Take the projection apart; every stage can be replaced."""
    weights, biases = cut(in_proj_weight), cut_bias(in_proj_bias)
    parts = []
    for i, j in zip(order, bias_order):
        parts += [turn(weights[i]), biases[j]]
    return answer(tuple(parts))


def _every_third(x):
    return x[0::3], x[1::3], x[2::3]


def _cut_across(in_proj_weight, in_proj_bias):
    W_q, W_k, W_v = in_proj_weight.chunk(3, dim=1)
    b_q, b_k, b_v = in_proj_bias.chunk(3)
    return W_q, b_q, W_k, b_k, W_v, b_v


def _projects_like_the_stack(call):
    weight, bias, x = draw((12, 4), (12,), (5, 4), seed=103)
    parts = call(weight, bias)
    together = x @ weight.T + bias
    for i, name in enumerate("qkv"):
        one, wanted = x @ parts[2 * i].T + parts[2 * i + 1], together[:, 4 * i:4 * i + 4]
        if not (one - wanted).abs().max() < 1e-4:
            return Broken(f"x @ W_{name}.T + b_{name} should be features {4 * i} to {4 * i + 3} of the stack",
                          f"row 0: wanted {rounded(wanted[0])}, got {rounded(one[0])}")


def _together_they_are_the_stack(call):
    import torch

    weight, bias = draw((6, 2), (6,), seed=104)
    parts = call(weight, bias)
    if not torch.equal(torch.cat([parts[0], parts[2], parts[4]]), weight):
        return Broken("the three weights, one above the other, should be in_proj_weight again",
                      f"row 0 of the stack: {rounded(weight[0])}, row 0 of the first part: {rounded(parts[0][0])}")
    if not torch.equal(torch.cat([parts[1], parts[3], parts[5]]), bias):
        return Broken("the three biases, one after the other, should be in_proj_bias again",
                      f"wanted {rounded(bias)}, got {rounded(torch.cat([parts[1], parts[3], parts[5]]))}")


def _mistake(name, cause, experiment, **changes):
    return Mistake(name, cause=cause, experiment=experiment, changes=changes)


def _row_after_row(in_proj_weight, in_proj_bias):
    import torch

    parts, d_model = [], in_proj_weight.shape[1]
    for i in range(3):
        for whole in (in_proj_weight, in_proj_bias):
            parts.append(torch.stack([whole[i * d_model + row] for row in range(d_model)]))
    return tuple(parts)


BATTERY = Battery(
    own=lambda: [("all sizes distinct", Case(draw((12, 4), (12,), seed=101), note="d_model = 4")),
                 ("float64", Case(draw((9, 3), (9,), seed=102, dtype="float64"), note="float64"))],
    without={"shapes": "a stack of three square matrices goes in", "scores": "nothing is scored",
             "an earlier result": "views of what went in are right, and go where it goes",
             "gradients": "weights are read out of a module, not trained", **reasons.PLAIN},
)

SPLIT_IN_PROJ = Exercise(
    name="split_in_proj",
    title="Take PyTorch's stacked projection apart",
    notebook="08_masked_multi_head_attention",
    signature="split_in_proj(in_proj_weight, in_proj_bias)",
    reference=_reference,
    arrays="torch",
    returns=tuple(Returns(f"{kind}_{name}", shape) for name in "qkv"
                  for kind, shape in (("W", "(d_model, d_model)"), ("b", "(d_model,)"))),
    cases=_cases,
    probes=(
        Probe("each part projects like its part of the stack", _projects_like_the_stack),
        Probe("the parts together are the stack", _together_they_are_the_stack),
    ),
    battery=BATTERY,
    stages=parts_by_stages,
    mistakes=(
        *(_mistake(f"{name}{also}", f"{cause}: PyTorch stacks queries, keys, values.",
                   "Look the order up in the table above, and print the first rows of each part.", **changes)
          for name, cause, order in (("keys-first", "The first third is taken for the keys", (1, 0, 2)),
                                     ("values-first", "The thirds are read from the bottom", (2, 1, 0)),
                                     ("keys-and-values-exchanged", "The second third is taken for the values",
                                      (0, 2, 1)))
          for also, changes in (("", {"order": order, "bias_order": order}), ("-weights-only", {"order": order}))),
        _mistake("queries-three-times", "All three weights are the first third.",
                 "Compare `W_q` with `W_k`.", order=(0, 0, 0)),
        *(_mistake(f"biases-in-order-{''.join(map(str, order))}",
                   "The biases are taken in another order than the weights.",
                   "Number the biases 0, 1, 2, ... and print the three parts.", bias_order=order)
          for order in ((2, 1, 0), (0, 2, 1), (1, 0, 2))),
        _mistake("biases-upright", "The biases are columns of shape (d_model, 1); they should have a single axis.",
                 "Print the shapes of the six results in order.",
                 answer=lambda parts: tuple(x if x.ndim == 2 else x[:, None] for x in parts)),
        _mistake("biases-zero", "The biases are 0, as in a new module, and not those of the stack.",
                 "Number the biases 0, 1, 2, ... and print the three parts.",
                 cut_bias=lambda b: (0 * b).chunk(3)),
        _mistake("one-bias-for-all", "All three biases are the first third.",
                 "Number the biases 0, 1, 2, ... and print the three parts.", bias_order=(0, 0, 0)),
        Mistake("columns-cut", "The columns are cut, with `dim=1`; the parts lie one above the other.",
                "Print the shapes of `in_proj_weight` and of `in_proj_weight.chunk(3)[0]`.", _cut_across),
        _mistake("every-third-row", "Every third row is taken instead of a block of d_model rows.",
                 "Number the rows of a small stack and see which of them land in `W_q`.", cut=_every_third),
        _mistake("every-third-bias", "Every third bias is taken instead of a run of d_model.",
                 "Number the biases 0, 1, 2, ... and print the three parts.", cut_bias=_every_third),
        _mistake("transposed", "The weights are transposed, but `nn.Linear` stores them as PyTorch's stack does.",
                 "Compute `x @ W_q.T + b_q` and compare it with the first d_model features of the stacked projection.",
                 turn=lambda w: w.T),
        _mistake("weights-then-biases", "All weights come first and then all biases, but the task wants them in pairs.",
                 "Print the shapes of the six results in order.",
                 answer=lambda parts: (*parts[0::2], *parts[1::2])),
    ),
    equivalents=(
        Equivalent("loops", _row_after_row),
        Equivalent("slices", lambda w, b: tuple(x[i * len(w) // 3:(i + 1) * len(w) // 3]
                                                for i in range(3) for x in (w, b))),
        Equivalent("reshape", lambda w, b: [y for pair in zip(w.reshape(3, -1, w.shape[1]), b.reshape(3, -1))
                                            for y in pair]),
        Equivalent("split", lambda w, b: tuple(y for pair in zip(w.split(w.shape[1]), b.split(w.shape[1]))
                                               for y in pair)),
        Equivalent("unflatten-and-clone", lambda w, b: tuple(
            y.clone() for pair in zip(w.unflatten(0, (3, -1)), b.unflatten(0, (3, -1))) for y in pair)),
    ),
    hints=(
        "The stack has 3 * d_model rows. How many rows belong to the queries, and which?",
        "`in_proj_weight.chunk(3)` cuts into three equal blocks of rows, from the top. The bias is cut the same way.",
        "`W_q, W_k, W_v = in_proj_weight.chunk(3)` and `b_q, b_k, b_v = in_proj_bias.chunk(3)`, then "
        "`return W_q, b_q, W_k, b_k, W_v, b_v`.",
    ),
    minutes=6,
    core=False,
    within="unseen_faults",
)

EXERCISES = (SPLIT_IN_PROJ,)
