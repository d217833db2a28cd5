"""Wrong answers to attention under a mask; no exercise lives here."""

import math

from course_utils.attention import scaled_dot_product_attention, softmax
from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.hiding import MINUS_TENS, MINUS_THOUSANDS, WRITTEN, hidings, on_rows_with_keys

__all__ = ["MISTAKES", "masked_by_stages"]


def masked_by_stages(q, k, v, mask, *, read=lambda mask, scores: mask, scale=lambda q: math.sqrt(q.shape[-1]),
                     hide=lambda scores, mask: scores.masked_fill(~mask, -math.inf), weigh=softmax,
                     after=lambda weights, mask: weights, values=lambda v, k: v,
                     give=lambda output, weights: (output, weights)):
    """Compute attention under a mask in stages that can be replaced one by one."""
    scores = q @ k.transpose(-2, -1) / scale(q)
    mask = read(mask, scores)
    weights = after(weigh(hide(scores, mask)), mask)
    return give(weights @ values(v, k), weights)


def _fill(number):
    return lambda scores, mask: scores.masked_fill(~mask, number)


def _infinity_times_zero(scores, mask):
    return scores + (~mask).to(scores.dtype) * -math.inf


def _mask_times_infinity(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = (scores + mask.to(scores.dtype) * -math.inf).softmax(-1)
    return weights @ v, weights


def _rows_cleaned(weights, mask):
    return weights * mask.any(-1, keepdim=True)


def _hard_coded_causal(mask, scores):
    import torch

    return torch.ones(scores.shape[-2:], dtype=torch.bool).tril()


def _first_mask_for_all(mask, scores):
    while mask.ndim > 2:
        mask = mask[0]
    return mask


def _no_maximum(scores):
    e = scores.exp()
    return e / e.sum(-1, keepdim=True).clamp(min=1e-30)


def _over_the_queries(scores):
    return softmax(scores, axis=-2)


def _equal_shares(scores):
    seen = (scores > -math.inf).to(scores.dtype)
    return seen / seen.sum(-1, keepdim=True).clamp(min=1)


def _empty_rows_uniform(scores):
    return scores.clamp(min=-1e9).softmax(-1)


def _empty_rows_everywhere(q, k, v, mask):
    """A query that sees nothing empties its place in every item of the batch."""
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    full = mask.any(-1, keepdim=True).expand(*weights.shape[:-1], 1)
    while full.ndim > 2:
        full = full.all(0)
    return output * full, weights * full


def _nan_covered_late(q, k, v, mask):
    scores = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1)
    return (weights @ v).nan_to_num(0.0), weights.nan_to_num(0.0)


def _nan_covered_after_adding(q, k, v, mask):
    import torch

    bias = torch.zeros(mask.shape, dtype=q.dtype).masked_fill(~mask, -math.inf)
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]) + bias).softmax(-1).nan_to_num(0.0)
    return weights @ v, weights


def _without_gradient(q, k, v, mask):
    return scaled_dot_product_attention(q.detach(), k.detach(), v.detach(), mask)


def _weights_detached(q, k, v, mask):
    _, weights = scaled_dot_product_attention(q, k, v, mask)
    return weights.detach() @ v, weights


def _mask_turned_in_place(q, k, v, mask):
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    mask.logical_not_()
    return output, weights


def _queries_divided_in_place(q, k, v, mask):
    output, weights = scaled_dot_product_attention(q, k, v, mask)
    q /= math.sqrt(q.shape[-1])
    return output, weights


def _renewed(weights, mask):
    weights = weights * mask
    return weights / weights.sum(-1, keepdim=True)


def _renewed_but_empty(weights, mask):
    weights = weights * mask
    return weights / weights.sum(-1, keepdim=True).clamp(min=1e-30)


def _renewed_with_a_rest(rest):
    def after(weights, mask):
        weights = weights * mask
        return weights / (weights.sum(-1, keepdim=True) + rest)

    return after


def _empty_rows_see_all(scores, mask):
    return scores.masked_fill(~mask & mask.any(-1, keepdim=True), -math.inf)


def _two_axes_only(mask, scores):
    return mask if mask.ndim == 2 else mask.new_ones(scores.shape)


def _one_row_turned(mask, scores):
    return mask[:, None] if mask.ndim == 1 else mask


def _output_emptied_only(q, k, v, mask):
    scores = _empty_rows_see_all(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), mask)
    weights = scores.softmax(-1)
    return weights @ v * mask.any(-1, keepdim=True), weights


def _weights_from_before(q, k, v, mask):
    output, _ = scaled_dot_product_attention(q, k, v, mask)
    return output, scaled_dot_product_attention(q, k, v)[1]


def _two_axes_of_mask(q, k, v, mask):
    B, _, S = mask.shape
    return scaled_dot_product_attention(q, k, v, mask.view(B, -1, S))


def _python_if(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = softmax(scores)
    return weights @ v, weights


def _log_of_the_sum(scores):
    return (scores - scores.exp().sum(-1, keepdim=True).log()).exp()


def _log_of_the_visible_sum(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = (scores - (scores.exp() * mask).sum(-1, keepdim=True).log()).exp() * mask
    return weights @ v, weights


def _logsumexp(scores):
    return (scores - scores.logsumexp(-1, keepdim=True)).exp()


def _covered(weigh):
    return lambda scores: weigh(scores).nan_to_num(0.0)


def _with_softmax(soft):
    return lambda q, k, v, mask: masked_by_stages(q, k, v, mask, weigh=soft)


def _opposite_and_covered(number, nan=math.nan):
    return lambda scores, mask: scores.masked_fill(mask, number).softmax(-1).nan_to_num(nan) * mask


def _exponentials_hidden(q, k, v, mask):
    terms = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).exp() * mask
    weights = terms / terms.sum(-1, keepdim=True)
    return weights @ v, weights


def _mistake(name, cause, experiment, function=None, variants=(), **changes):
    return Mistake(name, cause, experiment, function, None if function else changes,
                   tuple(_by_weights(weigh) for weigh in variants))


def _by_weights(weigh):
    def answer(q, k, v, mask):
        weights = weigh(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), mask)
        return weights @ v, weights

    return answer


MISTAKES = (
    # which keys are hidden
    _mistake("opposite-polarity", "The keys that may be seen are hidden, and the hidden ones are seen.",
             "`masked_fill(m, x)` writes x where m is True. Where does your mask have to be True for that?",
             read=lambda mask, scores: ~mask, variants=(
                 *hidings(WRITTEN, lambda mask: ~mask), _opposite_and_covered(-1e9), _opposite_and_covered(-math.inf),
                 _opposite_and_covered(-math.inf, nan=0.0))),
    _mistake("mask-without-effect", "The mask changes nothing; the result of `masked_fill` may have been dropped.",
             "Compare your output with and without a mask. `x.masked_fill(...)` gives a new tensor back.",
             hide=lambda scores, mask: scores),
    _mistake("mask-transposed", "The mask is transposed, so its rows are read as keys and its columns as queries.",
             "Try a mask in which query 0 sees only key 1.", read=lambda mask, scores: mask.transpose(-2, -1),
             variants=hidings(WRITTEN, lambda mask: mask.transpose(-2, -1))),
    _mistake("mask-of-two-axes-only", "The mask has an effect only where it has two axes.",
             "Try a mask of shape (B, 1, S).", read=_two_axes_only),
    _mistake("one-row-turned", "A mask of shape (S,) is read as one entry for each query, not for each key.",
             "Broadcasting aligns shapes from the back: which axis of the scores does (S,) meet?",
             read=_one_row_turned),
    _mistake("causal-built-in", "The future is always hidden, whatever the mask says.",
             "Try a mask that shows everything.", read=_hard_coded_causal),
    _mistake("first-mask-for-all", "Every item of the batch gets the mask of the first one.",
             "Try a batch of 2 in which each item hides another key.", read=_first_mask_for_all),
    _mistake("three-axes-of-mask", "The shape of the mask is unpacked into exactly three names.",
             "Let the mask broadcast: a mask of shape (T, S) or (B, 1, 1, S) needs no change.", _two_axes_of_mask),
    _mistake("if-mask", "`if mask` asks whether a whole table is True.",
             "Try `if torch.tensor([True, False]): pass` in a cell of its own.", _python_if),
    # how they are hidden; first what is made most often, since pairs are tried in this order
    _mistake("empty-rows-nan", "A query that may attend to no key gets NaN: all its scores are minus infinity.",
             "Print `torch.softmax(torch.tensor([-math.inf, -math.inf]), dim=-1)`.", weigh=lambda s: s.softmax(-1)),
    _mistake("exponentials-hidden",
             "The exponentials of hidden keys become 0: right on paper, but a query that sees no "
             "key divides 0 by 0, and the exponential of a large score is infinite.",
             "Print what you divide by for a row of False, and `torch.exp(torch.tensor(100.0))`.",
             _exponentials_hidden),
    _mistake("score-zero", "Hidden scores become 0, and a score of 0 still gets a weight.",
             "Which weight has the score 0 beside the score 1? Print `math.exp(0)`.", hide=_fill(0.0)),
    _mistake("minus-ten", "Hidden scores become about -10, or fall by 10: their keys still get some weight.",
             "Let the hidden value be a million and look at the output; try a hidden score of 200, too.",
             hide=_fill(-10.0), variants=hidings(MINUS_TENS)),
    *(_mistake(f"minus-ten-thousand{name}", "What stands in for hidden scores, or is added to them (-1000, -10000 or "
               f"the like), is not enough where scores lie far apart{and_so}.",
               "Try scores of about -12000, and hidden ones of 12000.", _by_weights(first), rest)
      for name, and_so, (first, *rest) in (
          ("", "; and a query that sees no key attends to all of them", hidings(MINUS_THOUSANDS, cleaned=("",))),
          ("-covered", "", hidings(MINUS_THOUSANDS, cleaned=("rows", "covered"))))),
    _mistake("mask-added", "The mask is added to the scores as 0 and 1, so hidden keys lose a single point.",
             "What has to be added to a score so that its weight becomes 0?",
             hide=lambda scores, mask: scores + mask.to(scores.dtype)),
    _mistake("infinity-times-zero", "Zero times infinity is no number, so the visible scores turn into NaN.",
             "Print `torch.tensor(0.0) * -math.inf`.", hide=_infinity_times_zero),
    _mistake("mask-times-infinity", "Zero times infinity is no number, so False turns its score into NaN.",
             "Print `torch.tensor([0.0, 1.0]) * -math.inf`.", _mask_times_infinity),
    _mistake("score-zero-rows-cleaned", "Hidden scores become 0, and a score of 0 still gets a weight.",
             "Which weight has the score 0 beside the score 1? Print `math.exp(0)`.", hide=_fill(0.0),
             after=_rows_cleaned),
    _mistake("weight-zero", "Weights are set to 0 after the softmax, so the rest of a row sums to less than 1.",
             "Sum the weights of a query that has a hidden key.", hide=lambda scores, mask: scores,
             after=lambda weights, mask: weights * mask),
    *(_mistake(f"after-softmax-renormalised{name}",
               f"Hidden keys are taken out after the exponential. {what}", step,
               hide=lambda scores, mask: scores, after=after)
      for name, what, step, after in (
          ("", "On paper that is right; beside a hidden score far above the visible ones `float32` has nothing left to "
           "divide.", "Give a hidden key a score of 110 and print the sum of the visible weights before you divide.",
           _renewed_but_empty),
          ("-nan", "A query that sees no key then has NaN, as 0 / 0 or inf * 0; so has one with a hidden score far "
           "above the visible ones.", "Print what you divide, and what you divide by, for a row of False.", _renewed))),
    *(_mistake(f"divided-with-a-rest-{name}",
               "A small number is added to the sum of a row, and a row with a small sum then loses weight.",
               "Give a hidden key a score of 30 and sum the weights of the visible ones.",
               hide=lambda scores, mask: scores, after=_renewed_with_a_rest(rest))
      for name, rest in (("1e-3", 1e-3), ("1e-6", 1e-6), ("1e-9", 1e-9), ("1e-12", 1e-12))),
    _mistake("weights-from-before", "The output is right, but the weights come from before the mask.",
             "Look at the weight of a hidden key.", _weights_from_before),
    # queries that see nothing
    _mistake("empty-rows-uniform", "A query that may attend to no key attends to all of them equally.",
             "Try a mask with a row of False.", weigh=_empty_rows_uniform),
    _mistake("empty-rows-see-all", "A query that may attend to no key attends to every key.",
             "Try a mask with a row of False.", hide=_empty_rows_see_all),
    _mistake("output-emptied-only", "A query without keys gets the output 0, but its weights are not 0.",
             "Print the weights for a mask with a row of False.", _output_emptied_only),
    _mistake("empty-rows-everywhere", "A query without keys in one item is emptied in the other items too.",
             "Look for them with `any(dim=-1)`, one answer for each query of each item.", _empty_rows_everywhere),
    _mistake("nan-covered-late", "The NaN is covered up in the output only: on the way back it reaches the values.",
             "Print `v.grad` after `output[0].sum().backward()` for a mask with a row of False.", _nan_covered_late),
    _mistake("nan-covered-after-adding",
             "An added minus infinity lets NaN through on the way back, although the weights look right.",
             "Print `q.grad` after `output[0].sum().backward()` for a mask with a row of False.",
             _nan_covered_after_adding),
    # everything from notebook 4
    _mistake("no-scale", "The scores are not divided by the root of d_k.",
             "Compare with notebook 4 for a mask that shows everything.", scale=lambda q: 1.0),
    _mistake("divided-by-d_k", "The scores are divided by d_k, not by its root.",
             "Compare with notebook 4 for a mask that shows everything.", scale=lambda q: q.shape[-1]),
    _mistake("softmax-over-the-queries", "The softmax runs along the queries, so each key shares out 1.",
             "Sum a row of the weights.", weigh=_over_the_queries),
    _mistake("no-maximum", "Nothing is subtracted before the exponential, so large scores overflow or vanish.",
             "Use `torch.softmax`, or subtract the largest score first.", weigh=_no_maximum),
    *careless_softmaxes(lambda soft: _with_softmax(on_rows_with_keys(soft)),
                        also=lambda soft: (_with_softmax(_covered(soft)), _with_softmax(soft))),
    *(_mistake(f"log-of-the-sum{name}",
               "Nothing is subtracted before the exponential: of a large score it is inf, far below 0 and in a row of "
               "False it is 0, and the logarithm of either is no finite number.",
               "Print `torch.tensor([100.0, -200.0]).exp().log()`.", **how)
      for name, how in (("", {"weigh": _log_of_the_sum}), ("-covered", {"weigh": _covered(_log_of_the_sum)}),
                        ("-visible", {"function": _log_of_the_visible_sum}))),
    _mistake("logsumexp", "A query that sees no key gets NaN: minus infinity minus minus infinity. And a logarithm of "
             "about 12000 has three digits after the point in `float32`.",
             "Print `torch.logsumexp(torch.tensor([-math.inf, -math.inf]), dim=0)`.", weigh=_logsumexp),
    _mistake("logsumexp-covered", "A logarithm of about 12000 has three digits after the point in `float32`, too few "
             "for its exponential.", "Compare with `torch.softmax` for scores of about 12000.",
             weigh=_covered(_logsumexp)),
    _mistake("no-softmax", "The scores are used as weights without a softmax.",
             "Sum a row of the weights.", weigh=lambda scores: scores),
    _mistake("equal-shares", "All visible keys get the same weight; the scores have no effect.",
             "Make one score larger: does its weight grow?", weigh=_equal_shares),
    _mistake("values-from-the-keys", "The weights average the keys; the values are never used.",
             "Add 1 to every value and see whether the output moves.", values=lambda v, k: k),
    _mistake("swapped", "The two results stand in the wrong order: the output comes first.",
             "Print the shapes of both for d_v = 2.", give=lambda output, weights: (weights, output)),
    _mistake("output-only", "Only the output is returned; the weights are asked for as well.",
             "End with `return output, weights`.", give=lambda output, weights: output),
    # right numbers, and yet wrong
    _mistake("mask-turned-in-place", "The caller's mask is turned round in place, so the next call sees the opposite.",
             "Print the mask before and after a call. `~mask` makes a new one.", _mask_turned_in_place),
    _mistake("queries-in-place", "The queries of the caller are divided in place, so they are smaller the next time.",
             "Call it twice with the same q and compare.", _queries_divided_in_place),
    _mistake("detached", "The result is cut off from q, k and v, so nothing could learn from it.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.", _without_gradient),
    _mistake("weights-detached", "The weights are cut off from q and k before they meet the values.",
             "Print `q.grad` after `output.sum().backward()`.", _weights_detached),
)
