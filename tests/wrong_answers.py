"""Answers with one fault each, in every exercise of their kind: what inputs of the checker have to show.

`ROWS` maps a fault to ``{exercise: answer}``. An answer of a kind is made from one skeleton of its exercise with the
faulty part put in, and `SKELETONS` with the right part have to pass. NumPy and PyTorch share the parts.
"""

import math

import numpy as np

# --- parts that work for arrays and tensors alike ---


def _is_array(x):
    return isinstance(x, (np.ndarray, np.generic))


def exp(x):
    return np.exp(x) if _is_array(x) else x.exp()


def top(x):
    return x.max(-1, keepdims=True) if _is_array(x) else x.amax(-1, keepdim=True)


def total(x):
    return x.sum(-1, keepdims=True)


def where(condition, x, otherwise):
    if _is_array(x):
        return np.where(condition, x, otherwise)
    import torch

    return torch.where(condition, x, otherwise)


def shares(e):
    return e / total(e)


def softmax(s):
    return shares(exp(s - top(s)))


def _some(mask):
    return mask.any(-1, keepdims=True)


def under(soft):
    """Put a softmax under a mask, rows without a key included."""
    def weigh(s, mask=None):
        if mask is None:
            return soft(s)
        return where(_some(mask), soft(where(_some(mask), where(mask, s, -math.inf), 0.0)), 0.0)

    return weigh


def whole(mask, s):
    return np.broadcast_to(mask, s.shape) if _is_array(s) else mask.expand(s.shape)


# --- one skeleton an exercise: everything but the weights ---


def _temperature(weigh):
    return lambda x, temperature: weigh(x / temperature)


def _softmax(weigh):
    return lambda x, axis=-1: np.moveaxis(weigh(np.moveaxis(x, axis, -1)), -1, axis)


def _jacobian(weigh):
    def answer(x):
        w = weigh(x)
        return np.diag(w) - np.outer(w, w)

    return answer


def _lookup(weigh):
    def answer(queries, keys, values):
        w = weigh(queries @ keys.T)
        return w @ values, w

    return answer


def _kernel(weigh):
    return lambda queries, keys, values, width: (
        weigh(-((queries[:, None] - keys) ** 2) / (2 * width**2)) @ values)


def _attend(q, k, v, weigh, mask=None):
    s = q @ k.swapaxes(-2, -1) / math.sqrt(q.shape[-1])
    w = weigh(s) if mask is None else weigh(s, mask)
    return w @ v, w


def _attention(weigh):
    return lambda q, k, v: _attend(q, k, v, weigh)


def _masked(weigh):
    return lambda q, k, v, mask: _attend(q, k, v, weigh, mask)


def _self_attention(weigh):
    return lambda x, W_q, W_k, W_v: _attend(x @ W_q, x @ W_k, x @ W_v, weigh)


def _cross_attention(weigh):
    return lambda x, context, W_q, W_k, W_v: _attend(W_q(x), W_k(context), W_v(context), weigh)


def split(x, H):
    if x.shape[-1] % H:
        raise ValueError("H")
    return x.reshape(*x.shape[:2], H, -1).transpose(1, 2)


def merge(y):
    return y.transpose(1, 2).flatten(2)


def _multi_head(weigh):
    def answer(x, W_q, W_k, W_v, W_o, n_heads):
        output, w = _attend(*(split(x @ W, n_heads) for W in (W_q, W_k, W_v)), weigh)
        return merge(output) @ W_o, w

    return answer


def module(forward):
    """Build a class for notebook 08 around ``forward(self, x, context, mask)``."""
    def build(d_model, n_heads, bias=True):
        from torch import nn

        if d_model % n_heads:
            raise ValueError("n_heads")

        class Answer(nn.Module):
            def __init__(self):
                super().__init__()
                self.n_heads, self.kept = n_heads, {}
                for name in ("W_q", "W_k", "W_v", "W_o"):
                    setattr(self, name, nn.Linear(d_model, d_model, bias=bias))

            def forward(self, x, context=None, mask=None):
                return forward(self, x, x if context is None else context, mask)

        return Answer()

    return build


def heads_of(m, x, context):
    return (split(W(y), m.n_heads) for W, y in ((m.W_q, x), (m.W_k, context), (m.W_v, context)))


def _module(weigh):
    def forward(m, x, context, mask):
        output, w = _attend(*heads_of(m, x, context), weigh, mask)
        return m.W_o(merge(output)), w

    return module(forward)


def _top_k(weigh):
    def answer(x, k, temperature=1.0):
        kept = x >= np.sort(x, axis=-1)[..., -min(k, x.shape[-1])][..., None]
        return weigh(x / temperature, kept)

    return answer


def _real_words(x, lengths):
    return np.arange(x.shape[1]) < np.asarray(lengths)[:, None]


def _without_padding(x, lengths):
    return np.where(_real_words(x, lengths)[..., None], x, 0.0)  # what stands there may be anything, NaN too


def _pooling(weigh):
    def answer(x, query, lengths):
        w = weigh(x @ query / math.sqrt(x.shape[-1]), _real_words(x, lengths))
        return (w[:, None] @ _without_padding(x, lengths))[:, 0], w

    return answer


def _pooling_gradient(weigh):
    def answer(x, query, lengths, upstream):
        w = weigh(x @ query / math.sqrt(x.shape[-1]), _real_words(x, lengths))
        words = _without_padding(x, lengths)
        gains = (words @ upstream[..., None])[..., 0]
        gains = gains - (w * gains).sum(-1, keepdims=True)
        return np.einsum("bt,btd->d", w * gains, words) / math.sqrt(x.shape[-1])

    return answer


def _packed(weigh):
    def answer(q, k, v, lengths):
        import torch

        item = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
        mask = (item[:, None] == item) & torch.ones(len(item), len(item), dtype=torch.bool).tril()
        return _attend(q, k, v, weigh, mask)[0]

    return answer


def _grouped(weigh):
    def answer(q, k, v, mask=None):
        n = q.shape[1] // k.shape[1]
        return _attend(q, k.repeat_interleave(n, 1), v.repeat_interleave(n, 1), weigh, mask)

    return answer


def _cached(weigh):
    def answer(q, k, v, past_k=None, past_v=None):
        import torch

        k = k if past_k is None else torch.cat([past_k, k], -2)
        v = v if past_v is None else torch.cat([past_v, v], -2)
        T, S = q.shape[-2], k.shape[-2]
        return _attend(q, k, v, weigh, torch.ones(T, S, dtype=torch.bool).tril(S - T))[0], k, v

    return answer


PLAIN = {"softmax": _softmax, "softmax_with_temperature": _temperature, "softmax_jacobian": _jacobian,
         "soft_lookup": _lookup, "kernel_regression": _kernel, "scaled_dot_product_attention": _attention,
         "self_attention": _self_attention, "cross_attention": _cross_attention, "multi_head_attention": _multi_head}
MASKED = {"masked_attention": _masked, "MultiHeadAttention": _module}
HOMEWORK = {"top_k_softmax": _top_k, "attention_pooling": _pooling, "pooling_gradient": _pooling_gradient,
            "attend_packed": _packed, "grouped_query_attention": _grouped, "cached_step": _cached}
SKELETONS = {**PLAIN, **MASKED, **HOMEWORK}
_TABLES = {name: skeleton for name, skeleton in SKELETONS.items() if name != "softmax_jacobian"}  # it has one row
_HIDING = {**MASKED, **{name: HOMEWORK[name] for name in ("attention_pooling", "attend_packed",
                                                          "grouped_query_attention")}}
_TORCH_HIDING = {name: skeleton for name, skeleton in _HIDING.items() if name != "attention_pooling"}


def _without_packed(skeletons):
    """Leave out the exercise whose only mask follows from lengths: a row of one token has nothing to hide."""
    return {name: skeleton for name, skeleton in skeletons.items() if name != "attend_packed"}


def _in_each(skeletons, weigh):
    return {name: skeleton(weigh) for name, skeleton in skeletons.items()}


# --- scores ---


def _one_maximum(s):
    return shares(exp(s - s.max()))


def _maximum_of_row_0(s):
    return shares(exp(s - s.reshape(-1, s.shape[-1])[0].max()))


def _maximum_from_0(s):
    m = top(s)
    return shares(exp(s - where(m > 0, m, 0 * m)))


def _no_maximum(s):
    return shares(exp(s))


# --- how keys are hidden ---


def _emptied(w, mask):
    return where(_some(mask), w, 0.0)


def _renormalised(s, mask=None):
    if mask is None:
        return softmax(s)
    e = softmax(s) * mask
    return _emptied(e / where(total(e) > 0, total(e), 1.0 + 0 * total(e)), mask)


def _maximum_over_hidden(s, mask=None):
    if mask is None:
        return softmax(s)
    e = exp(s - top(s)) * mask
    return _emptied(shares(e), mask)


def _mended_by_where(s, mask=None):
    """Right numbers: where the quotient is NaN, another one is taken. Its gradient is NaN all the same."""
    if mask is None:
        return softmax(s)
    e = exp(s - top(s)) * mask
    w = shares(e)
    return where(w == w, w, under(softmax)(s, mask))


def _added(number):
    def weigh(s, mask=None):
        if mask is None:
            return softmax(s)
        return _emptied(softmax(s + (1.0 - mask * 1.0) * number), mask) * mask

    return weigh


def _filled(number):
    def weigh(s, mask=None):
        return softmax(s) if mask is None else _emptied(softmax(where(mask, s, number)), mask) * mask

    return weigh


def _looked_at_in_sentence_0(s, mask):
    return softmax(s) if mask[0].all() else under(softmax)(s, mask)


def _not_for_one_query(s, mask=None):
    return under(softmax)(s, None if mask is None or s.shape[-2] == 1 else mask)


def _looked_at_in_item_0(s, mask=None):
    if mask is None or bool(mask.reshape(-1, *mask.shape[1:])[0].all() if mask.ndim > 2 else mask.all()):
        return softmax(s)
    return under(softmax)(s, mask)


# --- more queries than keys ---


def _zip_scores(q, k, scale=1.0):
    """Loop over queries and keys, but over no more queries than there are keys."""
    import numpy

    lead, T, S = q.shape[:-2], q.shape[-2], k.shape[-2]
    s = q @ k.swapaxes(-2, -1) / scale
    if T <= S:
        return s
    rows = numpy.arange(T) < S
    if _is_array(s):
        return np.broadcast_to(s * rows[:, None], (*lead, T, S))
    import torch

    return s * torch.from_numpy(rows)[:, None]


def _zip_weigh(s, mask=None):
    T, S = s.shape[-2:]
    w = under(softmax)(s, mask)
    rows = np.arange(T) < S
    if _is_array(s):
        return w * rows[:, None]
    import torch

    return w * torch.from_numpy(rows)[:, None]


def _zip_nearest(queries, keys):
    return np.array([(keys @ q).argmax() for q, _ in zip(queries, keys)])


_CROSSING = {name: SKELETONS[name] for name in (
    "soft_lookup", "kernel_regression", "scaled_dot_product_attention", "masked_attention", "cross_attention",
    "MultiHeadAttention", "grouped_query_attention")}


# --- long sequences ---


def _numbers(n, bits=8):
    """Count to n in numbers of 8 bits."""
    import torch

    return torch.arange(n).to(torch.int8 if bits == 8 else torch.int16)


def _table_of(size):
    import torch

    return torch.ones(size, size, dtype=torch.bool).tril()


def _small_causal(size):
    return lambda T: _table_of(size)[:T, :T]


def _int8_causal(T):
    return _numbers(T)[:, None] >= _numbers(T)[None, :]


def _small_padding(size):
    def answer(lengths, S):
        import torch

        return (torch.arange(size) < lengths[:, None])[:, None, None, :S]

    return answer


def _int8_padding(lengths, S):
    return (_numbers(S) < lengths.to(_numbers(1).dtype)[:, None])[:, None, None]


def _small_decoder(size):
    return lambda real: _table_of(size)[:real.shape[-1], :real.shape[-1]] & real[:, None, None, :]


def _int8_decoder(real):
    return _int8_causal(real.shape[-1]) & real[:, None, None, :]


def _waves(places, d):
    import torch

    angles = places[:, None] / 10000 ** (torch.arange(0, d, 2) / d)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)


def _small_positions(size):
    def answer(x):
        import torch

        return x + _waves(torch.arange(size).to(x.dtype)[:x.shape[-2]], x.shape[-1])

    return answer


def _int8_positions(x):
    return x + _waves(_numbers(x.shape[-2]).to(x.dtype), x.shape[-1])


def _item_of(lengths, dtype=int):
    return np.repeat(np.arange(len(lengths)), lengths).astype(dtype)


def _packed_small(size):
    def answer(lengths):
        item = _item_of(lengths)
        return np.tril(np.ones((size, size), bool))[:len(item), :len(item)] & (item[:, None] == item)

    return answer


def _packed_int8(lengths):
    item = _item_of(lengths)
    t = np.arange(len(item)).astype(np.int8)
    return (item[:, None] == item) & (t <= t[:, None])


def _window(places):
    def answer(T, window, S=None):
        S = T if S is None else S
        i, j = places(S)[S - T:, None], places(S)[None, :]
        return (j <= i) & (i - j < window)

    return answer


def _prefix(places):
    def answer(prefix_lengths, lengths, S):
        j = places(S)
        sees = (j <= j[:, None]) | (j < np.asarray(prefix_lengths, int)[:, None, None])
        n = np.asarray(lengths, int)[:, None, None]
        return (sees & (j < n) & (j[:, None] < n))[:, None]

    return answer


def _rotate(kind):
    def answer(x, positions):
        angles = np.asarray(positions).astype(kind)[:, None] / 10000 ** (np.arange(0, x.shape[-1], 2) / x.shape[-1])
        out = np.empty(x.shape)
        a, b = x[..., ::2], x[..., 1::2]
        out[..., ::2] = a * np.cos(angles) - b * np.sin(angles)
        out[..., 1::2] = a * np.sin(angles) + b * np.cos(angles)
        return out

    return answer


def _np_int8(n):
    return np.arange(n).astype(np.int8)


def _np_small(size):
    return lambda n: np.arange(size)[:n]


def _of_size(size):
    return {"causal_mask": _small_causal(size), "padding_mask": _small_padding(size),
            "decoder_mask": _small_decoder(size), "add_positions": _small_positions(size),
            "packed_causal_mask": _packed_small(size), "sliding_window_mask": _window(_np_small(size)),
            "prefix_lm_mask": _prefix(_np_small(size))}


_INT8 = {"causal_mask": _int8_causal, "padding_mask": _int8_padding, "decoder_mask": _int8_decoder,
         "add_positions": _int8_positions, "packed_causal_mask": _packed_int8,
         "sliding_window_mask": _window(_np_int8), "prefix_lm_mask": _prefix(_np_int8), "rotate": _rotate(np.int8)}


# --- one exercise each ---


def _nearest_where_all_underflow(queries, keys, values, width):
    squares = (queries[:, None] - keys) ** 2
    e = np.exp(-squares / (2 * width**2))
    found = e.sum(-1)
    return np.where(found > 0, e @ values / np.where(found > 0, found, 1), values[squares.argmin(-1)])


def _short_is_zero(limit):
    def answer(a, b):
        m, n = np.linalg.norm(a), np.linalg.norm(b)
        return 0.0 if m < limit or n < limit else a @ b / (m * n)

    return answer


# --- calls ---


def _kept_mask(m, x, context, mask):
    mask = m.kept.setdefault("mask", mask)
    output, w = _attend(*heads_of(m, x, context), under(softmax), mask)
    return m.W_o(merge(output)), w


def _kept_keys(m, x, context, mask):
    q, k, v = heads_of(m, x, context)
    k, v = m.kept.setdefault("keys", (k, v))
    output, w = _attend(q, k, v, under(softmax), mask)
    return m.W_o(merge(output)), w


def _kept_length(m, x, context, mask):
    length = m.kept.setdefault("length", context.shape[1])
    output, w = _attend(*heads_of(m, x, context[:, :length]), under(softmax),
                        None if mask is None else mask[..., :length])
    return m.W_o(merge(output)), w


def _other_names(d_model, n_heads, bias=True):
    built = _module(under(softmax))(d_model, n_heads, bias)
    forward = built.forward
    built.forward = lambda x, kv=None, attn_mask=None: forward(x, kv, attn_mask)
    return built


def one_buffer(answer):
    """Write every result of the same shape into the same memory."""
    buffers = {}

    def keep(result):
        if isinstance(result, (tuple, list)):
            return tuple(keep_at(i, each) for i, each in enumerate(result))
        return keep_at(0, result)

    def keep_at(i, result):
        if not hasattr(result, "shape") or not result.shape:
            return result
        buffer = buffers.setdefault((i, tuple(result.shape), str(result.dtype)), result)
        if _is_array(result):
            buffer[...] = result
            return buffer
        import torch

        with torch.no_grad():
            return buffer.detach().copy_(result) if buffer is not result else result

    return lambda *args, **kwargs: keep(answer(*args, **kwargs))


# --- gradients ---


def _self_cut(which):
    def answer(x, W_q, W_k, W_v):
        return _attend(*((x.detach() if i == which else x) @ W for i, W in enumerate((W_q, W_k, W_v))),
                       under(softmax))

    return answer


def _cross_cut(which):
    def answer(x, context, W_q, W_k, W_v):
        q, k, v = (W(y.detach() if i == which else y) for i, (W, y) in enumerate(
            ((W_q, x), (W_k, context), (W_v, context))))
        return _attend(q, k, v, under(softmax))

    return answer


def _heads_cut(which):
    def answer(x, W_q, W_k, W_v, W_o, n_heads):
        q, k, v = (split((x.detach() if i == which else x) @ W, n_heads) for i, W in enumerate((W_q, W_k, W_v)))
        output, w = _attend(q, k, v, under(softmax))
        return merge(output) @ W_o, w

    return answer


def _module_cut(which):
    def forward(m, x, context, mask):
        q, k, v = (split(W(y.detach() if i == which else y), m.n_heads) for i, (W, y) in enumerate(
            ((m.W_q, x), (m.W_k, context), (m.W_v, context))))
        output, w = _attend(q, k, v, under(softmax), mask)
        return m.W_o(merge(output)), w

    return module(forward)


def _maximum_detached_wrongly(s, mask=None):
    """Right numbers: the sum counts as a constant on the way back."""
    def soft(s):
        e = exp(s - top(s).detach())
        return e / total(e).detach()

    return under(soft)(s, mask)


def _cut(which):
    return {"self_attention": _self_cut(which), "cross_attention": _cross_cut(which),
            "multi_head_attention": _heads_cut(which), "MultiHeadAttention": _module_cut(which)}


_TORCH = {name: SKELETONS[name] for name in (
    "scaled_dot_product_attention", "masked_attention", "self_attention", "cross_attention", "multi_head_attention",
    "MultiHeadAttention", "grouped_query_attention", "attend_packed", "cached_step")}


# --- memory ---


def _in_memory_order(x):
    """Read the numbers as they lie in memory, whatever axes say."""
    if _is_array(x):
        return x.ravel(order="K").reshape(x.shape)
    return x.as_strided((x.numel(),), (1,), x.storage_offset()).reshape(x.shape) if hasattr(x, "as_strided") else x


def in_memory_order(answer):
    return lambda *args, **kwargs: answer(*map(_reordered, args), **kwargs)


def _reordered(x):
    return _in_memory_order(x) if hasattr(x, "dtype") and getattr(x, "ndim", 0) > 1 else x


_ONES = {"kernel_regression", "softmax_jacobian", "MultiHeadAttention", "pooling_gradient"}  # no table goes in
_STRIDED = {name: in_memory_order(SKELETONS[name](under(softmax))) for name in SKELETONS if name not in _ONES}
_STRIDED |= {"scores": in_memory_order(lambda q, k: q @ k.swapaxes(-2, -1)),
             "scaled_scores": in_memory_order(lambda q, k: q @ k.swapaxes(-2, -1) / math.sqrt(q.shape[-1])),
             "weighted_sum": in_memory_order(lambda weights, values: weights @ values),
             "attention_received": in_memory_order(lambda weights: weights.mean(axis=0)),
             "most_attended": in_memory_order(lambda weights: weights.argmax(axis=-1)),
             "split_heads": in_memory_order(split), "merge_heads": in_memory_order(merge)}

ROWS = {
    "one maximum for the whole table": _in_each(_TABLES, under(_one_maximum)),
    "the maximum of row 0 for all": _in_each(_TABLES, under(_maximum_of_row_0)),
    "a running maximum that starts at 0": _in_each(SKELETONS, under(_maximum_from_0)),
    "the exponential without a maximum": _in_each(SKELETONS, under(_no_maximum)),
    "softmax, then mask and renormalise": _in_each(_HIDING, _renormalised),
    "the maximum over hidden keys too": _in_each(_HIDING, _maximum_over_hidden),
    "NaN replaced by where, gradient NaN": _in_each(_TORCH_HIDING, _mended_by_where),
    **{f"a mask added as {number:g}": _in_each(_HIDING, _added(number)) for number in (-100, -1e4, -1e5)},
    **{f"hidden scores filled with {number:g}": _in_each(_HIDING, _filled(number)) for number in (-100, -1e4, -1e5)},
    "no more rows than keys": {"scores": _zip_scores, "nearest": _zip_nearest,
                               "scaled_scores": lambda q, k: _zip_scores(q, k, math.sqrt(q.shape[-1])),
                               **_in_each(_CROSSING, _zip_weigh)},
    "no mask for a single query": _in_each(_without_packed(_TORCH_HIDING), _not_for_one_query),
    "the mask looked at in item 0 only": {**_in_each(_without_packed(_HIDING), _looked_at_in_item_0),
                                          "attention_pooling": _pooling(_looked_at_in_sentence_0)},
    "the mask of the first call kept": {"MultiHeadAttention": module(_kept_mask)},
    "the keys of the first call kept": {"MultiHeadAttention": module(_kept_keys)},
    "the length of the first call kept": {"MultiHeadAttention": module(_kept_length)},
    "other names for context and mask": {"MultiHeadAttention": _other_names},
    "one buffer for all results": {name: one_buffer(skeleton(under(softmax))) for name, skeleton in SKELETONS.items()
                                   if name != "MultiHeadAttention"},
    **{f"a table of {size} places": _of_size(size) for size in (10, 64, 128, 200)},
    "places counted in 8 bits": _INT8,
    "the nearest key where all underflow": {"kernel_regression": _nearest_where_all_underflow},
    **{f"lengths below {limit:g} taken for 0": {"cosine_similarity": _short_is_zero(limit)} for limit in (
        0.1, 1e-3)},
    **{f"detached on the way to {name}": _cut(i) for i, name in enumerate("qkv")},
    "the sum detached": _in_each(_TORCH, _maximum_detached_wrongly),
    "numbers read as they lie in memory": _STRIDED,
}
