"""Wrong answers to attention with several heads; no exercise lives here. PyTorch is imported when one runs."""

import math

from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes

__all__ = ["MISTAKES", "heads_by_stages", "joined", "sliced"]


def sliced(x, H):
    """Cut (B, T, d_model) into (B, H, T, d_k)."""
    return x.reshape(*x.shape[:2], H, -1).transpose(1, 2)


def joined(heads):
    """Put (B, H, T, d_k) side by side: (B, T, d_model)."""
    return heads.transpose(1, 2).flatten(2)


def heads_by_stages(x, W_q, W_k, W_v, W_o, n_heads, *, pick=lambda x: x, project=lambda x, W: x @ W,
                    roles=lambda q, k, v: (q, k, v), count=lambda H: H, split=sliced,
                    divisor=lambda q, x, H: math.sqrt(q.shape[-1]), hide=lambda scores: scores,
                    weigh=lambda scores: scores.softmax(-1), mix=lambda weights, v: weights @ v, merge=joined,
                    finish=lambda heads, W_o: heads @ W_o, told=lambda weights: weights,
                    give=lambda output, weights: (output, weights)):
    """Attention with several heads, in stages that can be replaced one by one."""
    x = pick(x)
    if x.shape[-1] % n_heads:
        raise ValueError("n_heads should divide d_model")
    H = count(n_heads)
    q, k, v = (split(y, H) for y in roles(*(project(x, W) for W in (W_q, W_k, W_v))))
    scores = hide(q @ k.transpose(-2, -1) / divisor(q, x, H))
    weights = weigh(scores)
    output = finish(merge(mix(weights, v)), W_o)
    return give(output, told(weights))


def _x_detached(which):
    def answer(x, W_q, W_k, W_v, W_o, n_heads):
        q, k, v = (sliced((x.detach() if i == which else x) @ W, n_heads) for i, W in enumerate((W_q, W_k, W_v)))
        output, weights = _attend(q, k, v)
        return joined(output) @ W_o, weights

    return answer


def _attend(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
    return weights @ v, weights


def _x_overwritten(x, W_q, W_k, W_v, W_o, n_heads):
    q = x = x @ W_q
    k = x = x @ W_k
    output, weights = _attend(*(sliced(y, n_heads) for y in (q, k, x @ W_v)))
    return joined(output) @ W_o, weights


def _split_before_projecting(x, W_q, W_k, W_v, W_o, n_heads):
    heads = sliced(x, n_heads)
    d_k = heads.shape[-1]
    output, weights = _attend(*(heads @ W[:d_k, :d_k] for W in (W_q, W_k, W_v)))
    return joined(output) @ W_o, weights


def _returned_in_the_loop(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = _attend(*(sliced(x @ W, n_heads)[:, 0] for W in (W_q, W_k, W_v)))
    return output @ W_o[: output.shape[-1]], weights[:, None]


def _view_of_the_transposed(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = _attend(*(sliced(x @ W, n_heads) for W in (W_q, W_k, W_v)))
    return output.transpose(1, 2).view(x.shape) @ W_o, weights


def _all_columns_in_every_head(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = _attend(x @ W_q, x @ W_k, x @ W_v)
    return output @ W_o, weights[:, None].expand(-1, n_heads, -1, -1)


def _values_not_projected(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = _attend(*(sliced(y, n_heads) for y in (x @ W_q, x @ W_k, x)))
    return joined(output) @ W_o, weights


def _w_o_before_the_heads(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = _attend(*(sliced(y, n_heads) for y in (x @ W_q, x @ W_k, x @ W_v @ W_o)))
    return joined(output), weights


def _x_added(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = _attend(*(sliced(x @ W, n_heads) for W in (W_q, W_k, W_v)))
    return x + joined(output) @ W_o, weights


def _scaled_after(x, W_q, W_k, W_v, W_o, n_heads):
    q, k, v = (sliced(x @ W, n_heads) for W in (W_q, W_k, W_v))
    weights = (q @ k.transpose(-2, -1)).softmax(-1) / math.sqrt(q.shape[-1])
    return joined(weights @ v) @ W_o, weights


def _scores_returned(x, W_q, W_k, W_v, W_o, n_heads):
    q, k, v = (sliced(x @ W, n_heads) for W in (W_q, W_k, W_v))
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    return joined(scores.softmax(-1) @ v) @ W_o, scores


def _last_head_everywhere(x, W_q, W_k, W_v, W_o, n_heads):
    output, weights = _attend(*(sliced(x @ W, n_heads) for W in (W_q, W_k, W_v)))
    return joined(output[:, -1:].expand_as(output)) @ W_o, weights


def _rest_dropped(x, W_q, W_k, W_v, W_o, n_heads):
    import torch

    d_k = x.shape[-1] // n_heads
    heads, tables = [], []
    for h in range(n_heads):
        output, weights = _attend(*(x @ W[:, h * d_k: (h + 1) * d_k] for W in (W_q, W_k, W_v)))
        heads.append(output)
        tables.append(weights)
    return torch.cat(heads, -1) @ W_o[: n_heads * d_k], torch.stack(tables, 1)


def _in_place(x, W_q, W_k, W_v, W_o, n_heads):
    W_q /= math.sqrt(x.shape[-1] // n_heads)
    q, k, v = (sliced(x @ W, n_heads) for W in (W_q, W_k, W_v))
    weights = (q @ k.transpose(-2, -1)).softmax(-1)
    return joined(weights @ v) @ W_o, weights


def _triangle(scores):
    return scores.masked_fill(scores.new_ones(scores.shape[-2:]).triu(1).bool(), -math.inf)


def _mean_over_heads(weights, v):
    return weights.mean(1, keepdim=True) @ v


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


MISTAKES = (
    # heads: cut and joined
    _mistake("view-without-transpose",
             "The projections are poured straight into the shape (B, H, T, d_k): a head holds neighbouring numbers, "
             "not its features of every position.", "Compare your split with `own(\"split_heads\")` on 0, 1, 2, ...",
             split=lambda x, H: x.reshape(x.shape[0], H, x.shape[1], -1)),
    _mistake("not-transposed-back",
             "The heads are merged without transposing back: a position receives numbers of other positions.",
             "Compare your merge with `own(\"merge_heads\")` on 0, 1, 2, ...",
             merge=lambda heads: heads.reshape(heads.shape[0], heads.shape[2], -1)),
    _mistake("view-of-the-transposed",
             "`view` refuses: after this `transpose` the numbers of the result do not lie in order in memory.",
             "Read to the end of the message: it names another method that can.", _view_of_the_transposed),
    _mistake("heads-reversed", "The heads are joined in reversed order, so each meets the rows of W_o of another.",
             "Merge right after splitting: do you get the same tensor back?",
             merge=lambda heads: joined(heads.flip(1))),
    _mistake("features-interleaved", "The features of the heads alternate after the merge.",
             "Merge right after splitting: do you get the same tensor back?",
             merge=lambda heads: heads.permute(0, 2, 3, 1).flatten(2)),
    _mistake("heads-split-interleaved", "Each head takes every H-th feature; it should take d_k neighbours.",
             "Split the numbers 0 to 5 into 2 heads: which three does head 0 hold?",
             split=lambda x, H: x.reshape(*x.shape[:2], -1, H).permute(0, 3, 1, 2)),
    _mistake("one-head", "n_heads is not used: one head looks with all features.",
             "Print the shape of your weights for 3 heads.", count=lambda H: 1),
    _mistake("all-columns-in-every-head", "Every head works on all features, so all heads do the same.",
             "Compare the weights of head 0 and head 1: do they differ?", _all_columns_in_every_head),
    _mistake("sizes-exchanged", "The two sizes are exchanged: there are d_k heads of width H.",
             "Print the shape of your weights for 12 features and 3 heads.",
             split=lambda x, H: x.reshape(*x.shape[:2], -1, H).transpose(1, 2)),
    _mistake("heads-and-positions-not-exchanged",
             "Heads and positions have not changed places: at each position the heads attend to each other.",
             "Print the shape of your weights: (B, H, T, T) is wanted.",
             split=lambda x, H: x.reshape(*x.shape[:2], H, -1), merge=lambda heads: heads.flatten(2)),
    _mistake("split-before-projecting", "x is cut first and all heads share one small projection.",
             "Change the last column of W_q: does any weight change?", _split_before_projecting),
    _mistake("returned-in-the-loop", "Only the first head is computed: the function returns before the others.",
             "Look how far the `return` is indented.", _returned_in_the_loop),
    _mistake("last-head-everywhere", "Every head receives the output of the last one.",
             "Print what your list of heads holds after the loop.", _last_head_everywhere),
    _mistake("rest-dropped", "Features that do not fill a head are dropped without a word.",
             "Try d_model = 5 and 2 heads: which feature is missing?", _rest_dropped),
    # scale and softmax
    _mistake("root-of-d-model", "The root is taken of d_model; the dot products of a head sum over d_k numbers.",
             "Print `q.shape[-1]` after the split and take the root of that.",
             divisor=lambda q, x, H: math.sqrt(x.shape[-1])),
    _mistake("no-scale", "The dot products are not divided by sqrt(d_k).",
             "Compare your scores with `q @ k.transpose(-2, -1)`: they should be smaller.",
             divisor=lambda q, x, H: 1.0),
    _mistake("divided-by-width", "The dot products are divided by d_k, not by its square root.",
             "Print what you divide by for d_k = 4: it should be 2.", divisor=lambda q, x, H: q.shape[-1]),
    _mistake("divided-by-d-model", "The dot products are divided by d_model.",
             "Print what you divide by for 2 heads of width 4: it should be 2.",
             divisor=lambda q, x, H: x.shape[-1]),
    _mistake("multiplied-by-the-root", "The scores end up multiplied by sqrt(d_k).",
             "Compare your scores with `q @ k.transpose(-2, -1)`: they should be smaller.",
             divisor=lambda q, x, H: q.shape[-1] ** -0.5),
    _mistake("root-of-the-heads", "The root is taken of the number of heads.",
             "Print `q.shape` after the split: which axis do the dot products sum over?",
             divisor=lambda q, x, H: math.sqrt(H)),
    _mistake("root-of-t", "The root is taken of T, the number of positions.",
             "Print `q.shape` after the split: which axis do the dot products sum over?",
             divisor=lambda q, x, H: math.sqrt(q.shape[-2])),
    _mistake("softmax-over-the-queries", "The softmax runs over the queries (dim=2 of four axes), not over the keys.",
             "Sum the weights along each axis: which one should give 1?", weigh=lambda s: s.softmax(2)),
    _mistake("softmax-over-the-heads", "The softmax runs over the heads (dim=1): heads compete, keys do not.",
             "Sum the weights along each axis: which one gives 1?", weigh=lambda s: s.softmax(1)),
    _mistake("softmax-over-the-batch", "The softmax runs over the batch (dim=0).",
             "Try a batch of 1: is every weight 1?", weigh=lambda s: s.softmax(0)),
    _mistake("softmax-over-heads-and-keys", "One softmax runs over all heads and keys of a query together.",
             "Sum the weights of one query in one head: it has a 1 of its own to share out there.",
             weigh=lambda s: s.transpose(1, 2).flatten(2).softmax(-1).unflatten(2, (s.shape[1], -1)).transpose(1, 2)),
    _mistake("softmax-over-the-table", "One softmax runs over the whole table of scores of a head.",
             "Sum each row of the weights: every query has a 1 of its own to share out.",
             weigh=lambda s: s.flatten(2).softmax(-1).reshape(s.shape)),
    _mistake("scaled-after-the-softmax", "The weights are divided by sqrt(d_k), not the scores.",
             "Sum a row of the weights.", _scaled_after),
    _mistake("no-maximum", "Nothing is subtracted before the exponential, so large scores overflow.",
             "Use `torch.softmax`, or subtract the largest score first.",
             weigh=lambda s: s.exp() / s.exp().sum(-1, keepdim=True)),
    *careless_softmaxes(lambda soft: lambda *given: heads_by_stages(*given, weigh=soft)),
    *(_mistake(f"x-detached-for-{name}", f"The {name} are made of an x that was cut off, so it learns nothing through "
               "them.", "Look for `detach`, `no_grad` or `.data` before the projections.", _x_detached(i))
      for i, name in enumerate(("queries", "keys", "values"))),
    _mistake("no-softmax", "The scores are used as weights without a softmax.", "Sum a row of the weights.",
             weigh=lambda s: s),
    _mistake("causal", "Later keys are hidden, as with the causal mask of notebook 5; here every key may be seen.",
             "Look at row 0 of the weights: is everything on key 0?", hide=_triangle),
    # projections
    _mistake("w-o-forgotten", "The merged heads are returned without W_o.", "Double W_o: does your output change?",
             finish=lambda heads, W_o: heads),
    _mistake("w-o-twice", "W_o is applied twice.", "Count how often W_o stands in your code.",
             finish=lambda heads, W_o: heads @ W_o @ W_o),
    _mistake("w-o-transposed", "W_o is transposed, as if it came from `nn.Linear`.",
             "Write the shapes of both sides of the last `@` down: which axis of W_o has to meet the merged heads?",
             finish=lambda heads, W_o: heads @ W_o.T),
    _mistake("w-o-added", "W_o stands beside its product: the merged heads are added once more.",
             "Set W_o to zero: is anything left of your output?", finish=lambda heads, W_o: heads + heads @ W_o),
    _mistake("w-o-before-the-heads", "W_o meets the values before they are split, not the merged heads.",
             "Follow the five steps of the section: which one comes last?", _w_o_before_the_heads),
    _mistake("x-added", "x is added to the output. Whole models do that too, in a step of their own (notebook 9).",
             "Set W_o to zero: is anything left of your output?", _x_added),
    _mistake("matrices-transposed", "The projections are transposed, as if they came from `nn.Linear`.",
             "Write the shapes of both sides of `@` down: which axis of W has to meet the features of x?",
             project=lambda x, W: x @ W.T),
    _mistake("nothing-projected", "x itself is split; W_q, W_k and W_v are never used.",
             "Double W_q: do your weights change?", project=lambda x, W: x),
    _mistake("queries-and-keys-exchanged", "W_k makes the queries and W_q makes the keys.",
             "Which matrix should the token that *asks* meet? Look at row 0 of your scores.",
             roles=lambda q, k, v: (k, q, v)),
    _mistake("keys-by-w-q", "The keys are made with W_q, so a token's key equals its query.",
             "Double W_k: do your weights change?", roles=lambda q, k, v: (q, q, v)),
    _mistake("values-by-w-k", "The values are the keys: W_v is never used.",
             "Double W_v: does your output change?", roles=lambda q, k, v: (q, k, k)),
    _mistake("keys-and-values-exchanged", "W_v makes the keys and W_k makes the values.",
             "Double W_v: which of the two results should change?", roles=lambda q, k, v: (q, v, k)),
    _mistake("values-not-projected", "The weights average x itself; W_v is never used.",
             "Double W_v: does your output change?", _values_not_projected),
    _mistake("x-overwritten", "x is replaced by its own projection, and the next projection starts from that.",
             "Print `x.sum()` after each line: it should never change.", _x_overwritten),
    _mistake("projected-in-place", "One of the matrices is overwritten: the next call finds other numbers in it.",
             "Call it twice on the same matrices and compare the results.", _in_place),
    _mistake("first-item-only", "Only the first item of the batch is computed.",
             "Print the shape of the output for a batch of 2.", pick=lambda x: x[:1]),
    # what comes back
    _mistake("weights-averaged-before-use", "All heads use the average of their weights, so they all look alike.",
             "Compute head 0 on its own, from the first d_k features: is it what you use?", mix=_mean_over_heads),
    _mistake("scores-returned", "The scores come back in place of the weights.",
             "Sum a row of what you return as weights.", _scores_returned),
    _mistake("weights-averaged", "The weights come back averaged over the heads; one table for each head is wanted.",
             "Print the shape of the second result beside (B, H, T, T).", told=lambda w: w.mean(1)),
    _mistake("weights-added", "The weights come back added up over the heads; one table for each head is wanted.",
             "Print the shape of the second result beside (B, H, T, T).", told=lambda w: w.sum(1)),
    _mistake("weights-of-one-head", "Only the weights of the first head come back.",
             "Print the shape of the second result beside (B, H, T, T).", told=lambda w: w[:, 0]),
    _mistake("weights-folded", "Batch and heads are one axis of the weights.",
             "Print the shape of the second result beside (B, H, T, T).", told=lambda w: w.flatten(0, 1)),
    _mistake("weights-heads-last", "The heads are the last axis of the weights, or not the second.",
             "Print the shape of the second result beside (B, H, T, T).", told=lambda w: w.permute(0, 2, 3, 1)),
    _mistake("weights-detached", "The weights come back cut off from their gradient.",
             "Look for `detach`, `.data` or `no_grad`.", told=lambda w: w.detach()),
    _mistake("results-swapped", "The two results stand in the wrong order: the output comes first.",
             "Print the shapes of both results.", give=lambda output, weights: (weights, output)),
    _mistake("output-only", "Only the output is returned; the weights are asked for as well.",
             "End with `return output, weights`.", give=lambda output, weights: output),
    _mistake("output-detached", "The output is cut off from the gradient.",
             "Look for `detach`, `.data` or `no_grad`.",
             give=lambda output, weights: (output.detach(), weights)),
)
