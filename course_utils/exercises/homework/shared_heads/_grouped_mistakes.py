"""Wrong answers to attention whose heads share keys; no exercise lives here. PyTorch is imported when one runs."""

import math
from functools import partial

from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.hiding import MINUS_THOUSANDS, hidings, on_rows_with_keys
from course_utils.exercises.families.shared import tensor

__all__ = ["MISTAKES", "attend", "for_each", "grouped_by_stages", "past"]


def for_each(x, n_shared):
    """Repeat each head (B, Hkv, ...) for the query heads of its group."""
    return x.repeat_interleave(n_shared, dim=1)


def past(T, S):
    """The causal mask (T, S) whose triangle touches the lower right corner."""
    return tensor([[j <= i + S - T for j in range(S)] for i in range(T)])


def _in_turn(x, n_shared):
    return x.repeat(1, n_shared, 1, 1)


def _fold(x, n_heads):
    return x.unflatten(1, (n_heads, -1))


def grouped_by_stages(q, k, v, mask=None, *, share=for_each, share_values=None, ask=lambda q, n_key_heads: q,
                      root=lambda q, k, v: math.sqrt(q.shape[-1]), see=lambda mask, q, k: mask,
                      hide=lambda scores, seen: scores.masked_fill(~seen, -math.inf),
                      weigh=lambda scores: scores.softmax(-1),
                      clean=lambda weights, seen: weights.masked_fill(~seen, 0.0), mix=lambda weights, v: weights @ v,
                      give=lambda output, weights, n_key_heads: (output, weights)):
    """Attention with shared heads, in stages that can be replaced one by one."""
    n_key_heads = k.shape[1]
    n_shared = q.shape[1] // n_key_heads
    keys, values = share(k, n_shared), (share_values or share)(v, n_shared)
    scores = ask(q, n_key_heads) @ keys.transpose(-2, -1) / root(q, k, v)
    seen = see(mask, q, k)
    weights = weigh(scores if seen is None else hide(scores, seen))
    weights = weights if seen is None else clean(weights, seen)
    return give(mix(weights, values), weights, n_key_heads)


def attend(q, k, v, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is None:
        weights = scores.softmax(-1)
    else:
        weights = scores.masked_fill(~mask, -math.inf).softmax(-1).nan_to_num(0.0)
    return weights @ v, weights


def _by_number_of_key_heads(q, k, v, mask=None):
    import torch

    heads = [h // k.shape[1] for h in range(q.shape[1])]
    return attend(q, torch.stack([k[:, h] for h in heads], 1), torch.stack([v[:, h] for h in heads], 1), mask)


def _not_shared(q, k, v, mask=None):
    return attend(q, k, v, mask)


def _groups_of_queries_turned(q, k, v, mask=None):
    n_key_heads = k.shape[1]
    folded = q.unflatten(1, (-1, n_key_heads)).transpose(1, 2)  # (B, Hkv, G, T, d_k), head g * Hkv + n in group n
    output, weights = attend(folded, k[:, :, None], v[:, :, None])
    if mask is not None:
        per_head = mask.expand(*q.shape[:3], k.shape[2]).unflatten(1, (-1, n_key_heads)).transpose(1, 2)
        output, weights = attend(folded, k[:, :, None], v[:, :, None], per_head)
    return output.flatten(1, 2), weights.flatten(1, 2)


def _folded_and_back_in_another_order(q, k, v, mask=None):
    if mask is not None:
        mask = _fold(mask.expand(*q.shape[:3], k.shape[2]), k.shape[1])
    output, weights = attend(_fold(q, k.shape[1]), k[:, :, None], v[:, :, None], mask)
    return output.transpose(1, 2).flatten(1, 2), weights.transpose(1, 2).flatten(1, 2)


def _mask_on_five_axes(q, k, v, mask=None):
    output, weights = attend(_fold(q, k.shape[1]), k[:, :, None], v[:, :, None], mask)
    return output.flatten(1, 2), weights.flatten(1, 2)


def _mask_of_each_head_turned(q, k, v, mask=None):
    if mask is not None:
        n_shared = q.shape[1] // k.shape[1]
        mask = mask.expand(*q.shape[:3], k.shape[2]).unflatten(1, (n_shared, -1)).transpose(1, 2).flatten(1, 2)
    return grouped_by_stages(q, k, v, mask)


def _loop_over_heads(cut_mask):
    def loop(q, k, v, mask=None):
        import torch

        n_shared = q.shape[1] // k.shape[1]
        heads = [attend(q[:, h], k[:, h // n_shared], v[:, h // n_shared], None if mask is None else cut_mask(mask, h))
                 for h in range(q.shape[1])]
        return tuple(torch.stack(things, dim=1) for things in zip(*heads))

    return loop


def _mask_with_an_axis_more(q, k, v, mask=None):
    if mask is not None and mask.ndim == 4:
        mask = mask.unsqueeze(2)
    return _mask_on_five_axes(q, k, v, mask)


def _mask_on_longer_queries(q, k, v, mask=None):
    output, weights = attend(q.reshape(q.shape[0], k.shape[1], -1, q.shape[-1]), k, v, mask)
    return output.reshape(*q.shape[:3], -1), weights.reshape(*q.shape[:3], -1)


def _weights_without_mask(q, k, v, mask=None):
    return grouped_by_stages(q, k, v, mask)[0], grouped_by_stages(q, k, v)[1]


def _mask_always_wanted(q, k, v, mask=None):
    n_shared = q.shape[1] // k.shape[1]
    scores = q @ for_each(k, n_shared).transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(~mask, -math.inf).softmax(-1).nan_to_num(0.0)
    return weights @ for_each(v, n_shared), weights


def _few_averaged_queries(q, k, v, mask=None):
    return attend(_fold(q, k.shape[1]).mean(2), k, v, mask)


def _nan_left_in_weights(q, k, v, mask=None):
    output, weights = grouped_by_stages(q, k, v, mask, clean=lambda weights, seen: weights)
    return output.nan_to_num(0.0), weights


def _groups_summed(q, k, v, mask=None):
    output, weights = grouped_by_stages(q, k, v, mask)
    return _fold(output, k.shape[1]).sum(2), _fold(weights, k.shape[1]).sum(2)


def _groups_averaged(q, k, v, mask=None):
    output, weights = grouped_by_stages(q, k, v, mask)
    return _fold(output, k.shape[1]).mean(2), _fold(weights, k.shape[1]).mean(2)


def _unsafe(scores):
    e = scores.exp()
    return e / e.sum(-1, keepdim=True)


def _cleaned_by_rows(soft):
    return partial(grouped_by_stages, weigh=on_rows_with_keys(soft), clean=lambda weights, seen: weights)


def _by_weights(weigh):
    def answer(q, k, v, mask=None):
        k, v = (for_each(x, q.shape[1] // k.shape[1]) for x in (k, v))
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        weights = scores.softmax(-1) if mask is None else weigh(scores, mask)
        return weights @ v, weights

    return answer


def _maximum_of_hidden_too(scores, mask):
    e = (scores - scores.amax(-1, keepdim=True)).exp() * mask
    return e / e.sum(-1, keepdim=True).clamp(1e-30)


def _in_place(q, k, v, mask=None):
    q /= math.sqrt(q.shape[-1])
    k, v = (for_each(x, q.shape[1] // k.shape[1]) for x in (k, v))
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(-1).nan_to_num(0.0)
    return weights @ v, weights


def _own_share(q, n_key_heads):
    return _fold(q, n_key_heads).mean(2).repeat_interleave(q.shape[1] // n_key_heads, dim=1)


def _first_of_group(q, n_key_heads):
    return _fold(q, n_key_heads)[:, :, 0].repeat_interleave(q.shape[1] // n_key_heads, dim=1)


def _first_sequence(mask, q, k):
    return mask if mask is None or mask.ndim < 3 else mask[:1]


def _first_head(mask, q, k):
    return mask if mask is None or mask.ndim < 4 else mask[:, :1]


def _always_past(mask, q, k):
    seen = past(q.shape[2], k.shape[2]) if q.shape[2] <= k.shape[2] else None
    return seen if mask is None else mask


def _scores_given(q, k, v, mask=None):
    output, _ = grouped_by_stages(q, k, v, mask)
    scores = q @ for_each(k, q.shape[1] // k.shape[1]).transpose(-2, -1) / math.sqrt(q.shape[-1])
    return output, scores if mask is None else scores.masked_fill(~mask, -math.inf)


def _detached(output, weights, n_key_heads):
    return output.detach(), weights.detach()


def _mistake(name, cause, experiment, function=None, variants=(), **changes):
    return Mistake(name, cause, experiment, function, None if function else changes, tuple(map(_by_weights, variants)))


_COUNT = "Give key head n values that are all n, and read off the outputs which key head each query head used."
MISTAKES = (
    # which key head
    _mistake("heads-in-turn",
             "Query head h uses key head h % Hkv: the key heads are dealt out in turn, and neighbours share none.",
             _COUNT, share=_in_turn),
    _mistake("values-in-turn",
             "The keys are shared by neighbouring query heads, but the values are dealt out in turn.", _COUNT,
             share_values=_in_turn),
    _mistake("keys-in-turn",
             "The values are shared by neighbouring query heads, but the keys are dealt out in turn.",
             "Change the keys of one key head: which rows of weights change, and in which query heads?",
             share=_in_turn, share_values=for_each),
    _mistake("queries-grouped-in-turn",
             "The queries are cut into (G, Hkv) in place of (Hkv, G), and come back in yet another order.",
             _COUNT, _groups_of_queries_turned),
    _mistake("output-in-another-order",
             "The groups are right inside, but the heads come back in another order than the queries had.",
             "Change the queries of head 1 alone: which output changes?", _folded_and_back_in_another_order),
    _mistake("groups-reversed", "The last group uses the first key head, and the first group the last.", _COUNT,
             share=lambda x, n: for_each(x.flip(1), n)),
    _mistake("first-key-head-for-all", "Every query head uses key head 0.", _COUNT,
             share=lambda x, n: x[:, :1].expand(-1, x.shape[1] * n, -1, -1)),
    _mistake("last-key-head-for-all", "Every query head uses the last key head.", _COUNT,
             share=lambda x, n: x[:, -1:].expand(-1, x.shape[1] * n, -1, -1)),
    _mistake("key-heads-averaged", "All query heads use the average of the key heads.", _COUNT,
             share=lambda x, n: x.mean(1, keepdim=True).expand(-1, x.shape[1] * n, -1, -1)),
    _mistake("divided-by-the-number-of-key-heads",
             "Query head h uses key head h // Hkv: it is divided by the number of key heads, not by the size of a "
             "group.", "Write down the key head of each of 8 query heads for Hkv = 2, and then what h // 2 gives.",
             _by_number_of_key_heads),
    _mistake("not-shared", "The key heads are not brought to the number of query heads.",
             "Print the shapes of q and k before they are multiplied: which axis does not fit?", _not_shared),
    _mistake("expanded",
             "`expand` can only stretch an axis of size 1: several key heads have to be repeated in another way.",
             "Which of your inputs has a single key head? There your function works.",
             share=lambda x, n: x.expand(-1, x.shape[1] * n, -1, -1)),
    _mistake("sharing-along-another-axis", "The positions are repeated, not the heads.",
             "Print the shape of the keys after they are shared: which axis has grown?",
             share=lambda x, n: x.repeat_interleave(n, dim=2)),
    # one result for each query head
    _mistake("queries-averaged", "The queries of a group are averaged, so that all its heads look alike.",
             "Change the queries of head 0 alone: which outputs change?", ask=_own_share),
    _mistake("first-query-of-the-group", "All heads of a group use the queries of its first head.",
             "Change the queries of head 1 alone: does its output change?", ask=_first_of_group),
    _mistake("few-averaged-queries", "The queries of a group are averaged, and there is one output for each key head.",
             "Print the shape of your output: how many heads does it have?", _few_averaged_queries),
    _mistake("groups-averaged", "The results of a group are averaged: there is one for each key head.",
             "Print the shape of your output: how many heads does it have?", _groups_averaged),
    _mistake("groups-summed", "The results of a group are added up: there is one for each key head.",
             "Print the shape of your output: how many heads does it have?", _groups_summed),
    _mistake("weights-of-key-heads", "The weights are averaged over each group before they are returned.",
             "Print the shape of your weights: how many tables are there?",
             give=lambda output, weights, n: (output, _fold(weights, n).mean(2))),
    _mistake("scores-returned", "The second result is the scores, not the weights.",
             "Sum a row of the second result: is it 1?", _scores_given),
    _mistake("exchanged", "Output and weights are returned in the wrong order.",
             "Print the shapes of both results.", give=lambda output, weights, n: (weights, output)),
    # attention itself
    _mistake("not-scaled", "The scores are not divided by the square root of d_k.",
             "Take q = 1, 1, 1, 1 and keys with the dot products 6 and 4: what is log(w1 / w2)?",
             root=lambda q, k, v: 1.0),
    _mistake("divided-by-d-k", "The scores are divided by d_k, not by its square root.",
             "Take q = 1, 1, 1, 1 and keys with the dot products 6 and 4: what is log(w1 / w2)?",
             root=lambda q, k, v: q.shape[-1]),
    _mistake("root-of-all-heads", "The scores are divided by the square root of Hq * d_k.",
             "How wide is the query that one head multiplies with its keys?",
             root=lambda q, k, v: math.sqrt(q.shape[1] * q.shape[-1])),
    _mistake("root-of-the-number-of-heads", "The scores are divided by the square root of the number of heads.",
             "Which axis of q is as long as the vectors that a score multiplies?",
             root=lambda q, k, v: math.sqrt(q.shape[1])),
    _mistake("root-of-d-v", "The scores are divided by the square root of the width of the values.",
             "Which two vectors does a score multiply, and how wide are they?",
             root=lambda q, k, v: math.sqrt(v.shape[-1])),
    _mistake("softmax-over-queries", "The softmax runs over the queries: columns sum to 1, not rows.",
             "Sum a row and a column of your weights.", weigh=lambda scores: scores.softmax(-2)),
    _mistake("softmax-over-heads", "The softmax runs over the heads.",
             "Sum your weights over the heads, and then along a row.", weigh=lambda scores: scores.softmax(1)),
    _mistake("no-softmax", "There is no softmax: scores are used as weights.", "Sum a row of your weights.",
             weigh=lambda scores: scores),
    Mistake("overflow", "The exponential runs on large scores without subtracting the maximum.",
            "What is torch.tensor(100.0).exp()?", partial(grouped_by_stages, weigh=_unsafe),
            variants=(_cleaned_by_rows(_unsafe),)),
    *careless_softmaxes(lambda soft: partial(grouped_by_stages, weigh=soft),
                        also=lambda soft: (_cleaned_by_rows(soft),)),
    # masks
    _mistake("mask-ignored", "The mask is not used.", "Hide all keys but one: is its weight 1?",
             see=lambda mask, q, k: None),
    _mistake("mask-upside-down", "True is read as hidden; in this course it means: may attend.",
             "Hide all keys but one: which keys get a weight?",
             see=lambda mask, q, k: mask if mask is None else ~mask),
    _mistake("mask-as-zero-scores", "Hidden scores become 0, and a score of 0 still gets a weight.",
             "What is exp(0)?", hide=lambda scores, seen: scores.masked_fill(~seen, 0.0),
             clean=lambda weights, seen: weights),
    _mistake("mask-after-softmax", "The mask is laid over the weights after softmax, so rows no longer sum to 1.",
             "Sum a row of your weights under a mask.", hide=lambda scores, seen: scores),
    *(_mistake(f"renormalised-after-softmax{name}",
               "The mask is laid over the weights and the rows are divided by what is left: nothing, in `float32`, "
               "beside a hidden score far above the visible ones.",
               "Give a hidden key a score of 110 and print what is left before you divide.",
               hide=lambda scores, seen: scores,
               clean=lambda weights, seen, least=least: (weights * seen) / (weights * seen).sum(-1, True).clamp(least),
               variants=also)
      for name, least, also in (("", 1e-30, [_maximum_of_hidden_too]), ("-nan", 0.0, ()))),
    *(_mistake(f"minus-ten-thousand{name}", "What stands in for hidden scores, or is added to them (-1000, -10000 or "
               f"the like), is not enough where scores lie far apart{and_so}.",
               "Try scores of about -12000, and hidden ones of 12000.", _by_weights(first), rest)
      for name, and_so, (first, *rest) in (
          ("", "; and a query that sees no key attends to all of them", hidings(MINUS_THOUSANDS, cleaned=("",))),
          ("-covered", "", hidings(MINUS_THOUSANDS, cleaned=("rows", "covered"))))),
    _mistake("mask-too-weak", "A small number is subtracted from hidden scores, so some of their weight stays.",
             "How large is exp(-10)? How large may a weight of a hidden key be?",
             hide=lambda scores, seen: scores.masked_fill(~seen, -10.0), clean=lambda weights, seen: weights),
    _mistake("mask-of-the-first-sequence", "All sequences get the mask of sequence 0.",
             "Give the two sequences different lengths: do their weights end at different keys?", see=_first_sequence),
    _mistake("mask-of-the-first-head", "All heads get the mask of head 0.",
             "Give every head another mask: does each follow its own?", see=_first_head),
    _mistake("mask-on-five-axes",
             "The mask of four axes meets scores of five, (B, Hkv, G, T, S): its axes fall on the wrong ones.",
             "Write the shape of your scores and that of the mask below each other, aligned at the right.",
             _mask_on_five_axes),
    _mistake("mask-with-an-axis-more",
             "The mask gets an axis for the heads of a group, but one for each query head has to be cut in groups.",
             "What shape has a mask (B, Hq, T, S) after your line, and what shape have the scores?",
             _mask_with_an_axis_more),
    _mistake("mask-on-longer-queries",
             "The heads of a group stand below each other, G * T rows, and the mask has T.",
             "Write the shape of your scores and that of the mask below each other, aligned at the right.",
             _mask_on_longer_queries),
    _mistake("mask-whole-for-each-head", "In the loop over heads, scores of three axes meet a mask of four.",
             "Print the shape of one head's scores before and after they are masked.",
             _loop_over_heads(lambda mask, h: mask)),
    _mistake("mask-cut-though-shared",
             "In the loop over heads, `mask[:, h]` is taken from a mask that has no axis of heads, or a single entry.",
             "Which of the masks (T, S), (B, 1, 1, S) and (B, Hq, T, S) has a [:, 1]?",
             _loop_over_heads(lambda mask, h: mask[:, h])),
    _mistake("weights-without-mask", "The output is masked, but the weights that come back are not.",
             "Hide all keys but one: is its weight 1?", _weights_without_mask),
    _mistake("mask-always-wanted", "Without a mask your function stops: None is not provided for.",
             "Call your function with three arguments.", _mask_always_wanted),
    _mistake("mask-heads-in-turn", "The mask is cut into groups in another order than the queries.",
             "Let one query head alone see one key: which head follows?", _mask_of_each_head_turned),
    _mistake("always-causal", "The future is hidden although no mask was given.",
             "Without a mask, does query 0 give the last key a weight?", see=_always_past),
    _mistake("nan-without-keys", "A row in which everything is hidden becomes NaN: softmax divides 0 by 0.",
             "Hide all keys of one query and print its weights.", clean=lambda weights, seen: weights),
    _mistake("nan-left-in-the-weights",
             "The output of a row in which everything is hidden is mended, but its weights are still NaN.",
             "Hide all keys of one query and print its weights.", _nan_left_in_weights),
    _mistake("even-without-keys", "A row in which everything is hidden spreads its weight evenly over hidden keys.",
             "Hide all keys of one query and print its weights.",
             hide=lambda scores, seen: scores.masked_fill(~seen, -1e9), clean=lambda weights, seen: weights),
    # the caller
    _mistake("written-into-q", "The queries are divided in place, which changes the tensor of the caller.",
             "Print q before and after the call.", _in_place),
    _mistake("detached", "The results are cut off from q, k and v, so nothing could learn.",
             "Print output.requires_grad for inputs that require a gradient.", give=_detached),
)
