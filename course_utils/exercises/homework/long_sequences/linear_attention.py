"""Homework on long sequences: causal attention whose cost grows with the length, not with its square."""

import math
from functools import partial

from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor
from course_utils.exercises.homework.long_sequences._linear_mistakes import MISTAKES
from course_utils.exercises.homework.long_sequences.forms import by_running_sums, by_table, feature

VALUES, CAUSAL, AVERAGES, AXES = "the formula", "no later token", "averages of values", "any axes in front"


def linear_attention(q, k, v):
    """Average the values of all tokens so far under weights phi(q_i) . phi(k_j), phi(x) = elu(x) + 1.

    Parameters
    ----------
    q, k : Tensor, shape (..., T, D)
        Queries and keys (no unit), with the same axes in front as `v`.
    v : Tensor, shape (..., T, Dv)
        Values (no unit).

    Returns
    -------
    Tensor, shape (..., T, Dv)
        For token i, the sum over j <= i of phi(q_i) . phi(k_j) v_j, divided by that of phi(q_i) . phi(k_j).

    References
    ----------
    Katharopoulos et al. (2020), "Transformers are RNNs", equations 7 to 12.

    Examples
    --------
    >>> import torch
    >>> linear_attention(torch.zeros(2, 1), torch.tensor([[0.0], [1.0]]), torch.tensor([[10.0], [40.0]])).tolist()
    [[10.0], [30.0]]
    """
    return by_table(q, k, v)


def _cases():
    q, k, v = draw((2, 5, 3), (2, 5, 3), (2, 5, 4), seed=83)
    return (
        Case((tensor([[[0.0], [0.0]]]), tensor([[[0.0], [1.0]]]), tensor([[[10.0], [40.0]]])),
             note="two tokens, D = Dv = 1"),
        Case((tensor([[[0.0], [-1.0], [2.0]]]), tensor([[[-1.0], [1.0], [0.5]]]), tensor([[[3.0], [0.0], [6.0]]])),
             note="three tokens, D = Dv = 1"),
        Case(draw((2, 4, 3), (2, 4, 3), (2, 4, 5), seed=81), note="a batch of 2"),
        Case(draw((3, 3, 3), (3, 3, 3), (3, 3, 3), seed=82), note="all sizes 3"),
        Case((2 * q - 1, 2 * k - 1, v), note="many negative numbers in q and k"),
        Case(draw((1, 7, 2), (1, 7, 2), (1, 7, 1), seed=84), note="7 tokens, Dv = 1"),
        Case(draw((3, 1, 4), (3, 1, 4), (3, 1, 2), seed=85), note="a single token in each of 3 items"),
    )


def _drawn(seed):
    def qkv(n, *front, T, Dv):
        # Whether a wrong feature map makes a weight 0 or negative may not depend on the draw: q and k are above 0 here.
        q, k, v = draw((*front, T, 3), (*front, T, 3), (*front, T, Dv), seed=seed + n)
        return q.abs().clamp(max=1) * 0.4 + 0.1, k.abs().clamp(max=1) * 0.4 + 0.1, v

    return (Case(draw((2, 4, 3), (2, 4, 3), (2, 4, 5), seed=seed), note="a batch drawn for you"),
            Probe("a shorter drawn sequence gives the same first rows", partial(_prefix, qkv=qkv(1, 2, T=6, Dv=2)),
                  CAUSAL),
            Probe("a token attends to itself and to all before it, in a drawn sequence",
                  partial(_the_past_counts, qkv=qkv(2, 1, T=4, Dv=2)), CAUSAL),
            Probe("values of 1 give outputs of 1 for drawn queries", partial(_ones_stay_ones, qkv=qkv(3, 2, T=5, Dv=2)),
                  AVERAGES),
            Probe("outputs lie between drawn values so far", partial(_inside_the_hull, qkv=qkv(4, 2, T=5, Dv=2)),
                  AVERAGES),
            Probe("no axis in front is needed for drawn tensors", partial(_no_axes_in_front, qkv=qkv(5, T=4, Dv=2)),
                  AXES),
            Probe("drawn heads are independent", partial(_many_axes_in_front, qkv=qkv(6, 2, 3, T=5, Dv=6)), AXES))


# --- properties ---


def _weights(call, q, k):
    """The weights of the last token: with a value of its own for each token, the output is the weights."""
    import torch

    unit = torch.eye(k.shape[-2], dtype=k.dtype)[None]
    return call(q, k, unit)[0, -1].detach()


def _feature_of_the_keys(call):
    k = tensor([[[0.0], [2.0], [-1.0]]])
    weights = _weights(call, tensor([[[0.0]] * 3]), k)
    for j, wanted in ((1, 3.0), (2, math.exp(-1))):
        if not abs(float(weights[j] / weights[0]) - wanted) < 1e-3:
            return Broken(f"for D = 1, a key of {float(k[0, j, 0]):g} should weigh {wanted:.3f} times as much as a "
                          "key of 0",
                          f"keys 0, 2 and -1: the last token has the weights {rounded(weights)}",
                          "compute elu(x) + 1 by hand for x = 0, 2 and -1")


def _feature_of_the_queries(call):
    # phi(-60) is 0, so each key shows a single number of phi(q).
    weights = _weights(call, tensor([[[0.0, 0.0], [-1.0, 2.0]]]), tensor([[[0.0, -60.0], [-60.0, 0.0]]]))
    wanted = 3 * math.e
    if not abs(float(weights[1] / weights[0]) - wanted) < 1e-2:
        return Broken("the query [-1, 2] should become phi = [0.368, 3], whatever the keys are",
                      f"keys with phi = [1, 0] and [0, 1] get the weights {rounded(weights)}; wanted are "
                      f"{rounded([1 / (1 + wanted), wanted / (1 + wanted)])}",
                      "print what your feature map makes of the query, before anything is multiplied")


def _all_weights_positive(call):
    q, k = draw((1, 5, 3), (1, 5, 3), seed=91)
    weights = _weights(call, q, k - 1)
    if not bool((weights > 0).all()):
        return Broken("every token so far should get a weight above 0",
                      f"five tokens: the last one has the weights {rounded(weights)}",
                      "print the smallest number that your feature map can give")


def _prefix(call, qkv=None):
    q, k, v = qkv or draw((2, 6, 3), (2, 6, 3), (2, 6, 2), seed=92)
    whole = call(q, k, v)
    for t in (1, 2, 4):
        part = call(q[:, :t], k[:, :t], v[:, :t])
        if not (part - whole[:, :t]).abs().max() < 1e-4:
            return Broken("the first tokens should come out the same when the sequence ends after them",
                          f"row {t - 1} of item 0: {rounded(part[0, t - 1].detach())} alone, "
                          f"{rounded(whole[0, t - 1].detach())} in a sequence of 6",
                          "change the last token and look which rows of your output move")


def _the_past_counts(call, qkv=None):
    q, k, v = qkv or draw((1, 4, 3), (1, 4, 3), (1, 4, 2), seed=93)
    v = v.clone()
    v[:, 1] += 8  # far from the average of the others, whatever their weights are
    other_k, other_v = k.clone(), v.clone()
    other_k[:, 1] += 2
    other_v[:, 2] += 5
    before, by_key, by_value = (call(q, *pair).detach() for pair in ((k, v), (other_k, v), (k, other_v)))
    for after, j, what in ((by_key, 1, "key"), (by_value, 2, "value")):
        for i in range(j, 4):
            if not (before[0, i] - after[0, i]).abs().max() > 1e-3:
                return Broken(f"token {i} should attend to token {j}: another {what} there should change its output",
                              f"row {i}: {rounded(before[0, i])} before and after",
                              "for each token, write down which tokens it should see")


def _ones_stay_ones(call, qkv=None):
    import torch

    q, k = qkv[:2] if qkv else draw((2, 5, 3), (2, 5, 3), seed=94)
    out = call(q, k, torch.ones(2, 5, 2)).detach()
    if not (out - 1).abs().max() < 1e-4:
        i = int((out - 1).abs().amax(-1)[0].argmax())
        return Broken("if every value is 1, every output should be 1",
                      f"token {i} of item 0 gets {rounded(out[0, i])}",
                      "add up the weights of one token after your division")


def _inside_the_hull(call, qkv=None):
    q, k, v = qkv or draw((2, 5, 3), (2, 5, 3), (2, 5, 2), seed=95)
    v = v.clamp(-1, 1)
    v[:, ::2] += 4
    out = call(q, k, v).detach()
    low, high = v.cummin(dim=1).values, v.cummax(dim=1).values
    bad = ((out < low - 1e-4) | (out > high + 1e-4) | out.isnan()).nonzero()
    if len(bad):
        b, i, c = bad[0].tolist()
        return Broken("each output should lie between the smallest and the largest value so far",
                      f"item {b}, token {i}, number {c}: the values so far lie between {low[b, i, c]:.3f} and "
                      f"{high[b, i, c]:.3f}, the output is {out[b, i, c]:.3f}",
                      "print the weights of that token: is one below 0, and do they sum to 1?")
    if not bool((out[:, 1:] != v[:, 1:]).any()):
        return Broken("from the second token on, the output should be an average of several values",
                      "the output is v itself", "print the weights of the second token")


def _no_axes_in_front(call, qkv=None):
    q, k, v = qkv or draw((4, 3), (4, 3), (4, 2), seed=96)
    one, alone = call(q[None], k[None], v[None]), call(q, k, v)
    if tuple(alone.shape) != (4, 2) or not (alone - one[0]).abs().max() < 1e-4:
        got = rounded(alone[1].detach()) if tuple(alone.shape) == (4, 2) else f"the shape {tuple(alone.shape)}"
        return Broken("tensors without an axis in front should work, like one item of a batch",
                      f"q and k of shape (4, 3), v of shape (4, 2): row 1 of a batch of one is "
                      f"{rounded(one[0, 1].detach())}, without the batch it gives {got}",
                      "count the axes that your sums run along from the back")


def _many_axes_in_front(call, qkv=None):
    import torch

    q, k, v = qkv or draw((2, 3, 5, 4), (2, 3, 5, 4), (2, 3, 5, 6), seed=97)
    whole, D, other_k = call(q, k, v), q.shape[-1], k.clone()
    other_k[..., 0] += torch.arange(5.0)
    for what, changed in (("keys", (q, other_k, v)), ("values", (q, k, v + 1))):
        if tuple(whole.shape) == tuple(v.shape) and not (call(*changed) - whole).abs().max() > 1e-3:
            return Broken(f"with two axes in front, other {what} should give another output",
                          f"q and k of shape (2, 3, 5, {D}): the output stays the same for other {what}",
                          "print your output for two different values of that argument")
    for b, h in ((0, 0), (1, 2)):
        alone = call(q[b, h][None], k[b, h][None], v[b, h][None])[0]
        if tuple(whole.shape) != (2, 3, 5, 6) or not (whole[b, h] - alone).abs().max() < 1e-4:
            return Broken("with two axes in front, each head of each item should come out as if it were alone",
                          f"q and k of shape (2, 3, 5, {D}), v of shape (2, 3, 5, 6): item {b}, head {h} differs",
                          "count the axes that your sums run along from the back")


# --- right answers in other words ---


def _by_cumsum(q, k, v):
    import torch
    import torch.nn.functional as F

    q, k = F.elu(q) + 1, F.elu(k) + 1
    state = torch.cumsum(k.unsqueeze(-1) * v.unsqueeze(-2), dim=-3)  # (..., T, D, Dv)
    numerator = (q.unsqueeze(-1) * state).sum(dim=-2)
    return numerator / (q * k.cumsum(dim=-2)).sum(dim=-1).unsqueeze(-1)


def _token_by_token(q, k, v):
    import torch

    phi_q, phi_k = (torch.where(x > 0, x + 1, x.clamp(max=0).exp()) for x in (q, k))
    state, total, rows = 0, 0, []
    for i in range(q.shape[-2]):
        state = state + phi_k[..., i, :, None] @ v[..., i, None, :]
        total = total + phi_k[..., i, :]
        row = (phi_q[..., i, None, :] @ state).squeeze(-2)
        rows.append(row / (phi_q[..., i, :] * total).sum(-1)[..., None])
    return torch.stack(rows, dim=-2)


def _by_masked_fill(q, k, v):
    import torch

    T = q.size(-2)
    weights = (feature(q) @ feature(k).mT).masked_fill(torch.triu(torch.ones(T, T, dtype=torch.bool), 1), 0.0)
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1e-9)
    return torch.matmul(weights, v)


def _by_einsum(q, k, v):
    import torch

    phi_q, phi_k = (torch.relu(x) + torch.exp(-torch.relu(-x)) for x in (q, k))
    state = torch.einsum("...td,...tv->...tdv", phi_k, v).cumsum(dim=-3)
    below = torch.einsum("...td,...td->...t", phi_q, phi_k.cumsum(dim=-2))
    return torch.einsum("...td,...tdv->...tv", phi_q, state) / below[..., None]


def _by_loops(q, k, v):
    import torch

    if q.ndim > 2:
        return torch.stack([_by_loops(*item) for item in zip(q, k, v)])
    out = torch.zeros_like(v)
    for i in range(len(q)):
        weights = [float(feature(q[i]) @ feature(k[j])) for j in range(i + 1)]
        for j, weight in enumerate(weights):
            out[i] += weight / sum(weights) * v[j]
    return out


def _ones_beside_the_values(q, k, v):
    import torch

    beside = torch.cat([v, torch.ones_like(v[..., :1])], dim=-1)  # the last column collects the weights
    sums = (feature(q) @ feature(k).transpose(-1, -2)).tril() @ beside
    return sums[..., :-1] / sums[..., -1:]


def _prefix_by_prefix(q, k, v):
    import torch

    rows = []
    for t in range(1, q.shape[-2] + 1):
        weights = (feature(q[..., t - 1:t, :]) * feature(k[..., :t, :])).sum(-1)
        rows.append((weights[..., None] * v[..., :t, :]).sum(-2) / (weights.sum(-1, keepdim=True) + 1e-9))
    return torch.stack(rows, -2)


def _by_additive_mask(q, k, v):
    import torch

    weights = feature(q) @ feature(k).transpose(-2, -1)
    logs = weights.log() + torch.full(weights.shape[-2:], -math.inf).triu(1)
    return logs.softmax(dim=-1) @ v


BATTERY = Battery(
    sizes=lambda s: Case(draw((*s.lead, s.T, s.d_k), (*s.lead, s.T, s.d_k), (*s.lead, s.T, s.d_v), seed=s.seed,
                              dtype=s.dtype), part=VALUES if len(s.lead) == 1 else AXES),
    without={**reasons.OWN_TOKENS, **reasons.PLAIN, "scores": "the feature map takes no exponential above 0",
             "gradients": "the text asks for numbers alone, and a loop over plain numbers gives them"},
    part=AXES,
)

LINEAR_ATTENTION = Exercise(
    name="linear_attention",
    title="Attend with running sums",
    notebook="hw4_long_sequences",
    signature="linear_attention(q, k, v)",
    reference=linear_attention,
    arrays="torch",
    returns=(Returns("output", "(..., T, Dv)"),),
    cases=_cases,
    drawn=_drawn,
    battery=BATTERY,
    probes=(
        Probe("keys go through the feature map", _feature_of_the_keys, VALUES),
        Probe("queries go through the feature map", _feature_of_the_queries, VALUES),
        Probe("all weights are positive", _all_weights_positive, VALUES),
        Probe("a shorter sequence gives the same first rows", _prefix, CAUSAL),
        Probe("a token attends to itself and to all before it", _the_past_counts, CAUSAL),
        Probe("values of 1 give outputs of 1", _ones_stay_ones, AVERAGES),
        Probe("outputs lie between the values so far", _inside_the_hull, AVERAGES),
        Probe("no axis in front is needed", _no_axes_in_front, AXES),
        Probe("heads of a batch are independent", _many_axes_in_front, AXES),
    ),
    stages=by_table,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("blocks", lambda q, k, v: by_running_sums(q, k, v, block=2)),
        Equivalent("cumsum", _by_cumsum),
        Equivalent("token-by-token", _token_by_token),
        Equivalent("masked-fill", _by_masked_fill),
        Equivalent("einsum", _by_einsum),
        Equivalent("loops", _by_loops),
        Equivalent("ones-beside-the-values", _ones_beside_the_values),
        Equivalent("prefix-by-prefix", _prefix_by_prefix),
        Equivalent("softmax-of-logarithms", _by_additive_mask),
    ),
    hints=(
        "Two sums run along the tokens: one of phi(k_j) v_j, which is a table for each token, and one of phi(k_j). "
        "Token i may use what they hold once its own key is in. Or write the table of all phi(q_i) . phi(k_j) first: "
        "that is right as well.",
        "`F.elu(x) + 1` is the feature map, for q and for k. What you divide by is the same sum with every value "
        "replaced by 1. Count axes from the back, -1 and -2, so that any axes may stand in front.",
        "`phi_q, phi_k = F.elu(q) + 1, F.elu(k) + 1`, `weights = (phi_q @ phi_k.mT).tril()`, then "
        "`return weights @ v / weights.sum(dim=-1, keepdim=True)`",
    ),
    minutes=20,
    points=8,
    credit=(Part(VALUES, 3), Part(CAUSAL, 2), Part(AVERAGES, 1), Part(AXES, 2, visible=False)),
    tolerance=1e-4,
)
