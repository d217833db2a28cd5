"""Wrong answers to a step with a cache; no exercise lives here. PyTorch is imported when one runs."""

import math
from functools import partial

from course_utils.checks import Mistake
from course_utils.exercises.families.careless import careless_softmaxes

__all__ = ["MISTAKES", "joined", "lower_right", "step_by_stages"]


def joined(past, new):
    """Put new tokens after earlier ones, if there are any."""
    import torch

    return new if past is None else torch.cat([past, new], dim=-2)


def lower_right(T, S):
    """Let the T newest of S tokens see themselves and what stands before them: (T, S)."""
    import torch

    return torch.ones(T, S, dtype=torch.bool).tril(S - T)


def step_by_stages(q, k, v, past_k=None, past_v=None, *, join=joined, join_values=None,
                   used=lambda past, new, whole: whole, see=lower_right, root=lambda q, v, S: math.sqrt(q.shape[-1]),
                   hide=lambda scores, seen: scores.masked_fill(~seen, -math.inf),
                   weigh=lambda scores: scores.softmax(-1), clean=lambda weights, seen: weights,
                   keep=lambda past, new, whole: whole, give=lambda output, keys, values: (output, keys, values)):
    """A step with a cache, in stages that can be replaced one by one."""
    whole_k, whole_v = join(past_k, k), (join_values or join)(past_v, v)
    keys, values = used(past_k, k, whole_k), used(past_v, v, whole_v)
    scores = q @ keys.transpose(-2, -1) / root(q, v, keys.shape[-2])
    seen = see(q.shape[-2], keys.shape[-2])
    weights = clean(weigh(hide(scores, seen)), seen)
    return give(weights @ values, keep(past_k, k, whole_k), keep(past_v, v, whole_v))


def _everything(T, S):
    return lower_right(T, S) | True


def _new_first(past, new):
    return joined(None, new) if past is None else joined(new, past)


def _masked_without_a_cache(q, k, v, past_k=None, past_v=None):
    return step_by_stages(q, k, v, past_k, past_v, see=lower_right if past_k is None else _everything)


def _only_at_full_length(T, S):
    return lower_right(T, S) if T == S else _everything(T, S)


def _cache_alone_behind_a_cache(T, S):
    seen = lower_right(T, S)
    if S > T:
        seen[:, S - T:] = False
    return seen


def _shares(e):
    return e / e.sum(-1, keepdim=True)


def _scaled_keys_kept(q, k, v, past_k=None, past_v=None):
    keys, values = joined(past_k, k / math.sqrt(q.shape[-1])), joined(past_v, v)
    scores = q @ keys.transpose(-2, -1)
    weights = scores.masked_fill(~lower_right(q.shape[-2], keys.shape[-2]), -math.inf).softmax(-1)
    return weights @ values, keys, values


def _keys_given_as_values(q, k, v, past_k=None, past_v=None):
    output, keys, _ = step_by_stages(q, k, v, past_k, past_v)
    return output, keys, keys


def _one_pair_in_twice(past, new):
    import torch

    return torch.cat([new if past is None else past, new], dim=-2)


def _zeros_first(past, new):
    import torch

    return torch.cat([torch.zeros_like(new[..., :1, :]) if past is None else past, new], dim=-2)


def _cat(dim):
    def join(past, new):
        import torch

        return new if past is None else torch.cat([past, new], dim=dim)

    return join


def _oldest_dropped(past, new, whole):
    return whole if past is None or not past.shape[-2] else whole[..., -past.shape[-2]:, :]


def _values_notjoined(q, k, v, past_k=None, past_v=None):
    keys = joined(past_k, k)
    scores = q @ keys.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(~lower_right(q.shape[-2], keys.shape[-2]), -math.inf).softmax(-1)
    return weights @ v, keys, v


def _no_beginning(q, k, v, past_k=None, past_v=None):
    import torch

    return step_by_stages(q, torch.cat([past_k, k], dim=-2)[..., -k.shape[-2]:, :], v, past_k, past_v)


def _written_into_the_cache(q, k, v, past_k=None, past_v=None):
    output, keys, values = step_by_stages(q, k, v, past_k, past_v)
    if past_k is not None and past_k.shape[-2]:
        past_k[..., -1:, :], past_v[..., -1:, :] = k[..., -1:, :], v[..., -1:, :]
    return output, keys, values


def _truth_of_a_tensor(q, k, v, past_k=None, past_v=None):
    return step_by_stages(q, k, v, *((past_k, past_v) if past_k else (None, None)))


def _scaled_in_place(q, k, v, past_k=None, past_v=None):
    q /= math.sqrt(q.shape[-1])
    return step_by_stages(q, k, v, past_k, past_v, root=lambda q, v, S: 1.0)


def _last_token_only(q, k, v, past_k=None, past_v=None):
    output, keys, values = step_by_stages(q, k, v, past_k, past_v)
    return output[..., -1:, :], keys, values


def _two_kept_together(q, k, v, past_k=None, past_v=None):
    output, keys, values = step_by_stages(q, k, v, past_k, past_v)
    return output, (keys, values)


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


_ONE = "With three tokens in the cache, print which keys one new token may see."
_PIECE = "With three tokens in the cache and two new ones, print the mask: which keys may the first of the two see?"
MISTAKES = (
    # who sees whom
    _mistake("triangle-at-the-upper-left",
             "The triangle begins at the upper left, so new tokens see the oldest ones and not themselves.", _ONE,
             see=lambda T, S: _everything(T, S).tril()),
    _mistake("no-mask", "Nothing is hidden: tokens that come together see each other's future.",
             "Give two tokens and no cache: does the first output change with the second value?", see=_everything),
    _mistake("mask-without-cache-only",
             "The future is hidden only while there is no cache; in a later piece, tokens see what follows them.",
             _PIECE, _masked_without_a_cache),
    _mistake("mask-at-full-length-only",
             "The future is hidden only where there are as many queries as keys; in a later piece, tokens see what "
             "follows them.", _PIECE, see=_only_at_full_length),
    _mistake("upper-left-for-several",
             "A single token sees the whole cache, but for several new ones the triangle begins at the upper left.",
             _PIECE, see=lambda T, S: _everything(T, S).tril(0 if T > 1 else S)),
    _mistake("diagonal-by-the-new", "The triangle is moved by the number of new tokens, not by that of earlier ones.",
             _ONE, see=lambda T, S: _everything(T, S).tril(T)),
    _mistake("diagonal-the-other-way", "The triangle is moved to the left; it has to be moved to the right.",
             "Print torch.ones(2, 5).tril(d) for d = -3, 0 and 3.", see=lambda T, S: _everything(T, S).tril(T - S)),
    _mistake("one-short-behind-a-cache", "After a cache the triangle is a column short: a token does not see itself.",
             _ONE, see=lambda T, S: _everything(T, S).tril(S - T - (S > T))),
    _mistake("new-not-seen", "After a cache, new tokens see the cache alone and not themselves.", _ONE,
             see=_cache_alone_behind_a_cache),
    _mistake("not-itself", "A token does not see itself: the diagonal is hidden, and the first token becomes NaN.",
             _ONE, see=lambda T, S: lower_right(T, S).tril(S - T - 1)),
    _mistake("not-itself-and-zeros",
             "A token does not see itself: the diagonal is hidden, and the first token gets zeros.",
             _ONE, see=lambda T, S: lower_right(T, S).tril(S - T - 1),
             clean=lambda weights, seen: weights.masked_fill(~seen, 0.0)),
    _mistake("one-of-the-future", "Each token sees one token of its future.", _PIECE,
             see=lambda T, S: _everything(T, S).tril(S - T + 1)),
    _mistake("future-only", "The mask is upside down: the past is hidden and the future is seen.", _PIECE,
             see=lambda T, S: ~lower_right(T, S)),
    _mistake("from-itself-on", "Each token sees itself and what follows, not what went before.", _PIECE,
             see=lambda T, S: _everything(T, S).triu(S - T)),
    _mistake("mask-as-zero-scores", "Hidden scores become 0, and a score of 0 still gets a weight.", "What is exp(0)?",
             hide=lambda scores, seen: scores.masked_fill(~seen, 0.0)),
    _mistake("mask-after-softmax", "The mask is laid over the weights after softmax, so rows no longer sum to 1.",
             "Let all values be 1: is every output 1?", hide=lambda scores, seen: scores,
             clean=lambda weights, seen: weights * seen),
    # the cache
    _mistake("new-tokens-in-front", "New keys and values are put in front of the old ones.",
             "Let the keys be the numbers of the tokens, and print the keys that come back.", join=_new_first),
    _mistake("new-values-in-front", "Keys are put at the end of the cache, values in front of it.",
             "Let keys and values be the numbers of the tokens, and print both that come back.",
             join_values=_new_first),
    _mistake("joined-along-features", "Old and new are joined along the features, not along the tokens.",
             "Print the shape of the keys before and after joining: which axis has grown?", join=_cat(-1)),
    _mistake("joined-along-heads", "Old and new are joined along the heads, not along the tokens.",
             "Print the shape of the keys before and after joining: which axis has grown?", join=_cat(1)),
    _mistake("joined-along-the-batch", "Old and new are joined along the batch, not along the tokens.",
             "Print the shape of the keys before and after joining: which axis has grown?", join=_cat(0)),
    _mistake("values-not-joined", "New keys join the cache, new values do not.",
             "Print the shapes of keys and values before they are used.", _values_notjoined),
    _mistake("new-ones-returned", "Only the new keys and values come back, so the next step has lost the rest.",
             "Make two steps: how many tokens does the second find in its cache?", keep=lambda past, new, whole: new),
    _mistake("cache-does-not-grow", "The old cache comes back without the new tokens.",
             "Make two steps: how many tokens does the second find in its cache?",
             keep=lambda past, new, whole: new if past is None else past),
    _mistake("oldest-dropped", "The cache keeps its length: for every new token the oldest is dropped.",
             "Make two steps: how many tokens does the second find in its cache?", keep=_oldest_dropped),
    _mistake("cache-unused", "The cache grows, but the new tokens attend to each other alone.",
             "Change a value in the cache: does the output change?", used=lambda past, new, whole: new),
    _mistake("new-tokens-unused", "Attention runs over the cache alone, before the new tokens join it.",
             "With a query of zeros the output is the average of all that is seen: how many tokens is that?",
             used=lambda past, new, whole: new if past is None else past,
             see=lambda T, S: lower_right(T, S) if T == S else _everything(T, S)),
    _mistake("twice-at-the-beginning", "Without a cache the new tokens are joined to themselves.",
             "Give one token and no cache: how many keys come back?", join=_one_pair_in_twice),
    _mistake("zeros-at-the-beginning", "The cache begins with a token of zeros, which takes part in every softmax.",
             "Give one token and no cache: how many keys come back?", join=_zeros_first),
    _mistake("no-beginning", "Without a cache there is nothing to join, and that is not provided for.",
             "What are past_k and past_v at the first token?", _no_beginning),
    _mistake("truth-of-a-tensor", "`if past_k:` asks a tensor whether it is true, and it holds many numbers.",
             "How can you ask whether there is a tensor at all?", _truth_of_a_tensor),
    _mistake("scaled-keys-kept", "Keys are divided by the root before they are stored: the cache holds other keys.",
             "Compare the keys that come back with those that you gave.", _scaled_keys_kept),
    _mistake("written-into-the-cache", "The cache of the caller is changed: its last token is overwritten.",
             "Print past_k before and after the call.", _written_into_the_cache),
    _mistake("written-into-q", "The queries are divided in place, which changes the tensor of the caller.",
             "Print q before and after the call.", _scaled_in_place),
    # what comes back
    _mistake("values-before-keys", "Values and keys come back in the wrong order.",
             "Print the shapes of what you return.", give=lambda output, keys, values: (output, values, keys)),
    _mistake("keys-twice", "The keys come back in the place of the values, too.",
             "Compare the third result with the values that you gave.", _keys_given_as_values),
    _mistake("cache-as-a-pair", "The cache comes back as one pair; three results are wanted.",
             "How many names stand left of the = when your function is called?", _two_kept_together),
    _mistake("last-token-only", "The output holds the last of the new tokens only.",
             "Give three tokens at once: how many outputs come back?", _last_token_only),
    _mistake("heads-merged", "The heads are merged in the output; they should stay apart.",
             "Print the shape of your output.",
             give=lambda output, keys, values: (output.transpose(1, 2).flatten(2), keys, values)),
    # attention itself
    _mistake("not-scaled", "The scores are not divided by the square root of d_k.",
             "Take q = 1, 1, 1, 1 and keys with the dot products 6 and 4: what is log(w1 / w2)?",
             root=lambda q, v, S: 1.0),
    _mistake("divided-by-d-k", "The scores are divided by d_k, not by its square root.",
             "Take q = 1, 1, 1, 1 and keys with the dot products 6 and 4: what is log(w1 / w2)?",
             root=lambda q, v, S: q.shape[-1]),
    _mistake("root-of-the-tokens", "The scores are divided by the square root of the number of tokens.",
             "Do the weights of two old tokens keep their ratio when the cache grows?",
             root=lambda q, v, S: math.sqrt(S)),
    _mistake("root-of-the-number-of-heads", "The scores are divided by the square root of the number of heads.",
             "Which axis of q is as long as the vectors that a score multiplies?",
             root=lambda q, v, S: math.sqrt(q.shape[1])),
    _mistake("root-of-d-v", "The scores are divided by the square root of the width of the values.",
             "Which two vectors does a score multiply, and how wide are they?",
             root=lambda q, v, S: math.sqrt(v.shape[-1])),
    _mistake("softmax-over-queries", "The softmax runs over the queries.",
             "With a single query, what is every weight of a softmax over the queries?",
             weigh=lambda scores: scores.softmax(-2)),
    _mistake("overflow", "The exponential runs on large scores without subtracting the maximum.",
             "What is torch.tensor(100.0).exp()?", weigh=lambda scores: _shares(scores.exp())),
    *careless_softmaxes(lambda soft: partial(step_by_stages, weigh=soft)),
    _mistake("no-softmax", "There is no softmax: the exponentials are not divided by their sum.",
             "Let all values be 1: is every output 1?", weigh=lambda scores: scores.exp()),
)
