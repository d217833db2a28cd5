"""Wrong answers to scaled dot-product attention; no exercise lives here."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes

__all__ = ["MISTAKES", "attention_by_stages", "exponentials"]


def attention_by_stages(q, k, v, *, turn=lambda k: k.transpose(-2, -1),
                        divisor=lambda q, k, v: math.sqrt(q.shape[-1]), weigh=lambda scores: scores.softmax(dim=-1),
                        shrink=lambda weights, q: weights, values=lambda q, k, v: v,
                        mix=lambda weights, v: weights @ v,
                        give=lambda output, weights, scores: (output, weights)):
    """Compute attention in stages that can be replaced one by one."""
    scores = q @ turn(k) / divisor(q, k, v)
    weights = shrink(weigh(scores), q)
    return give(mix(weights, values(q, k, v)), weights, scores)


def _without_gradient(q, k, v):
    output, weights = scaled_dot_product_attention(q.detach(), k.detach(), v.detach())
    return output, weights


def _weights_detached(q, k, v):
    _, weights = scaled_dot_product_attention(q, k, v)
    return weights.detach() @ v, weights


def _returned_weights_detached(q, k, v):
    output, weights = scaled_dot_product_attention(q, k, v)
    return output, weights.detach()


def _in_place(q, k, v):
    q /= math.sqrt(q.shape[-1])
    weights = (q @ k.transpose(-2, -1)).softmax(-1)
    return weights @ v, weights


def _three_axes_only(q, k, v):
    import torch

    weights = (torch.bmm(q, k.transpose(1, 2)) / math.sqrt(q.shape[-1])).softmax(-1)
    return torch.bmm(weights, v), weights


def _three_axes_unpacked(q, k, v):
    _B, _T, d_k = q.shape
    weights = (q @ k.transpose(-2, -1) / math.sqrt(d_k)).softmax(-1)
    return weights @ v, weights


def _queries_only(q, k, v):
    weights = (q @ q.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
    return weights @ v, weights


def _first_item_only(q, k, v):
    while q.ndim > 2:
        q, k, v = q[0], k[0], v[0]
    return scaled_dot_product_attention(q, k, v)


def _first_query_only(q, k, v):
    return scaled_dot_product_attention(q[..., :1, :], k, v)


def exponentials(scores, largest=True, divide=True):
    e = (scores - scores.amax(-1, keepdim=True) if largest else scores).exp()
    return e / e.sum(-1, keepdim=True) if divide else e


def _without_keepdim(scores):
    e = exponentials(scores, divide=False)
    return e / e.sum(-1)


def _over_the_table(scores):
    return scores.flatten(-2).softmax(-1).reshape(scores.shape)


def _cosines(q, k, v):
    return q.norm(dim=-1, keepdim=True) * k.norm(dim=-1, keepdim=True).transpose(-2, -1)


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


MISTAKES = (
    # the scale
    _mistake("no-scale", "The dot products are not divided by sqrt(d_k).",
             "Compare log(w1/w2) for two keys with the difference of their dot products.",
             divisor=lambda q, k, v: 1.0),
    _mistake("divided-by-width", "The dot products are divided by d_k, not by its square root.",
             "Print what you divide by for d_k = 16: it should be 4.", divisor=lambda q, k, v: q.shape[-1]),
    _mistake("multiplied-by-the-root",
             "The scores end up multiplied by sqrt(d_k): a root is inverted and then divided by.",
             "Compute 12 / 16 ** -0.5 and 12 * 16 ** -0.5 and compare.", divisor=lambda q, k, v: q.shape[-1] ** -0.5),
    _mistake("root-of-d-v", "The root is taken of d_v, the width of the values.",
             "Give it values of width 1 and then of width 9: the weights should not change.",
             divisor=lambda q, k, v: math.sqrt(v.shape[-1])),
    _mistake("root-of-s", "The root is taken of S, the number of keys.",
             "Print `k.shape` and mark the number you take the root of.",
             divisor=lambda q, k, v: math.sqrt(k.shape[-2])),
    _mistake("root-of-t", "The root is taken of T, the number of queries.",
             "Print `q.shape` and mark the number you take the root of.",
             divisor=lambda q, k, v: math.sqrt(q.shape[-2])),
    _mistake("root-of-len", "`len(q)` is the size of the first axis, which is the batch when there is one.",
             "Print `len(q)` and `q.shape[-1]` for a batch of 2.", divisor=lambda q, k, v: math.sqrt(len(q))),
    _mistake("root-of-axis-1", "The width is read from axis 1, which is the width only as long as there is no batch.",
             "Print `q.shape[1]` and `q.shape[-1]` for a batch of 2.", divisor=lambda q, k, v: math.sqrt(q.shape[1])),
    _mistake("whole-root", "The root is cut to a whole number.",
             "Compute the root of 6 as your code does, and with `math.sqrt(6)`.",
             divisor=lambda q, k, v: math.isqrt(q.shape[-1])),
    _mistake("half-the-width", "`d_k ** 1 / 2` is half of d_k: the power is taken before the division.",
             "Print `16 ** 1 / 2` and `16 ** 0.5`.", divisor=lambda q, k, v: q.shape[-1] ** 1 / 2),
    _mistake("twice-the-width", "`scores / d_k ** 1 / 2` divides by d_k and then by 2: powers come first.",
             "Print `64 / 16 ** 1 / 2` and `64 / 16 ** 0.5`.", divisor=lambda q, k, v: 2 * q.shape[-1]),
    _mistake("fixed-root", "The scores are always divided by 8, which is right for d_k = 64 only.",
             "Find the number in your code that should depend on `q.shape[-1]`.", divisor=lambda q, k, v: 8.0),
    _mistake("scaled-after-the-softmax", "The weights are divided by sqrt(d_k), not the scores.",
             "Sum a row of the weights: what should it be?",
             divisor=lambda q, k, v: 1.0, shrink=lambda weights, q: weights / math.sqrt(q.shape[-1])),
    _mistake("cosines", "The dot products are divided by the lengths of the vectors, which makes them cosines.",
             "Double one query: its weights should become more extreme.", divisor=_cosines),
    # the softmax
    _mistake("softmax-over-the-queries", "The softmax runs over the queries (dim=-2), not over the keys.",
             "Sum the weights along each axis: which one should give 1?", weigh=lambda s: s.softmax(-2)),
    _mistake("softmax-over-the-batch", "The softmax runs over the first axis (dim=0).",
             "Sum the weights along each axis: which one gives 1?", weigh=lambda s: s.softmax(0)),
    _mistake("softmax-over-axis-1", "The softmax runs over axis 1, which holds the keys only without a batch.",
             "Count the axes of the scores for a batch of 2, from the front and from the back.",
             weigh=lambda s: s.softmax(1)),
    _mistake("softmax-over-axis-2",
             "The softmax runs over axis 2, which holds the keys only with exactly one batch axis.",
             "Call it on q, k and v without a batch, then with two leading axes.", weigh=lambda s: s.softmax(2)),
    _mistake("softmax-without-dim", "The softmax is not told its axis, and guesses one by the number of axes.",
             "Add `dim=`: which axis holds the keys, counted from the back?",
             weigh=lambda s: s.softmax(0 if s.ndim == 3 else 1)),
    _mistake("softmax-over-the-table", "One softmax runs over the whole table of scores, queries and keys together.",
             "Sum each row of the weights: every query has a 1 of its own to share out.", weigh=_over_the_table),
    _mistake("divided-by-all-exponentials", "The exponentials are divided by the sum of all of them, not of their row.",
             "Print the shape of the sum you divide by.", weigh=lambda s: s.exp() / s.exp().sum()),
    _mistake("sum-without-keepdim", "The sum of each row has lost its axis, so rows are divided by each other's sums.",
             "Print the shapes on both sides of `/`; `keepdim=True` keeps the axis.", weigh=_without_keepdim),
    _mistake("signs-turned", "The scores have the wrong sign: the least similar key gets the largest weight.",
             "Give it two keys, one of them equal to the query.", weigh=lambda s: (-s).softmax(-1)),
    _mistake("softmax-twice", "The softmax is applied twice, which makes the weights nearly equal.",
             "Apply softmax to [0, 5], and then to the result.", weigh=lambda s: s.softmax(-1).softmax(-1)),
    _mistake("log-softmax", "These are logarithms of weights: `log_softmax` was called.",
             "Look at the sign of your weights.", weigh=lambda s: s.log_softmax(-1)),
    _mistake("sigmoid", "Each score goes through a sigmoid on its own, so the keys do not compete.",
             "Sum a row of the weights, then make one score larger: do the other weights fall?",
             weigh=lambda s: s.sigmoid()),
    _mistake("hard-choice", "The best key gets weight 1 and the others 0.",
             "Give it two keys that are almost the same: how different should their weights be?",
             weigh=lambda s: (s == s.amax(-1, keepdim=True)).to(s.dtype)),
    _mistake("no-exponential", "The scores are divided by their sum without the exponential.",
             "Look for a negative weight.", weigh=lambda s: s / s.sum(-1, keepdim=True)),
    _mistake("not-divided-by-the-sum", "The exponentials are not divided by their sum.",
             "Sum a row of the weights.", weigh=lambda s: exponentials(s, divide=False)),
    _mistake("no-maximum", "Nothing is subtracted before the exponential, so large scores overflow.",
             "Print `torch.tensor([100.0]).exp()`.", weigh=lambda s: exponentials(s, largest=False)),
    *careless_softmaxes(lambda soft: lambda q, k, v: attention_by_stages(q, k, v, weigh=soft)),
    _mistake("log-of-the-sum", "Nothing is subtracted before the exponential: of a large score it is inf, and the "
             "logarithm of that is inf too.", "Print `torch.tensor([100.0]).exp().log()`.",
             weigh=lambda s: (s - s.exp().sum(-1, keepdim=True).log()).exp()),
    _mistake("no-softmax", "The scores are used as weights without a softmax.",
             "Sum a row of the weights.", weigh=lambda s: s),
    # keys, values and the product
    _mistake("keys-not-turned", "The keys are not transposed, so rows of q meet columns of k.",
             "Print both shapes: which axes have to meet in `@`?", turn=lambda k: k),
    _mistake("all-axes-turned", "`.T` turns all axes round, the batch included.",
             "Print `k.T.shape` for a batch of 2.", turn=lambda k: k.permute(*range(k.ndim)[::-1])),
    _mistake("first-axes-turned", "`transpose(0, 1)` counts axes from the front, where the batch stands.",
             "Print `k.transpose(0, 1).shape` for k of shape (2, 5, 4).", turn=lambda k: k.transpose(0, 1)),
    _mistake("axes-0-2-1", "`permute(0, 2, 1)` wants exactly three axes.",
             "Swap the last two axes, counted from the back, whatever stands before them.",
             turn=lambda k: k.permute(0, 2, 1)),
    _mistake("values-from-the-keys", "The weights average the keys; the values are never used.",
             "Add 1 to every value and see whether the output moves.", values=lambda q, k, v: k),
    _mistake("values-from-the-queries", "The weights average the queries; the values are never used.",
             "Add 1 to every value and see whether the output moves.", values=lambda q, k, v: q),
    _mistake("values-times-weights", "The product stands the wrong way round: values times weights.",
             "Write both shapes down: which axis of the weights has to meet the keys of v?", mix=lambda w, v: v @ w),
    _mistake("weights-on-their-side", "The weights are transposed before they meet the values.",
             "Write both shapes down: the keys should be the last axis of the weights.",
             mix=lambda w, v: w.transpose(-2, -1) @ v),
    # what comes back
    _mistake("scores-for-weights", "The second result is the table of scores from before the softmax.",
             "Sum a row of the second result.", give=lambda output, weights, scores: (output, scores)),
    _mistake("swapped", "The two results stand in the wrong order: the output comes first.",
             "Print the shapes of both for d_v = 2.", give=lambda output, weights, scores: (weights, output)),
    _mistake("output-only", "Only the output is returned; the weights are asked for as well.",
             "End with `return output, weights`.", give=lambda output, weights, scores: output),
    _mistake("output-on-its-side", "The output is transposed: its rows should be queries.",
             "Print the shape of the output for 3 queries and d_v = 2.",
             give=lambda output, weights, scores: (output.transpose(-2, -1), weights)),
    _mistake("first-item-only", "Only the first item of the batch is computed.",
             "Print the shape of the output for a batch of 2.", _first_item_only),
    _mistake("first-query-only", "Only the first query is computed: a loop ends too early or is missing.",
             "Check where your `return` stands.", _first_query_only),
    _mistake("queries-against-queries", "The queries are compared with themselves; the keys are never used.",
             "Change a key: do the weights change?", _queries_only),
    _mistake("three-axes-unpacked", "The shape is unpacked into exactly three names.",
             "Read sizes from the back: `q.shape[-1]`, `q.shape[-2]`.", _three_axes_unpacked),
    _mistake("three-axes-only", "`bmm` takes exactly three axes: one batch, no more and no less.",
             "Try `@` in its place, on tensors with two axes and with four.", _three_axes_only),
    # right numbers, and yet wrong
    _mistake("in-place", "The queries of the caller are divided in place, so they are smaller the next time.",
             "Call it twice with the same q and compare.", _in_place),
    _mistake("detached", "The result is cut off from q, k and v, so nothing could learn from it.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.", _without_gradient),
    _mistake("weights-detached", "The weights are cut off from q and k before they meet the values.",
             "Print `q.grad` after `output.sum().backward()`.", _weights_detached),
    _mistake("returned-weights-detached", "The weights that come back are cut off from q and k.",
             "Print `weights.requires_grad` for a q that requires a gradient.", _returned_weights_detached),
)
