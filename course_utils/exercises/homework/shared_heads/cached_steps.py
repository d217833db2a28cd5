"""Second exercise of assignment 3: attention for new tokens, with the keys and values of earlier ones kept."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Part, Probe, Returns
from course_utils.exercises._shared import draw, rounded, tensor

PARTS = (
    Part("one token after another", 3),
    Part("a beginning without a cache", 2),
    Part("several new tokens behind a cache, an empty cache, float64", 2, visible=False),
)
_BEGINNING, _CHUNKS = (part.name for part in PARTS[1:])


def _joined(past, new):
    import torch

    return new if past is None else torch.cat([past, new], dim=-2)


def _lower_right(T, S):
    """Let the T newest of S tokens see themselves and what stands before them: (T, S)."""
    import torch

    return torch.ones(T, S, dtype=torch.bool).tril(S - T)


def cached_step(q, k, v, past_k=None, past_v=None):
    """Attend for the newest tokens, and give back the keys and values of all."""
    keys, values = _joined(past_k, k), _joined(past_v, v)
    output, _ = scaled_dot_product_attention(q, keys, values, _lower_right(q.shape[-2], keys.shape[-2]))
    return output, keys, values


def _tokens(n, *, B=2, H=3, d_k=4, d_v=5, seed, dtype="float32"):
    return draw((B, H, n, d_k), (B, H, n, d_k), (B, H, n, d_v), seed=seed, dtype=dtype)


def _newest(T, n, **more):
    """The arguments of a step with T new tokens at the end of n."""
    q, k, v = _tokens(n, **more)
    return q[..., n - T:, :], k[..., n - T:, :], v[..., n - T:, :], k[..., :n - T, :], v[..., :n - T, :]


def _cases():
    return (
        Case((tensor([[[[1.0]]]]), tensor([[[[2.0]]]]), tensor([[[[30.0]]]]), tensor([[[[1.0], [0.0]]]]),
              tensor([[[[10.0], [20.0]]]])), note="one new token, two in the cache"),
        Case(_newest(1, 6, seed=51), note="one new token, five in the cache"),
        Case(_newest(1, 4, B=3, H=2, d_k=6, d_v=3, seed=52), note="another one, three in the cache"),
        Case(_newest(1, 2, H=4, d_v=4, seed=53), note="the second token, all widths alike"),
        Case((tensor([[[[1.0], [1.0]]]]), tensor([[[[2.0], [1.0]]]]), tensor([[[[10.0], [20.0]]]])),
             note="two tokens, no cache", part=_BEGINNING),
        Case(_tokens(6, seed=54), note="six tokens, no cache", part=_BEGINNING),
        Case(_tokens(1, seed=55), note="the very first token", part=_BEGINNING),
        Case(_newest(2, 6, seed=56), note="2 new tokens, 4 in the cache", part=_CHUNKS),
        Case(_newest(5, 7, B=3, H=2, d_k=6, d_v=3, seed=57), note="5 new tokens, 2 in the cache", part=_CHUNKS),
        Case(_newest(3, 6, H=4, d_v=4, seed=58), note="as many new tokens as old ones", part=_CHUNKS),
        Case(_newest(3, 3, seed=59), note="a cache that is still empty", part=_CHUNKS),
        Case(_newest(2, 5, seed=60, dtype="float64"), note="float64", part=_CHUNKS),
    )


def _drawn(seed):
    import random

    choose = random.Random(seed)
    new, old = choose.sample(range(2, 7), 2)
    sizes = {"B": choose.randint(1, 3), "H": choose.randint(2, 4), "d_k": choose.randint(2, 6)}
    first, second, third = (1 + (seed + i) % 2**31 for i in range(3))
    return (Case(_newest(1, 1 + old, seed=first, **sizes), note="a step drawn for you"),
            Case(_tokens(new + 1, seed=second, **sizes), note="a beginning drawn for you", part=_BEGINNING),
            Case(_newest(new, new + old, seed=third, **sizes), note="new tokens drawn for you", part=_CHUNKS))


# --- properties ---


def _in_pieces(call, q, k, v, *sizes):
    """Outputs of a sequence that arrives in pieces, and its cache at the end."""
    import torch

    outputs, keys, values, first = [], None, None, 0
    for size in sizes:
        piece = (x[..., first:first + size, :] for x in (q, k, v))
        output, keys, values = call(*piece) if keys is None else call(*piece, keys, values)
        outputs.append(output)
        first += size
    return torch.cat(outputs, -2), keys, values


def _the_cache_holds_all(call):
    q, k, v = _tokens(5, seed=61)
    _, keys, values = call(*(x[..., 4:, :] for x in (q, k, v)), k[..., :4, :], v[..., :4, :])
    for name, got, wanted in (("keys", keys, k), ("values", values, v)):
        if got.shape != wanted.shape:
            return Broken(f"the {name} that come back should be those of all tokens",
                          f"4 tokens in the cache and 1 new one: wanted shape {tuple(wanted.shape)}, "
                          f"got {tuple(got.shape)}")
        if not (got - wanted).abs().max() < 1e-6:
            return Broken(f"the {name} that come back should be those of the cache, unchanged, and then the new ones",
                          f"first number of each token: wanted {rounded(wanted[0, 0, :, 0])}, "
                          f"got {rounded(got[0, 0, :, 0].detach())}")


def _the_newest_sees_all(call):
    q, k, v = _newest(1, 5, seed=62)[:3]
    old_k, old_v = _newest(1, 5, seed=62)[3:]
    output, _, _ = call(0 * q, k, v, old_k, old_v)
    wanted = (old_v.sum(-2) + v[..., 0, :]) / 5
    if not (output[..., 0, :] - wanted).abs().max() < 1e-5:
        return Broken("with a query of zeros, the newest token should get the plain average of all values, its own "
                      "included", f"5 tokens: the first feature should be {float(wanted[0, 0, 0]):.3f}, "
                                  f"got {float(output[0, 0, 0, 0]):.3f}")


def _one_by_one_is_all_at_once(call):
    q, k, v = _tokens(5, seed=63)
    whole, pieces = call(q, k, v)[0], _in_pieces(call, q, k, v, 1, 1, 1, 1, 1)[0]
    for t in range(5):
        if not (whole[:, :, t] - pieces[:, :, t]).abs().max() < 1e-5:
            return Broken("tokens that come one by one should get the outputs that they get all at once",
                          f"token {t} begins with {rounded(pieces[0, 0, t, :2].detach())} one by one, "
                          f"{rounded(whole[0, 0, t, :2].detach())} all at once")


def _keys_compete_as_in_notebook_4(call):
    q = tensor([[[[1.0] * 4]]])
    old, new = tensor([[[[1.5] * 4]]]), tensor([[[[1.0] * 4]]])  # q . k = 6 and 4
    share = float(call(q, new, tensor([[[[0.0]]]]), old, tensor([[[[1.0]]]]))[0])  # the weight of the old token
    found = math.log(share / (1 - share)) if 0 < share < 1 else float("nan")
    if not abs(found - 1) < 1e-3:
        return Broken("two keys with the dot products 6 and 4 should have log(w1/w2) = 1 for d_k = 4",
                      f"the old token gets the weight {share:.3f}, the new one the rest: log(w1/w2) = {found:.3f}")


def _the_first_gets_its_value(call):
    q, k, v = _tokens(4, seed=64)
    output = call(q, k, v)[0]
    if not (output[:, :, 0] - v[:, :, 0]).abs().max() < 1e-5:
        return Broken("without a cache, the first token sees itself alone and should get its own value",
                      f"its value begins with {rounded(v[0, 0, 0, :2])}, its output with "
                      f"{rounded(output[0, 0, 0, :2].detach())}")


def _later_tokens_do_not_count(call):
    q, k, v = _tokens(5, seed=65)
    whole, shorter = call(q, k, v)[0], call(*(x[..., :3, :] for x in (q, k, v)))[0]
    if not (whole[:, :, :3] - shorter).abs().max() < 1e-5:
        return Broken("a token's output should not depend on tokens that come later",
                      f"token 0 begins with {rounded(whole[0, 0, 0, :2].detach())} when five tokens come, "
                      f"{rounded(shorter[0, 0, 0, :2].detach())} when three do")


def _in_pieces_is_all_at_once(call):
    q, k, v = _tokens(7, seed=66)
    whole = call(q, k, v)[0]
    for sizes in ((3, 4), (4, 3), (2, 1, 4)):
        pieces, _, _ = _in_pieces(call, q, k, v, *sizes)
        off = [t for t in range(7) if not (whole[:, :, t] - pieces[:, :, t]).abs().max() < 1e-5]
        if off:
            return Broken("tokens that come in pieces should get the outputs that they get all at once",
                          f"7 tokens in pieces of {', '.join(map(str, sizes))}: the outputs of tokens {off} differ")


# --- wrong answers ---


def step_by_stages(q, k, v, past_k=None, past_v=None, *, join=_joined, join_values=None,
                   used=lambda past, new, whole: whole, see=_lower_right, root=lambda q, v, S: math.sqrt(q.shape[-1]),
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
    return _lower_right(T, S) | True


def _new_first(past, new):
    return _joined(None, new) if past is None else _joined(new, past)


def _only_without_a_cache(T, S):
    return _lower_right(T, S) if T == S else _everything(T, S)


def _cache_alone_behind_a_cache(T, S):
    seen = _lower_right(T, S)
    if S > T:
        seen[:, S - T:] = False
    return seen


def _scaled_keys_kept(q, k, v, past_k=None, past_v=None):
    keys, values = _joined(past_k, k / math.sqrt(q.shape[-1])), _joined(past_v, v)
    scores = q @ keys.transpose(-2, -1)
    weights = scores.masked_fill(~_lower_right(q.shape[-2], keys.shape[-2]), -math.inf).softmax(-1)
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


def _values_not_joined(q, k, v, past_k=None, past_v=None):
    keys = _joined(past_k, k)
    scores = q @ keys.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(~_lower_right(q.shape[-2], keys.shape[-2]), -math.inf).softmax(-1)
    return weights @ v, keys, v


def _no_beginning(q, k, v, past_k=None, past_v=None):
    import torch

    return step_by_stages(q, torch.cat([past_k, k], dim=-2)[..., -k.shape[-2]:, :], v, past_k, past_v)


def _written_into_the_cache(q, k, v, past_k=None, past_v=None):
    output, keys, values = step_by_stages(q, k, v, past_k, past_v)
    if past_k is not None and past_k.shape[-2]:
        past_k[..., -1:, :], past_v[..., -1:, :] = k[..., -1:, :], v[..., -1:, :]
    return output, keys, values


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
_MISTAKES = (
    # who sees whom
    _mistake("triangle-at-the-upper-left",
             "The triangle begins at the upper left, so new tokens see the oldest ones and not themselves.", _ONE,
             see=lambda T, S: _lower_right(T, S).new_ones(T, S).tril()),
    _mistake("no-mask", "Nothing is hidden: tokens that come together see each other's future.",
             "Give two tokens and no cache: does the first output change with the second value?", see=_everything),
    _mistake("mask-without-cache-only",
             "The future is hidden only while there is no cache; in a later piece, tokens see what follows them.",
             _PIECE, see=_only_without_a_cache),
    _mistake("new-not-seen", "Behind a cache, new tokens see the cache alone and not themselves.", _ONE,
             see=_cache_alone_behind_a_cache),
    _mistake("not-itself", "A token does not see itself: the diagonal is hidden, and the first token becomes NaN.",
             _ONE, see=lambda T, S: _lower_right(T, S).tril(S - T - 1)),
    _mistake("not-itself-and-zeros",
             "A token does not see itself: the diagonal is hidden, and the first token gets zeros.",
             _ONE, see=lambda T, S: _lower_right(T, S).tril(S - T - 1),
             clean=lambda weights, seen: weights.masked_fill(~seen, 0.0)),
    _mistake("one-of-the-future", "Each token sees one token of its future.", _PIECE,
             see=lambda T, S: _lower_right(T, S).new_ones(T, S).tril(S - T + 1)),
    _mistake("future-only", "The mask is upside down: the past is hidden and the future is seen.", _PIECE,
             see=lambda T, S: ~_lower_right(T, S)),
    _mistake("from-itself-on", "Each token sees itself and what follows, not what went before.", _PIECE,
             see=lambda T, S: _lower_right(T, S).new_ones(T, S).triu(S - T)),
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
             "Print the shapes of keys and values before they are used.", _values_not_joined),
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
             see=lambda T, S: _lower_right(T, S) if T == S else _everything(T, S)),
    _mistake("twice-at-the-beginning", "Without a cache the new tokens are joined to themselves.",
             "Give one token and no cache: how many keys come back?", join=_one_pair_in_twice),
    _mistake("zeros-at-the-beginning", "The cache begins with a token of zeros, which takes part in every softmax.",
             "Give one token and no cache: how many keys come back?", join=_zeros_first),
    _mistake("no-beginning", "Without a cache there is nothing to join, and that is not provided for.",
             "What are past_k and past_v at the first token?", _no_beginning),
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
    _mistake("root-of-d-v", "The scores are divided by the square root of the width of the values.",
             "Which two vectors does a score multiply, and how wide are they?",
             root=lambda q, v, S: math.sqrt(v.shape[-1])),
    _mistake("softmax-over-queries", "The softmax runs over the queries.",
             "With a single query, what is every weight of a softmax over the queries?",
             weigh=lambda scores: scores.softmax(-2)),
    _mistake("no-softmax", "There is no softmax: the exponentials are not divided by their sum.",
             "Let all values be 1: is every output 1?", weigh=lambda scores: scores.exp()),
)


# --- right answers in other words ---


def _attend(q, keys, values, seen):
    weights = (q @ keys.mT / math.sqrt(q.shape[-1])).masked_fill(~seen, -math.inf).softmax(-1)
    return weights @ values


def _by_positions(q, k, v, past_k=None, past_v=None):
    import torch

    if past_k is not None:
        k, v = torch.cat([past_k, k], dim=2), torch.cat([past_v, v], dim=2)
    T, S = q.shape[2], k.shape[2]
    i, j = torch.arange(S - T, S)[:, None], torch.arange(S)
    return _attend(q, k, v, j <= i), k, v


def _by_rows_of_the_whole(q, k, v, past_k=None, past_v=None):
    from course_utils.attention import causal_mask

    keys, values = _joined(past_k, k), _joined(past_v, v)
    return _attend(q, keys, values, causal_mask(keys.shape[-2])[-q.shape[-2]:]), keys, values


def _by_bias(q, k, v, past_k=None, past_v=None):
    import torch

    keys = k if past_k is None else torch.concat((past_k, k), dim=-2)
    values = v if past_v is None else torch.concat((past_v, v), dim=-2)
    T, S = q.size(-2), keys.size(-2)
    bias = torch.full((T, S), -1e9).triu(S - T + 1)
    weights = torch.softmax(q @ keys.transpose(2, 3) / q.size(-1)**0.5 + bias, -1)
    return weights @ values, keys, values


def _by_torch(q, k, v, past_k=None, past_v=None):
    from torch.nn import functional as F

    keys, values = _joined(past_k, k), _joined(past_v, v)
    return F.scaled_dot_product_attention(
        q, keys, values, attn_mask=_lower_right(q.shape[-2], keys.shape[-2])), keys, values


def _by_padding_the_queries(q, k, v, past_k=None, past_v=None):
    import torch
    from torch.nn import functional as F

    keys, values = _joined(past_k, k), _joined(past_v, v)
    T, S = q.shape[-2], keys.shape[-2]
    blank = torch.zeros(*q.shape[:2], S - T, q.shape[-1], dtype=q.dtype)
    output = F.scaled_dot_product_attention(torch.cat([blank, q], 2), keys, values, is_causal=True)
    return output[:, :, S - T:], keys, values


def _by_token(q, k, v, past_k=None, past_v=None):
    import torch

    keys, values, outputs = past_k, past_v, []
    for t in range(q.shape[2]):
        keys, values = _joined(keys, k[:, :, t:t + 1]), _joined(values, v[:, :, t:t + 1])
        weights = (q[:, :, t:t + 1] @ keys.mT / math.sqrt(q.shape[-1])).softmax(-1)
        outputs.append(weights @ values)
    return torch.cat(outputs, dim=2), keys, values


def _by_slices(q, k, v, past_k=None, past_v=None):
    import torch

    keys, values = _joined(past_k, k), _joined(past_v, v)
    before = keys.shape[2] - k.shape[2]
    output = torch.empty(*q.shape[:3], v.shape[-1], dtype=v.dtype)
    for t in range(q.shape[2]):
        end = before + t + 1
        scores = (q[:, :, t, None] * keys[:, :, :end]).sum(-1) / math.sqrt(q.shape[-1])
        output[:, :, t] = (scores.softmax(-1)[..., None] * values[:, :, :end]).sum(2)
    return output, keys, values


def _by_two_softmaxes(q, k, v, past_k=None, past_v=None):
    import torch

    T = q.shape[-2]
    new = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~_lower_right(T, T), -math.inf)
    if past_k is None:
        return new.softmax(-1) @ v, k, v
    scores = torch.cat([q @ past_k.mT / math.sqrt(q.shape[-1]), new], dim=-1)  # the cache is seen whole
    values = torch.cat([past_v, v], dim=-2)
    return scores.softmax(-1) @ values, torch.cat([past_k, k], dim=-2), values


def _by_a_new_tensor(q, k, v, past_k=None, past_v=None):
    old = 0 if past_k is None else past_k.shape[2]
    both = []
    for past, new in ((past_k, k), (past_v, v)):
        room = new.new_empty(*new.shape[:2], old + new.shape[2], new.shape[3])
        if past is not None:
            room[:, :, :old] = past
        room[:, :, old:] = new
        both.append(room)
    keys, values = both
    return _attend(q, keys, values, _lower_right(q.shape[2], old + q.shape[2])), keys, values


CACHED_STEP = Exercise(
    name="cached_step",
    title="Attend with a cache",
    notebook="hw3_shared_heads",
    signature="cached_step(q, k, v, past_k=None, past_v=None)",
    reference=cached_step,
    arrays="torch",
    returns=(Returns("output", "(B, H, T, d_v)"), Returns("keys", "(B, H, S, d_k)"),
             Returns("values", "(B, H, S, d_v)")),
    cases=_cases,
    drawn=_drawn,
    probes=(
        Probe("the cache comes back whole", _the_cache_holds_all),
        Probe("the newest token sees all", _the_newest_sees_all),
        Probe("the first token gets its own value", _the_first_gets_its_value, _BEGINNING),
        Probe("later tokens do not count", _later_tokens_do_not_count, _BEGINNING),
        Probe("one by one is all at once", _one_by_one_is_all_at_once),
        Probe("keys compete as in notebook 4", _keys_compete_as_in_notebook_4),
        Probe("in pieces is all at once", _in_pieces_is_all_at_once, _CHUNKS),
    ),
    stages=step_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("positions-compared", _by_positions),
        Equivalent("rows-of-the-whole-mask", _by_rows_of_the_whole),
        Equivalent("bias-added", _by_bias),
        Equivalent("torch-function", _by_torch),
        Equivalent("queries-padded", _by_padding_the_queries),
        Equivalent("token-by-token", _by_token),
        Equivalent("slices", _by_slices),
        Equivalent("cache-and-new-apart", _by_two_softmaxes),
        Equivalent("new-tensor", _by_a_new_tensor),
    ),
    hints=(
        "First make the keys and values of all S tokens; the cache comes back like that. Then ask for each of the T "
        "new tokens which number it has among the S, counted from 0, and which of them it may see.",
        "`torch.cat([past_k, k], dim=-2)` puts new tokens behind old ones. New token i has the number S - T + i, so "
        "the triangle of the mask touches the lower right corner; look up what the argument of `tril` does.",
        "`mask = torch.ones(T, S, dtype=torch.bool).tril(S - T)`, then attention of q over all keys and values under "
        "this mask.",
    ),
    minutes=25,
    points=7,
    credit=PARTS,
)

EXERCISES = (CACHED_STEP,)
