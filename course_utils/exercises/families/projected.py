"""What wrong answers to self-attention and to cross-attention have in common; no exercise lives here."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes

__all__ = ["ATTENTION_MISTAKES", "LONE_MISTAKES", "careless", "lone", "mistake", "projected_attention",
           "through_attend"]


def projected_attention(x, context, W_q, W_k, W_v, *, project, queries=lambda p, x, c, W_q, W_k, W_v: p(x, W_q),
                        keys=lambda p, x, c, W_q, W_k, W_v: p(c, W_k), values=lambda p, x, c, W_q, W_k, W_v: p(c, W_v),
                        turn=lambda k: k.transpose(-2, -1), divisor=lambda q, x: math.sqrt(q.shape[-1]),
                        hide=lambda scores: scores, weigh=lambda scores: scores.softmax(-1),
                        averaged=lambda weights: weights,
                        give=lambda output, weights, scores: (output, weights), attend=None):
    """Attention over projections, in stages that can be replaced one by one; `project` applies a matrix or layer."""
    given = project, x, context, W_q, W_k, W_v
    q, k, v = queries(*given), keys(*given), values(*given)
    if attend is not None:
        return attend(q, k, v)
    scores = hide(q @ turn(k) / divisor(q, x))
    weights = weigh(scores)
    return give(averaged(weights) @ v, weights, scores)


def mistake(name, cause, experiment, function=None, **changes):
    """Make a mistake of a function, or of the stages that it changes."""
    return Mistake(name, cause, experiment, function, None if function else changes)


def through_attend(mistakes, stages, *names):
    """Make the named mistakes again for answers that call the course's function, which words its errors otherwise."""
    def again(m):
        return Mistake(f"{m.name}-in-attend", m.cause, m.experiment,
                       lambda *inputs: stages(*inputs, attend=scaled_dot_product_attention, **m.changes))

    return tuple(again(m) for m in mistakes if m.name in names)


def careless(stages):
    """Make the mistakes of a careless softmax, and those of a sequence that is cut off on its way."""
    return (*careless_softmaxes(lambda soft: lambda *inputs: stages(*inputs, weigh=soft)), *lone(_CUT_OFF, stages))


def lone(mistakes, stages):
    """Make mistakes into functions, which are not looked for in pairs: every pair costs time in the first check."""
    return tuple(Mistake(m.name, m.cause, m.experiment, lambda *inputs, m=m: stages(*inputs, **m.changes))
                 for m in mistakes)


def _triangle(scores):
    import torch

    visible = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return scores.masked_fill(~visible, -math.inf)


def _own_place_hidden(scores):
    import torch

    return scores.masked_fill(torch.eye(*scores.shape[-2:], dtype=torch.bool), -math.inf)


def _over_the_table(scores):
    return scores.flatten(-2).softmax(-1).reshape(scores.shape)


_CUT_OFF = tuple(
    mistake(f"detached-for-{name}", f"What the {name} are made of was cut off, so it learns nothing through them.",
            "Look for `detach`, `no_grad` or `.data` before the projections.", **{name: project})
    for name, project in (("queries", lambda p, x, c, W_q, W_k, W_v: p(x.detach(), W_q)),
                          ("keys", lambda p, x, c, W_q, W_k, W_v: p(c.detach(), W_k)),
                          ("values", lambda p, x, c, W_q, W_k, W_v: p(c.detach(), W_v))))

LONE_MISTAKES = (
    mistake("no-maximum", "Nothing is subtracted before the exponential, so large scores overflow.",
            "Use `torch.softmax`, or subtract the largest score first.",
            weigh=lambda s: s.exp() / s.exp().sum(-1, keepdim=True)),
    mistake("multiplied-by-the-root", "The scores end up multiplied by sqrt(d_k).",
            "Print what you divide by for d_k = 4: it should be 2.", divisor=lambda q, x: q.shape[-1] ** -0.5),
    mistake("root-of-t", "The root is taken of T, the number of queries; queries and keys have the width d_k.",
            "Take one token away: the scores of the others should not change.",
            divisor=lambda q, x: math.sqrt(q.shape[-2])),
    mistake("keys-and-values-exchanged", "W_v makes the keys and W_k makes the values.",
            "Double W_v: should the weights change?", keys=lambda p, x, c, W_q, W_k, W_v: p(c, W_v),
            values=lambda p, x, c, W_q, W_k, W_v: p(c, W_k)),
)

ATTENTION_MISTAKES = (
    mistake("no-scale", "The dot products are not divided by sqrt(d_k).",
            "Compare your scores with `q @ k.transpose(-2, -1)`: they should be smaller.", divisor=lambda q, x: 1.0),
    mistake("root-of-d-model", "The root is taken of d_model, the width of x; queries and keys have the width d_k.",
            "Print `q.shape[-1]` and `x.shape[-1]`: which of them do the dot products sum over?",
            divisor=lambda q, x: math.sqrt(x.shape[-1])),
    mistake("divided-by-width", "The dot products are divided by d_k, not by its square root.",
            "Print what you divide by for d_k = 4: it should be 2.", divisor=lambda q, x: q.shape[-1]),
    mistake("root-of-axis-1", "The width is read from axis 1, which is the width only as long as there is no batch.",
            "Print `q.shape[1]` and `q.shape[-1]` for a batch of 2.", divisor=lambda q, x: math.sqrt(q.shape[1])),
    mistake("all-axes-turned", "`.T` turns all axes of the keys round, the batch included.",
            "Print `k.T.shape` for a batch of 2.", turn=lambda k: k.permute(*range(k.ndim)[::-1])),
    mistake("keys-not-turned", "The keys are not transposed, so rows of q meet columns of k.",
            "Print both shapes: which axes have to meet in `@`?", turn=lambda k: k),
    mistake("own-place-hidden", "The diagonal is hidden: each query is kept from the key at its own place.",
            "Look at the diagonal of your weights: should it be 0?", hide=_own_place_hidden),
    mistake("causal", "Later keys are hidden, as with the causal mask of notebook 5; here every key may be seen.",
            "Look at row 0 of the weights: is everything on key 0?", hide=_triangle),
    mistake("softmax-over-the-queries", "The softmax runs over the queries (dim=-2), not over the keys.",
            "Sum the weights along each axis: which one should give 1?", weigh=lambda s: s.softmax(-2)),
    mistake("softmax-over-axis-0", "The softmax runs over the first axis (dim=0).",
            "Sum the weights along each axis: which one gives 1?", weigh=lambda s: s.softmax(0)),
    mistake("softmax-over-axis-1", "The softmax runs over axis 1, which holds the keys only without a batch.",
            "Count the axes of the scores for a batch of 2, from the front and from the back.",
            weigh=lambda s: s.softmax(1)),
    mistake("softmax-over-the-table", "One softmax runs over the whole table of scores, queries and keys together.",
            "Sum each row of the weights: every query has a 1 of its own to share out.", weigh=_over_the_table),
    mistake("no-softmax", "The scores are used as weights without a softmax.",
            "Sum a row of the weights.", weigh=lambda s: s),
    mistake("scores-for-weights", "The second result is the table of scores from before the softmax.",
            "Sum a row of the second result.", give=lambda output, weights, scores: (output, scores)),
    mistake("results-swapped", "The two results stand in the wrong order: the output comes first.",
            "Print the shapes of both results.", give=lambda output, weights, scores: (weights, output)),
    mistake("output-only", "Only the output is returned; the weights are asked for as well.",
            "End with `return output, weights`.", give=lambda output, weights, scores: output),
    mistake("output-on-its-side", "The output is transposed: its rows should be queries.",
            "Print the shape of the output beside (T, d_v).",
            give=lambda output, weights, scores: (output.transpose(-2, -1), weights)),
    mistake("mean-over-the-queries", "The outputs of all queries are averaged into one.",
            "Print the shape of the output beside (T, d_v).",
            give=lambda output, weights, scores: (output.mean(-2), weights)),
    mistake("detached", "Both results have lost their gradient, so nothing before them can learn.",
            "Look for `detach`, `.data` or `no_grad`.",
            give=lambda output, weights, scores: (output.detach(), weights.detach())),
    mistake("weights-detached", "The weights lose their gradient before they meet the values: queries cannot learn.",
            "Look for `detach`, `.data` or `no_grad`.", averaged=lambda weights: weights.detach()),
)
