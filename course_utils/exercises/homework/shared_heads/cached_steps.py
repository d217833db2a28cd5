"""Second exercise of assignment 3: attention for new tokens, with the keys and values of earlier ones kept."""

import math

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import HIDDEN, Battery, gradients_in_numbers, narrow, reasons
from course_utils.exercises.families.loops import attend_in_loops
from course_utils.exercises.families.shared import draw, rounded, tensor
from course_utils.exercises.homework.shared_heads._cached_mistakes import MISTAKES, joined, lower_right, step_by_stages

PARTS = (
    Part("a new token after a cache", 4),
    Part("a beginning without a cache", 2),
    Part("the division by the root of d_k", 2),
    Part("other steps and numbers", 2, visible=False),
)
_BEGINNING, _SCALE, _CHUNKS = (part.name for part in PARTS[1:])
# A root that is forgotten shows only where d_k is not 1: there it costs its own part, and nowhere else.


def cached_step(q, k, v, past_k=None, past_v=None):
    """Attend for the newest tokens, and give back the keys and values of all."""
    keys, values = joined(past_k, k), joined(past_v, v)
    output, _ = scaled_dot_product_attention(q, keys, values, lower_right(q.shape[-2], keys.shape[-2]))
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
        Case(_newest(1, 6, d_k=1, seed=50), note="one new token, five in the cache, d_k = 1"),
        Case(_newest(1, 4, B=3, H=2, d_k=1, d_v=3, seed=49), note="another one, three in the cache, d_k = 1"),
        Case((tensor([[[[1.0], [1.0]]]]), tensor([[[[2.0], [1.0]]]]), tensor([[[[10.0], [20.0]]]])),
             note="two tokens, no cache", part=_BEGINNING),
        Case(_tokens(6, d_k=1, seed=54), note="six tokens, no cache", part=_BEGINNING),
        Case(_tokens(1, d_k=1, seed=55), note="the very first token", part=_BEGINNING),
        Case(_newest(1, 6, seed=51), note="one new token, five in the cache", part=_SCALE),
        Case(_newest(1, 4, B=3, H=2, d_k=6, d_v=3, seed=52), note="another one, three in the cache", part=_SCALE),
        Case(_newest(1, 2, H=4, d_v=4, seed=53), note="the second token, all widths alike", part=_SCALE),
        Case(_newest(2, 6, d_k=1, seed=56), note="2 new tokens, 4 in the cache", part=_CHUNKS),
        Case(_newest(5, 7, B=3, H=2, d_k=1, d_v=3, seed=57), note="5 new tokens, 2 in the cache", part=_CHUNKS),
        Case(_newest(3, 6, H=4, d_k=1, d_v=4, seed=58), note="as many new tokens as old ones", part=_CHUNKS),
        Case(_newest(3, 3, d_k=1, seed=59), note="a cache that is still empty", part=_CHUNKS),
        Case(tuple(90.0 * x for x in _newest(2, 5, d_k=1, seed=67)), note="scores in the thousands", part=_CHUNKS),
        Case(_newest(2, 5, d_k=1, seed=60, dtype="float64"), note="float64", part=_CHUNKS),
    )


def _drawn(seed):
    import random

    choose = random.Random(seed)
    new, old = choose.sample(range(2, 7), 2)
    sizes = {"B": choose.randint(1, 3), "H": choose.randint(2, 4)}
    return (Case(_newest(1, 1 + old, d_k=1, seed=seed, **sizes), note="a step drawn for you, d_k = 1"),
            Case(_tokens(new + 1, d_k=1, seed=seed + 1, **sizes), note="a beginning drawn for you", part=_BEGINNING),
            Case(_newest(1, 1 + old, d_k=choose.choice([2, 3, 6, 7]), seed=seed + 2, **sizes),
                 note="a step drawn for you", part=_SCALE),
            Case(_newest(new, new + old, d_k=1, seed=seed + 3, **sizes), note="new tokens drawn for you",
                 part=_CHUNKS))


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

    keys, values = joined(past_k, k), joined(past_v, v)
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

    keys, values = joined(past_k, k), joined(past_v, v)
    return F.scaled_dot_product_attention(
        q, keys, values, attn_mask=lower_right(q.shape[-2], keys.shape[-2])), keys, values


def _by_padding_the_queries(q, k, v, past_k=None, past_v=None):
    import torch
    from torch.nn import functional as F

    keys, values = joined(past_k, k), joined(past_v, v)
    T, S = q.shape[-2], keys.shape[-2]
    blank = torch.zeros(*q.shape[:2], S - T, q.shape[-1], dtype=q.dtype)
    output = F.scaled_dot_product_attention(torch.cat([blank, q], 2), keys, values, is_causal=True)
    return output[:, :, S - T:], keys, values


def _by_token(q, k, v, past_k=None, past_v=None):
    import torch

    keys, values, outputs = past_k, past_v, []
    for t in range(q.shape[2]):
        keys, values = joined(keys, k[:, :, t:t + 1]), joined(values, v[:, :, t:t + 1])
        weights = (q[:, :, t:t + 1] @ keys.mT / math.sqrt(q.shape[-1])).softmax(-1)
        outputs.append(weights @ values)
    return torch.cat(outputs, dim=2), keys, values


def _by_slices(q, k, v, past_k=None, past_v=None):
    import torch

    keys, values = joined(past_k, k), joined(past_v, v)
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
    new = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~lower_right(T, T), -math.inf)
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
    return _attend(q, keys, values, lower_right(q.shape[2], old + q.shape[2])), keys, values


def _in_loops(q, k, v, past_k=None, past_v=None):
    keys, values = joined(past_k, k), joined(past_v, v)
    return attend_in_loops(q, keys, values, lower_right(q.shape[-2], keys.shape[-2]))[0], keys, values


def _hidden_above(regime="hidden far above"):
    q, k = (x[None, None] for x in narrow(HIDDEN[regime], "torch"))
    v = tensor([[[[10.0], [20.0], [90.0]]]])
    return Case((q[:, :, 1:], k[:, :, 1:], v[:, :, 1:], k[:, :, :1], v[:, :, :1]), note=f"scores: {regime}")


def _of_sizes(s):
    """As many new tokens as there are queries, after as many old ones as there are keys."""
    return _newest(s.T, s.T + s.S, B=s.items, H=s.H, d_k=1, d_v=s.d_v, seed=s.seed, dtype=s.dtype)


_ARGUMENTS = ("q", "k", "v", "past_k", "past_v")
BATTERY = Battery(
    sizes=_of_sizes,
    scores=lambda table, values: (*(x[None, None] for x in narrow(table, "torch")), tensor(values)[None, None]),
    own=lambda: [(regime, _hidden_above(regime)) for regime in HIDDEN] + [
        ("one key", Case(_tokens(1, B=1, d_k=1, seed=69), note="one token, no cache", part=_BEGINNING)),
        ("arguments by name", Case(_newest(1, 3, d_k=1, seed=68)[:3], dict(zip(
            _ARGUMENTS[3:], _newest(1, 3, d_k=1, seed=68)[3:])), "the cache by name", PARTS[0].name))],
    arguments=_ARGUMENTS,
    reference=cached_step,
    probes_of={"hidden far above, gradients": gradients_in_numbers(_ARGUMENTS, _hidden_above, cached_step)},
    without={"T > S": "the queries are the last of the S tokens", **reasons.ONE_BATCH,
             "masks": "what a token sees follows from its place in the text",
             "long": "the mask is one of two sizes alone, which notebook 5 asks for many places"},
    part=_CHUNKS,
)

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
    battery=BATTERY,
    probes=(
        Probe("the cache comes back whole", _the_cache_holds_all),
        Probe("the newest token sees all", _the_newest_sees_all),
        Probe("the first token gets its own value", _the_first_gets_its_value, _BEGINNING),
        Probe("later tokens do not count", _later_tokens_do_not_count, _BEGINNING),
        Probe("one by one is all at once", _one_by_one_is_all_at_once, _CHUNKS),
        Probe("keys compete as in notebook 4", _keys_compete_as_in_notebook_4, _SCALE),
        Probe("in pieces is all at once", _in_pieces_is_all_at_once, _CHUNKS),
    ),
    stages=step_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _in_loops),
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
        "`torch.cat([past_k, k], dim=-2)` puts new tokens after old ones. Write the mask for 3 old tokens and 2 new "
        "ones down by hand, a row for each new one. Then print `torch.ones(2, 5).tril(d)` for a few whole numbers `d`, "
        "and look for your table among them.",
        "`mask = torch.ones(T, S, dtype=torch.bool).tril(S - T)`, then attention of q over all keys and values under "
        "this mask.",
    ),
    minutes=25,
    points=10,
    credit=PARTS,
)

EXERCISES = (CACHED_STEP,)
