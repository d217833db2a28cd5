"""Wrong multi-head modules, one stage at a time. PyTorch is imported when one is built."""

import math

from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.hiding import MINUS_TENS, MINUS_THOUSANDS, WRITTEN, hidings, on_rows_with_keys
from course_utils.exercises.families.module_stages import masked_softmax, module_by_stages, project_all, side_by_side

__all__ = ["MISTAKES"]


def _after_softmax(torch, scores, mask):
    weights = torch.softmax(scores, dim=-1)
    return weights if mask is None else weights * mask


def _renewed(smallest):
    def normalise(torch, scores, mask):
        weights = _after_softmax(torch, scores, mask)
        return weights if mask is None else weights / weights.sum(-1, keepdim=True).clamp(min=smallest)

    return normalise


def _filled(value):
    def normalise(torch, scores, mask):
        return torch.softmax(scores if mask is None else scores.masked_fill(~mask, value), dim=-1)

    return normalise


def _seen_by(change):
    """Normalise under a mask that `change(mask, scores)` gives."""
    def normalise(torch, scores, mask):
        return masked_softmax(torch, scores, None if mask is None else change(mask, scores))

    return normalise


def _causal_by_itself(torch, scores, mask):
    if mask is None and scores.shape[-1] == scores.shape[-2]:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return masked_softmax(torch, scores, mask)


def _over_infinite(dim):
    def normalise(torch, scores, mask):
        return (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(dim)

    return normalise


def _over(dim):
    def normalise(torch, scores, mask):
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e9)
        return torch.softmax(scores, dim=dim)

    return normalise


def _infinite_added(torch, scores, mask):
    if mask is not None:
        scores = scores + torch.zeros(mask.shape).masked_fill(~mask, -math.inf)
    return torch.softmax(scores, dim=-1).nan_to_num(0.0)


def _not_kept(torch, scores, mask):
    weights = torch.softmax(scores, dim=-1)
    return weights if mask is None else weights.masked_fill(~mask.any(-1, keepdim=True), 0.0)


def _empty_columns(torch, scores, mask):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    nobody = ~mask.any(-2, keepdim=True)
    scores = scores.masked_fill(~mask, -math.inf).masked_fill(nobody, 0.0)
    return torch.softmax(scores, dim=-1).masked_fill(nobody, 0.0)


def _nothing_for_empty_rows(output, weights, scores):
    nobody = (scores == -math.inf).all(-1).all(1)  # (B, T)
    return output.masked_fill(nobody[..., None], 0.0), weights


def _added(torch, scores, mask):
    return torch.softmax(scores if mask is None else scores + mask, dim=-1)


def _without_bias(name):
    def project(module, *sources):
        names = ("W_q", "W_k", "W_v")
        return tuple(y @ getattr(module, n).weight.T if n == name else getattr(module, n)(y)
                     for n, y in zip(names, sources))

    return project


def _cut_off(which):
    def project(module, *sources):
        return tuple(y.detach() if i == which else y for i, y in enumerate(project_all(module, *sources)))

    return project


def _under(soft):
    return lambda torch, scores, mask: soft(scores if mask is None else scores.masked_fill(~mask, -math.inf))


def _without_maximum(torch, scores, mask):
    terms = scores.exp() if mask is None else scores.exp() * mask
    return terms / terms.sum(dim=-1, keepdim=True)


def _heads_reversed(heads, T):
    return side_by_side(heads.flip(1), T)


def _mistake(name, cause, experiment, variants=(), **changes):
    return Mistake(name, cause, experiment, changes=changes, variants=tuple(map(_by_weights, variants)))


def _alone(name, cause, experiment, variants=(), **changes):
    """Make a mistake that is not looked for in pairs: every pair costs time in the first check."""
    return Mistake(name, cause, experiment, _built(**changes), variants=tuple(map(_by_weights, variants)))


def _built(**changes):
    return lambda d_model, n_heads, bias=True: module_by_stages(d_model, n_heads, bias, **changes)


def _by_weights(weigh):
    return _built(normalise=lambda torch, scores, mask: scores.softmax(-1) if mask is None else weigh(scores, mask))


MISTAKES = (
    # where queries, keys and values come from
    _mistake("context-ignored", "Keys and values come from `x` although a `context` was given.",
             "Call it with a context of another length and print the shape of the weights.",
             sources=lambda x, context: (x, x, x)),
    _mistake("queries-from-context", "Queries come from the context, and keys and values from `x`.",
             "Give `x` 5 positions and the context 3: how many rows should the output have?",
             sources=lambda x, context: (context, x, x)),
    _alone("values-from-x", "Values come from `x` although a `context` was given.",
           "Give it a context of another length, and then one of the same length.",
           sources=lambda x, context: (x, context, x)),
    _alone("values-from-x-where-it-fits", "Values come from `x` where the context has as many positions.",
           "Change the context and set `W_k.weight` to zero: does the output change?",
           sources=lambda x, context: (x, context, x if x.shape == context.shape else context)),
    _alone("keys-from-x-where-it-fits", "Keys come from `x` where the context has as many positions.",
           "Change the context and leave `x`: do the weights change?",
           sources=lambda x, context: (x, x if x.shape == context.shape else context, context)),
    _alone("context-detached", "The context is cut off, so nothing that made it learns.",
           "Call `backward()` on the sum of the output and print `context.grad`.",
           sources=lambda x, context: (x, *[x if context is x else context.detach()] * 2)),
    _mistake("all-from-context", "Queries, keys and values all come from the context.",
             "Change `x` and leave the context: does the output change?",
             sources=lambda x, context: (context, context, context)),
    # projections
    _mistake("w-q-for-keys", "Keys are projected with `W_q` instead of `W_k`.",
             "Set `W_k.weight` to zero: what should happen to the weights?",
             project=lambda m, q, k, v: (m.W_q(q), m.W_q(k), m.W_v(v))),
    _mistake("w-k-for-values", "Values are projected with `W_k` instead of `W_v`.",
             "Set `W_v.weight` and its bias to zero: what should the heads give?",
             project=lambda m, q, k, v: (m.W_q(q), m.W_k(k), m.W_k(v))),
    _mistake("queries-and-keys-exchanged", "`W_q` projects the keys and `W_k` the queries.",
             "Set only the bias of `W_q` to a large vector and see which rows of the weights change.",
             project=lambda m, q, k, v: (m.W_k(q), m.W_q(k), m.W_v(v))),
    _alone("keys-and-values-exchanged", "`W_v` projects the keys and `W_k` the values.",
           "Set `W_v.weight` and its bias to zero: what should the heads give?",
           project=lambda m, q, k, v: (m.W_q(q), m.W_v(k), m.W_k(v))),
    _mistake("values-not-projected", "The values are the context itself; `W_v` is not used.",
             "Set `W_v.weight` and its bias to zero: what should the heads give?",
             project=lambda m, q, k, v: (m.W_q(q), m.W_k(k), v)),
    _mistake("query-bias-lost", "The bias of `W_q` is not added.",
             "Compare `x @ W_q.weight.T` with `W_q(x)` after you have set the bias to something else than zero.",
             project=_without_bias("W_q")),
    _mistake("value-bias-lost", "The bias of `W_v` is not added.",
             "Compare `x @ W_v.weight.T` with `W_v(x)` after you have set the bias to something else than zero.",
             project=_without_bias("W_v")),
    _mistake("weights-transposed", "`x @ W.weight` is computed, but `nn.Linear` stores the transpose.",
             "Compare `x @ W_q.weight` with `W_q(x)` while the bias is zero.",
             project=lambda m, q, k, v: tuple(y @ w.weight + (0 if w.bias is None else w.bias)
                                              for y, w in zip((q, k, v), (m.W_q, m.W_k, m.W_v)))),
    _mistake("bias-always", "The argument `bias` is not passed on: the projections always have one.",
             "Build it with `bias=False` and print `W_q.bias`.", ask_bias=False),
    # heads
    _mistake("view-without-transpose", "The features are viewed as (B, H, T, d_k) without a transpose, so that each "
             "head holds pieces of different positions.",
             "Number a tensor with `torch.arange` and look which numbers land in head 0.",
             split=lambda x, H: x.reshape(x.shape[0], H, x.shape[1], x.shape[2] // H)),
    _mistake("features-dealt-out", "Head h gets every H-th feature instead of a run of d_k features.",
             "Number the features of one position 0, 1, 2, ... and print what head 0 holds.",
             split=lambda x, H: x.reshape(*x.shape[:2], x.shape[2] // H, H).permute(0, 3, 1, 2)),
    _mistake("merge-without-transpose", "The heads are merged without moving the head axis back after the positions.",
             "Split and merge a numbered tensor: do you get it back?",
             merge=lambda heads, T: heads.reshape(heads.shape[0], T, -1)),
    _mistake("heads-reversed", "The heads are put side by side in reverse order.",
             "Split and merge a numbered tensor: do you get it back?", merge=_heads_reversed),
    _mistake("heads-interleaved", "The features of the heads are interleaved instead of one head after the other.",
             "Split and merge a numbered tensor: do you get it back?",
             merge=lambda heads, T: heads.permute(0, 2, 3, 1).reshape(heads.shape[0], T, -1)),
    _mistake("w-o-missing", "The merged heads are returned without `W_o`.",
             "Set `W_o.weight` to zero and its bias to 7: what should the output be?", finish=lambda m, y: y),
    _mistake("w-o-twice", "`W_o` is applied twice.",
             "Set `W_o.weight` to twice the identity: how much larger should the output get?",
             finish=lambda m, y: m.W_o(m.W_o(y))),
    _alone("w-o-for-values-too", "The values go through `W_o` as well.",
           "Set `W_v` and `W_o` to twice the identity: how much larger should the output get?",
           project=lambda m, q, k, v: (m.W_q(q), m.W_k(k), m.W_o(m.W_v(v)))),
    _alone("x-added", "`x` is added to the output. Whole models do that too, in a step of their own.",
           "Set `W_o.weight` and its bias to zero: is anything left of the output?", beside=lambda x: x),
    _mistake("output-bias-lost", "The bias of `W_o` is not added.",
             "Set `W_o.weight` to zero and its bias to 7: what should the output be?",
             finish=lambda m, y: y @ m.W_o.weight.T),
    # scale
    _mistake("no-scale", "The scores are not divided by the root of d_k.",
             "Print the largest weight of each row at d_model = 512.", divisor=lambda q, d_model: 1.0),
    _mistake("scale-of-d-model", "The scores are divided by the root of d_model; a dot product here has d_k terms.",
             "Build it with one head: now the two roots are the same. With which of them does it agree at three?",
             divisor=lambda q, d_model: math.sqrt(d_model)),
    _mistake("scale-without-root", "The scores are divided by d_k and not by its root.",
             "Compute the variance of the scores for random q and k of width 64.",
             divisor=lambda q, d_model: q.shape[-1]),
    _alone("root-of-the-heads", "The scores are divided by the root of the number of heads.",
           "Print what you divide by for d_model = 12 and 3 heads: it should be 2.",
           divisor=lambda q, d_model: math.sqrt(d_model // q.shape[-1])),
    # gradients
    *(_mistake(f"{name}-detached", f"The {name} are cut off from what they were computed from, so nothing behind them "
               "learns.", f"Call `backward()` on the sum of the output and print W_{name[0]}.weight.grad.",
               project=_cut_off(i)) for i, name in enumerate(("queries", "keys", "values"))),
    _mistake("weights-detached", "The weights that come back are cut off from the scores.",
             "Print weights.requires_grad.", answer=lambda output, weights, scores: (output, weights.detach())),
    # softmax and mask
    _mistake("softmax-without-maximum", "The exponential of large scores overflows to infinity.",
             "Multiply W_q.weight by 1000 and print the weights.", normalise=_without_maximum),
    *careless_softmaxes(lambda soft: _built(normalise=_under(on_rows_with_keys(soft))), also=lambda soft: (
        _built(normalise=_under(lambda s: soft(s).nan_to_num(0.0))), _built(normalise=_under(soft)))),
    _mistake("softmax-over-queries", "The softmax runs over the queries.",
             "Sum the weights of one query over all keys.", normalise=_over(-2)),
    _alone("softmax-over-queries-nan", "The softmax runs over the queries.",
           "Sum the weights of one query over all keys.", normalise=_over_infinite(-2)),
    _alone("softmax-over-heads-nan", "The softmax runs over the heads.",
           "Sum the weights of one query over all keys, in one head.", normalise=_over_infinite(1)),
    _mistake("softmax-over-heads", "The softmax runs over the heads.",
             "Sum the weights of one query over all keys, in one head.", normalise=_over(1)),
    _mistake("mask-ignored", "The mask has no effect: `masked_fill` gives a new tensor back, which has to be kept.",
             "Look at the weights where the mask is False.",
             normalise=lambda torch, scores, mask: torch.softmax(scores, dim=-1)),
    _alone("hidden-scores-not-kept", "Only rows without a key are hidden: `masked_fill` gives a new tensor back, and "
           "the one with the hidden scores was not kept.", "Look at the weights where the mask is False.",
           normalise=_not_kept),
    _mistake("mask-inverted", "The mask is read the wrong way round: here True means that a query may attend.",
             "Let a query attend to one key only and look where its weight goes.", read=lambda mask: ~mask,
             variants=hidings(WRITTEN, lambda mask: ~mask)),
    _alone("mask-only-2d", "The mask has an effect only where it has the shape (T, S).",
           "Try a mask of shape (B, 1, 1, S).",
           normalise=_seen_by(lambda mask, scores: mask if mask.ndim == 2 else None)),
    _alone("mask-only-4d", "The mask has an effect only where it has four axes.",
           "Try a mask of shape (T, S).",
           normalise=_seen_by(lambda mask, scores: mask if mask.ndim == 4 else None)),
    _alone("mask-only-without-context", "The mask has no effect where a context is given.",
           "Give it a context with padding and look at the weights of the padding.",
           normalise=_seen_by(lambda mask, scores: mask if scores.shape[-1] == scores.shape[-2] else None)),
    _alone("mask-of-the-first-sequence", "Every sequence gets the mask of the first one.",
           "Give two sequences different padding.",
           normalise=_seen_by(lambda mask, scores: mask if mask.ndim < 4 else mask[:1])),
    _alone("mask-of-the-first-head", "Every head gets the mask of head 0.",
           "Give each head a mask of its own.",
           normalise=_seen_by(lambda mask, scores: mask if mask.ndim < 4 else mask[:, :1])),
    _alone("one-mask-for-all", "Every sequence and every head gets the same two-dimensional mask.",
           "Give two sequences different padding.",
           normalise=_seen_by(lambda mask, scores: mask if mask.ndim == 2 else mask.flatten(0, -3)[0])),
    _alone("mask-of-three-axes-widened", "A mask of three axes is read as (B, T, S); from the back it is (H, T, S).",
           "Let the mask meet the scores as it is: broadcasting aligns the axes from the back.",
           normalise=_seen_by(lambda mask, scores: mask.unsqueeze(1) if mask.ndim == 3 else mask)),
    _alone("mask-transposed", "The mask is transposed, so that its rows are read as keys.",
           "Try a causal mask: what may position 0 attend to?",
           normalise=_seen_by(lambda mask, scores: mask.mT),
           variants=hidings(WRITTEN, lambda mask: mask.mT)),
    _alone("causal-by-itself", "Without a mask the future is hidden; then every key may be seen.",
           "Leave the mask out and look at row 0 of the weights.", normalise=_causal_by_itself),
    _mistake("mask-after-softmax", "The weights are zeroed after the softmax, so that the rest no longer sums to 1.",
             "Sum the weights of a query with hidden keys.", normalise=_after_softmax),
    *(_alone(f"renormalised-after-softmax{name}",
             "The weights are zeroed after the softmax and divided by what is left. On paper that is right; beside a "
             "hidden score far above the visible ones `float32` has nothing left to divide.",
             "Multiply W_q.weight by 1000 and print what is left of the visible weights before you divide.",
             normalise=_renewed(smallest)) for name, smallest in (("", 0.0), ("-and-covered", 1e-30))),
    _mistake("hidden-scores-zero", "Hidden scores become 0, and exp(0) = 1 is still a weight.",
             "Look at the weights where the mask is False.", normalise=_filled(0.0)),
    _mistake("hidden-scores-minus-ten", "Hidden scores become about -10, or fall by 10, which leaves them a "
             "small weight.", "Give the hidden keys a value of a million and look at the output.",
             normalise=_filled(-10.0), variants=hidings(MINUS_TENS)),
    _alone("hidden-scores-minus-ten-thousand", "What stands in for hidden scores, or is added to them (-1000, -10000 "
           "or the like), is not enough where scores lie far apart.",
           "Multiply W_q.weight by 1000 and look at the weights where the mask is False.", normalise=_filled(-1e4),
           variants=hidings(MINUS_THOUSANDS)),
    _mistake("empty-rows-nan", "A query that may attend to no key gets NaN: all its scores are minus infinity.",
             "Try a mask with a row of False, and do what you did in notebook 5.", normalise=_over_infinite(-1)),
    _alone("empty-columns-for-empty-rows", "`nobody` is asked of the keys, with `any(-2)`: a query is a row of the "
           "mask, and the keys lie on its last axis.",
           "Print `mask.any(-2)` and `mask.any(-1)` of a causal mask with a row of False.", normalise=_empty_columns),
    _alone("empty-rows-output-zero", "The output of a query without keys is set to 0. Its heads give 0, and `W_o` "
           "then adds its bias: that is the output.", "Print `W_o(torch.zeros(d_model))` beside `W_o.bias`.",
           answer=_nothing_for_empty_rows),
    _mistake("empty-rows-uniform", "A query that may attend to no key attends to all of them equally.",
             "Try a mask with a row of False, and do what you did in notebook 5.", normalise=_filled(-1e9)),
    _alone("empty-rows-gradient-nan", "The weights of a query without keys are 0, but NaN arose on the way, and the "
           "gradients are NaN.", "Call `backward()` on the sum of the output with a row of False in the mask, and "
           "print W_q.weight.grad.", normalise=_infinite_added),
    _mistake("mask-added", "The boolean mask is added to the scores, which adds 1 where a query may attend.",
             "Look at the weights where the mask is False.", normalise=_added),
    # what comes back
    _mistake("weights-averaged", "The weights are averaged over the heads.",
             "Print the shape of the weights: it should have four axes.",
             answer=lambda output, weights, scores: (output, weights.mean(1))),
    _alone("weights-averaged-with-axis", "The weights are averaged over the heads; the axis of size 1 hides it.",
           "Print the shape of the weights: H tables are wanted.",
           answer=lambda output, weights, scores: (output, weights.mean(1, keepdim=True))),
    _alone("weights-averaged-and-spread", "Every head gets the average of the weights.",
           "Compare the weights of head 0 and head 1: do they differ?",
           answer=lambda output, weights, scores: (output, weights.mean(1, keepdim=True).expand_as(weights))),
    _mistake("scores-returned", "The scores are returned in place of the weights.",
             "Sum a row of what you return as weights.",
             answer=lambda output, weights, scores: (output, scores)),
    _mistake("order-swapped", "The weights are returned first and the output second.",
             "Print the shapes of the two results.",
             answer=lambda output, weights, scores: (weights, output)),
    _mistake("width-not-checked", "Heads that do not divide d_model are not refused.",
             "Build it with d_model = 10 and n_heads = 3.", refuse=False),
)
