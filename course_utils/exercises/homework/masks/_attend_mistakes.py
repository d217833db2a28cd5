"""Wrong answers to attention over a packed row; no exercise lives here."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.hiding import MINUS_TENS, MINUS_THOUSANDS, WRITTEN, hidings
from course_utils.exercises.homework.masks.tables import packed_causal_mask

__all__ = ["MISTAKES", "attend_by_stages"]


def _owner(lengths):
    import torch

    return torch.repeat_interleave(torch.arange(len(lengths)), torch.as_tensor(lengths))


def attend_by_stages(q, k, v, lengths, *, owner=_owner, same=lambda a, b: a == b, past=lambda i, j: j <= i,
                     scale=lambda q: math.sqrt(q.shape[-1]), fill=-math.inf, weigh=lambda s: s.softmax(-1),
                     values=lambda v, k: v, give=lambda output: output):
    """Attend over a packed row in stages that can be replaced one by one."""
    import torch

    who, place = owner(lengths), torch.arange(q.shape[-2])
    mask = same(who[:, None], who) & past(place[:, None], place)
    scores = q @ k.transpose(-2, -1) / scale(q)
    return give(weigh(scores.masked_fill(~mask, fill)) @ values(v, k))


def _repeated(lengths):
    import torch

    return torch.repeat_interleave(torch.as_tensor(lengths), torch.as_tensor(lengths))


def _averaged(q, k, v, lengths):
    import torch

    return torch.stack([_alone(q, k, v, start, end).mean(-2) for start, end in _ends(lengths)], dim=-2)


def _ends(lengths):
    ends, start = [], 0
    for n in lengths:
        ends.append((start, start + int(n)))
        start += int(n)
    return ends


def _alone(q, k, v, start, end):
    import torch

    mask = torch.ones(end - start, end - start, dtype=torch.bool).tril()
    return scaled_dot_product_attention(q[:, start:end], k[:, start:end], v[:, start:end], mask)[0]


def _joined_over_heads(q, k, v, lengths):
    import torch

    return torch.cat([_alone(q, k, v, start, end) for start, end in _ends(lengths)], dim=0)


def _last_sequence_only(q, k, v, lengths):
    for start, end in _ends(lengths):
        output = _alone(q, k, v, start, end)
    return output


def _split_over_heads(q, k, v, lengths):
    import torch

    parts = [x.split([int(n) for n in lengths]) for x in (q, k, v)]
    return torch.cat([scaled_dot_product_attention(a, b, c)[0] for a, b, c in zip(*parts)])


def _weights_too(q, k, v, lengths):
    import torch

    return scaled_dot_product_attention(q, k, v, torch.from_numpy(packed_causal_mask(lengths)))


def _empty_sequences_fail(q, k, v, lengths):
    """Takes the first row of each sequence, which an empty one does not have."""
    import torch

    outputs = []
    for start, end in _ends(lengths):
        rows = [torch.softmax(q[:, i, None] @ k[:, start:i + 1].transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)
                @ v[:, start:i + 1] for i in range(start, end)]
        outputs.append(torch.cat(rows, dim=1))
    return torch.cat(outputs, dim=1)


def _weight_zero(q, k, v, lengths):
    import torch

    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights * torch.from_numpy(packed_causal_mask(lengths))) @ v


def _exponentials(scores):
    e = scores.exp()
    return e / e.sum(-1, keepdim=True)


def _scores(q, k):
    return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])


def _mask(lengths):
    import torch

    return torch.from_numpy(packed_causal_mask(lengths))


def _polarity(q, k, v, lengths):
    return _scores(q, k).masked_fill(_mask(lengths), -math.inf).softmax(-1) @ v


def _polarity_in_torch(q, k, v, lengths):
    import torch

    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=~_mask(lengths))


def _mask_added(q, k, v, lengths):
    return (_scores(q, k) + _mask(lengths).to(q.dtype)).softmax(-1) @ v


def _times_minus_infinity(q, k, v, lengths):
    return (_scores(q, k) + (~_mask(lengths)).to(q.dtype) * -math.inf).softmax(-1) @ v


def _renormalised(weights, mask, least=0.0):
    weights = weights * mask
    return weights / weights.sum(-1, keepdim=True).clamp(min=least)


def _by_weights(weigh):
    return lambda q, k, v, lengths: weigh(_scores(q, k), _mask(lengths)) @ v


def _maximum_of_hidden_too(scores, mask):
    return _renormalised((scores - scores.amax(-1, keepdim=True)).exp(), mask, 1e-30)


def _keys_from_the_start(q, k, v, lengths):
    import torch

    return torch.cat([torch.nn.functional.scaled_dot_product_attention(q[:, start:end], k[:, :end], v[:, :end],
                                                                       is_causal=True)
                      for start, end in _ends(lengths)], dim=1)


def _slice_to_the_length(q, k, v, lengths):
    import torch

    starts = [start for start, _ in _ends(lengths)]
    return torch.cat([torch.nn.functional.scaled_dot_product_attention(q[:, start:n], k[:, start:n], v[:, start:n],
                                                                       is_causal=True)
                      for start, n in zip(starts, lengths)], dim=1)


def _through_numpy(q, k, v, lengths):
    import numpy as np
    import torch

    weights = torch.tensor(np.asarray(_scores(q, k).masked_fill(~_mask(lengths), -math.inf).softmax(-1).numpy()))
    return weights @ v


def _mistake(name, cause, experiment, function=None, variants=(), **changes):
    return Mistake(name, cause, experiment, function, None if function else changes, tuple(variants))


MISTAKES = (
    # who sees whom
    _mistake("plain-causal", "The whole row is one causal sequence: later sequences see the earlier ones.",
             "The first token of each sequence should get its own value. Which do?", same=lambda a, b: a + b >= 0),
    _mistake("future-visible", "The sequences are set apart, but inside each the future is visible.",
             "The first token of each sequence should get its own value. Which do?", past=lambda i, j: i + j >= 0),
    _mistake("no-mask", "Nothing is hidden: there is no mask, or the result of `masked_fill` was dropped.",
             "The first token of each sequence should get its own value. Which do?",
             same=lambda a, b: a + b >= 0, past=lambda i, j: i + j >= 0),
    _mistake("strangers-only", "A token sees the sequences before it and not its own.",
             "Compare your mask with that of Exercise 1 for the lengths [2, 3].", same=lambda a, b: a != b),
    _mistake("past-and-future-swapped", "Inside each sequence the future is visible and the past hidden.",
             "The last token of each sequence should use all of its sequence. Does it?", past=lambda i, j: j >= i),
    _mistake("own-place-hidden", "No token sees itself, so the first of each sequence sees nothing.",
             "The first token of each sequence should get its own value. Which do?", past=lambda i, j: j < i),
    _mistake("lengths-as-names", "Sequences are told apart by their lengths, so neighbours of equal length merge.",
             "Try the lengths [2, 2].", owner=_repeated),
    _mistake("keys-from-the-start", "The queries of a sequence meet all keys from the start of the row.",
             "Which slice of the keys belongs to the second sequence?", _keys_from_the_start),
    _mistake("opposite-polarity", "The keys that may be seen are hidden, and the hidden ones are seen.",
             "`masked_fill(m, x)` writes x where m is True. Where should that be?", _polarity,
             map(_by_weights, hidings(WRITTEN[1:], lambda mask: ~mask, cleaned=("",)))),
    _mistake("opposite-polarity-in-torch", "The keys that may be seen are hidden, and the hidden ones are seen.",
             "In `F.scaled_dot_product_attention`, what does True mean in `attn_mask`?", _polarity_in_torch),
    # how they are hidden
    _mistake("mask-added", "The mask is added to the scores as 0 and 1, so hidden keys lose a single point.",
             "What has to be added to a score so that its weight becomes 0?", _mask_added),
    _mistake("zero-times-infinity", "The mask is multiplied by minus infinity, and 0 times infinity is NaN.",
             "Print `torch.tensor(0.0) * -math.inf`, then find another way to choose between two numbers.",
             _times_minus_infinity),
    _mistake("divided-by-nothing", "Weights are set to 0 after the softmax and divided by what is left, which is 0 "
             "when hidden scores are much larger than the others.",
             "Make a hidden score larger by 200 and print the weights that are left.",
             _by_weights(lambda scores, mask: _renormalised(scores.softmax(-1), mask)), map(_by_weights, (
                 lambda scores, mask: _renormalised(scores.softmax(-1), mask, 1e-30), _maximum_of_hidden_too))),
    _mistake("score-zero", "Hidden scores become 0, and a score of 0 still gets a weight.",
             "Which weight has the score 0 beside the score 1?", fill=0.0),
    _mistake("minus-ten", "Hidden scores become -10: small, but their keys still get some weight.",
             "Let a hidden value be a million and look at the output.", fill=-10.0,
             variants=map(_by_weights, hidings(MINUS_TENS, cleaned=("",)))),
    _mistake("minus-ten-thousand", "What stands in for hidden scores, or is added to them (-1000, -10000 or the like), "
             "is not enough where scores lie far apart.", "Try scores of about -12000, and hidden ones of 12000.",
             *map(_by_weights, hidings(MINUS_THOUSANDS, cleaned=("",))[:1]),
             map(_by_weights, hidings(MINUS_THOUSANDS, cleaned=("", "covered"))[1:])),
    _mistake("weight-zero", "Weights are set to 0 after the softmax, so the rest of a row sums to less than 1.",
             "Sum the weights of a token.", _weight_zero),
    _mistake("softmax-over-the-queries", "The softmax runs along the queries, so each key shares out 1.",
             "Sum a row of the weights.", weigh=lambda s: s.softmax(-2)),
    _mistake("no-maximum", "Nothing is subtracted before the exponential, so large scores overflow.",
             "Print `torch.tensor(100.0).exp()`. `torch.softmax` takes care of it.", weigh=_exponentials),
    *careless_softmaxes(lambda soft: lambda *given: attend_by_stages(*given, weigh=soft)),
    _mistake("softmax-over-the-heads", "The softmax runs over the heads, so the heads share out 1.",
             "Sum a row of the weights of one head.", weigh=lambda s: s.softmax(0).nan_to_num(0.0)),
    _mistake("softmax-over-the-heads-nan", "The softmax runs over the heads, so the heads share out 1, or nothing.",
             "Sum a row of the weights of one head.", weigh=lambda s: s.softmax(0)),
    # the rest of attention
    _mistake("scale-of-the-values", "The scores are divided by the root of d_v, not of d_k.",
             "Which of q, k and v have the width d_k?",
             lambda q, k, v, lengths: attend_by_stages(q, k, v, lengths, scale=lambda q: math.sqrt(v.shape[-1]))),
    _mistake("no-scale", "The scores are not divided by the root of d_k.",
             "Compare with lesson 4 for a single sequence.", scale=lambda q: 1.0),
    _mistake("divided-by-d_k", "The scores are divided by d_k, not by its root.",
             "Compare with lesson 4 for a single sequence.", scale=lambda q: q.shape[-1]),
    _mistake("scale-of-the-heads", "The scores are divided by the root of another size than d_k.",
             "Print `q.shape`: which axis holds d_k?", scale=lambda q: math.sqrt(q.shape[-2])),
    _mistake("values-from-the-keys", "The weights average the keys; the values are never used.",
             "Add 1 to every value and see whether the output moves.", values=lambda v, k: k),
    # what comes back
    _mistake("weights-too", "The weights are returned as well; only the output is asked for.",
             "What does the attention function give back? Take the first of the two.", _weights_too),
    _mistake("joined-over-heads", "The outputs of the sequences are joined along the heads, not along the row.",
             "Print `output.shape`. It should be that of v.", _joined_over_heads),
    _mistake("split-over-heads", "The heads are split up by the lengths, not the row.",
             "Print `q.shape`: which axis is the row of tokens?", _split_over_heads),
    _mistake("last-sequence-only", "Only the last sequence is returned; each one overwrites the one before.",
             "Print `output.shape`. It should be that of v.", _last_sequence_only),
    _mistake("averaged", "Each sequence gets one averaged output; every token should get its own.",
             "Print `output.shape`. It should be that of v.", _averaged),
    _mistake("detached", "The result is cut off from q, k and v, so nothing could learn from it.",
             "Look for `detach`, `no_grad`, `.data` or NumPy on the way.", give=lambda output: output.detach()),
    _mistake("through-numpy", "The weights pass through NumPy, where no gradient can follow.",
             "Stay with PyTorch's functions; `torch.from_numpy` is for the mask alone.", _through_numpy),
    _mistake("slice-ends-at-the-length", "The slice of a sequence ends at its length, not at its end in the row.",
             "For the lengths [2, 3], where does the second sequence begin and end?", _slice_to_the_length),
    _mistake("empty-sequences-fail", "A sequence without tokens stops it: there is nothing to join.",
             "Call it with the lengths [2, 0, 3].", _empty_sequences_fail),
)
