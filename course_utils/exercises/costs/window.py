"""Exercise of notebook 12: attention to the last few keys, without a table of all."""

import math

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.battery.scores import queries_and_keys
from course_utils.exercises.families.careless import careless_softmaxes
from course_utils.exercises.families.shared import draw, rounded, tensor


def window_attention(q, k, v, width):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.cheap_attention import window_attention

    return window_attention(q, k, v, width)


def _places(T, width):
    import torch

    return torch.arange(T)[:, None] + torch.arange(1 - width, 1)  # (T, width): the last one is the query's own


def window_by_stages(q, k, v, width, *, places=_places, fetch=lambda x, near: x[..., near, :],
                     compare=lambda q, near_k: (near_k * q[..., None, :]).sum(-1),
                     scale=lambda scores, q, width: scores / math.sqrt(q.shape[-1]),
                     hide=lambda scores, there: scores.masked_fill(~there, -math.inf),
                     soft=lambda scores: scores.softmax(-1),
                     values=lambda k, v: v):
    """Attention in a window, in stages that can be replaced one by one."""
    T = q.shape[-2]
    at = places(T, width)  # (T, width)
    near, there = at.clamp(0, T - 1), (at >= 0) & (at < T)
    weights = soft(hide(scale(compare(q, fetch(k, near)), q, width), there))
    return (weights[..., None] * fetch(values(k, v), near)).sum(-2)


def _cases():
    q, k, v = draw((5, 3), (5, 3), (5, 2), seed=211)
    return (
        Case((tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 1.0]]),
              tensor([[10.0], [20.0], [30.0]]), 2), note="three tokens, a window of 2"),
        Case((q, k, v, 3), note="five tokens, a window of 3"),
        Case((q, k, v, 1), note="a window of 1: each token sees itself"),
        Case((q, k, v, 5), note="a window as wide as the sequence"),
        Case((q, k, v, 9), note="a window wider than the sequence"),
        Case((*draw((1, 4), (1, 4), (1, 3), seed=212), 2), note="a single token"),
        Case((*draw((2, 3, 6, 4), (2, 3, 6, 4), (2, 3, 6, 5), seed=213), 4), note="two items, three heads"),
        Case((*draw((7, 2), (7, 2), (7, 2), seed=214), 2), note="seven tokens, a window of 2"),
    )


# --- properties ---


def _equal_scores_average_the_window(call):
    for width in (2, 3):
        q, (k, v) = tensor([[0.0, 0.0]] * 6), (draw((6, 2), seed=81)[0], tensor([[float(t)] for t in range(6)]))
        got = call(q, k, v, width)[:, 0]
        for t in range(6):
            seen = range(max(0, t - width + 1), t + 1)
            if abs(float(got[t]) - sum(seen) / len(seen)) > 1e-4:
                return Broken("a query of zeros should give the mean of the values in its window",
                              f"a window of {width}, the values are 0 to 5: query {t} sees the keys "
                              f"{list(seen)}, wanted {sum(seen) / len(seen):.2f}, got {float(got[t]):.2f}")


def _outside_does_not_count(call):
    q, k, v = draw((6, 3), (6, 3), (6, 2), seed=82)
    before = call(q, k, v, 3)
    for moved, says, rows in ((0, "a key that lies before the window should change nothing", range(3, 6)),
                              (5, "a key that comes later should change nothing", range(5))):
        other_k, other_v = k.clone(), v.clone()
        other_k[moved] += 2.0
        other_v[moved] -= 3.0
        after = call(q, other_k, other_v, 3)
        for t in rows:
            if not (before[t] - after[t]).abs().max() < 1e-5:
                return Broken(says, f"a window of 3, token {moved} moves: query {t} goes from "
                              f"{rounded(before[t].detach())} to {rounded(after[t].detach())}")


def _wide_is_causal_attention(call):
    import torch

    q, k, v = draw((5, 4), (5, 4), (5, 3), seed=83)
    past = torch.ones(5, 5, dtype=torch.bool).tril()
    wanted = (q @ k.mT / 2).masked_fill(~past, -math.inf).softmax(-1) @ v
    for width in (5, 12):
        got = call(q, k, v, width)
        if tuple(got.shape) != (5, 3) or not torch.allclose(got, wanted, atol=1e-5):
            return Broken("a window as wide as the sequence, or wider, should give causal attention",
                          f"five tokens, a window of {width}: query 4 wanted {rounded(wanted[4])}, got "
                          f"{rounded(got[-1].detach())}")


def _no_table(call):
    from course_utils.models.costs import largest_tensor

    largest_tensor(abs, tensor([0.0]))  # the first look loads parts of PyTorch, which is not the answer's time
    T, width = 256, 4
    q, k, v = draw((T, 2), (T, 2), (T, 2), seed=84)
    largest = largest_tensor(lambda q, k, v: call(q, k, v, width), q, k, v)
    if largest > T * T // 8:
        return Broken("no tensor on the way should be as large as a table of T times T",
                      f"{T} tokens, a window of {width}: one tensor holds {largest:,} numbers, and a row for each "
                      f"token with {width} scores would be {T * width:,}",
                      "Print the shapes on the way: which of them has two axes of length T?")


# --- right answers in other words ---


def _looped(q, k, v, width):
    import torch

    rows = []
    for t in range(q.shape[-2]):
        first = max(0, t - width + 1)
        scores = q[..., t:t + 1, :] @ k[..., first:t + 1, :].transpose(-2, -1) / math.sqrt(q.shape[-1])
        rows.append(scores.softmax(-1) @ v[..., first:t + 1, :])
    return torch.cat(rows, dim=-2)


def _unfolded(q, k, v, width):
    import torch
    from torch.nn.functional import pad

    T = q.shape[-2]
    near_k, near_v = (pad(x, (0, 0, width - 1, 0)).unfold(-2, width, 1) for x in (k, v))  # (..., T, d, width)
    scores = torch.einsum("...td,...tdw->...tw", q, near_k) / q.shape[-1] ** 0.5
    there = torch.arange(T)[:, None] >= width - 1 - torch.arange(width)
    return torch.einsum("...tw,...tvw->...tv", scores.masked_fill(~there, -math.inf).softmax(-1), near_v)


def _shifted(q, k, v, width):
    import torch

    T, scores, shifted = q.shape[-2], [], []
    for back in range(min(width, T)):
        earlier_k, earlier_v = (torch.cat([x[..., :back, :] * 0, x[..., :T - back, :]], -2) for x in (k, v))
        score = (q * earlier_k).sum(-1) / math.sqrt(q.shape[-1])
        scores.append(torch.where(torch.arange(T) >= back, score, -math.inf))
        shifted.append(earlier_v)
    weights = torch.stack(scores, -1).softmax(-1)
    return sum(weights[..., n:n + 1] * x for n, x in enumerate(shifted))


def _in_pieces(q, k, v, width):
    import torch

    T, outputs, step = q.shape[-2], [], 16
    for at in range(0, T, step):
        first, last = max(0, at - width + 1), min(T, at + step)
        i, j = torch.arange(at, last)[:, None], torch.arange(first, last)
        seen = (j <= i) & (j > i - width)
        scores = q[..., at:last, :] @ k[..., first:last, :].mT / math.sqrt(q.shape[-1])
        outputs.append(scores.masked_fill(~seen, -math.inf).softmax(-1) @ v[..., first:last, :])
    return torch.cat(outputs, -2)


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


def _with_table(q, k, v, width, see):
    """The same by a whole table; see(i, j) tells which cells count."""
    import torch

    T = q.shape[-2]
    i, j = torch.arange(T)[:, None], torch.arange(T)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return scores.masked_fill(~see(i, j), -math.inf).softmax(-1) @ v


def _whole_table(q, k, v, width):
    return _with_table(q, k, v, width, lambda i, j: (j <= i) & (j > i - width))


def _table_from_torch(q, k, v, width):
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    T = q.shape[-2]
    seen = torch.ones(T, T, dtype=torch.bool).tril().triu(1 - width)
    return scaled_dot_product_attention(q, k, v, attn_mask=seen)


def _pieces_apart(q, k, v, width):
    return _with_table(q, k, v, width, lambda i, j: (j <= i) & (j // width == i // width))


def _negative_places(q, k, v, width):
    at = _places(q.shape[-2], width)
    scores = (k[..., at, :] * q[..., None, :]).sum(-1) / math.sqrt(q.shape[-1])
    return (scores.softmax(-1)[..., None] * v[..., at, :]).sum(-2)


def _padded_with_zeros(q, k, v, width):
    from torch.nn.functional import pad

    near_k, near_v = (pad(x, (0, 0, width - 1, 0)).unfold(-2, width, 1) for x in (k, v))
    scores = (near_k * q[..., None]).sum(-2) / math.sqrt(q.shape[-1])
    return (scores.softmax(-1)[..., None, :] * near_v).sum(-1)


def _hidden_after_softmax(q, k, v, width):
    return window_by_stages(q, k, v, width, hide=lambda scores, there: scores.softmax(-1) * there,
                            soft=lambda weights: weights)


def _zero_scores(scores, there):
    return scores * there


def _negative_slice(q, k, v, width):
    import torch

    rows = []
    for t in range(q.shape[-2]):
        near_k, near_v = (x[..., t - width + 1:t + 1, :] for x in (k, v))
        weights = (q[..., t:t + 1, :] @ near_k.mT / math.sqrt(q.shape[-1])).softmax(-1)
        rows.append(weights @ near_v)
    return torch.cat(rows, -2)


def _wide_refused(q, k, v, width):
    if width > q.shape[-2]:
        raise ValueError("the window is wider than the sequence")
    return window_by_stages(q, k, v, width)


def _in_place(q, k, v, width):
    q /= math.sqrt(q.shape[-1])
    return window_by_stages(q, k, v, width, scale=lambda scores, q, width: scores)


def _detached(q, k, v, width):
    return window_by_stages(q.detach(), k.detach(), v.detach(), width)


def _weights_detached(q, k, v, width):
    return window_by_stages(q.detach(), k.detach(), v, width)


def _axis_1(q, k, v, width):
    if q.ndim == 2:
        return window_by_stages(q, k, v, width)
    at = _places(q.shape[1], width)
    near, there = at.clamp(min=0), at >= 0
    scores = (k[:, near] * q[:, :, None]).sum(-1) / math.sqrt(q.shape[-1])
    return (scores.masked_fill(~there, -math.inf).softmax(-1)[..., None] * v[:, near]).sum(2)


def _everything_before(q, k, v, width):
    return _with_table(q, k, v, width, lambda i, j: j <= i)


def _no_window(q, k, v, width):
    return _with_table(q, k, v, width, lambda i, j: (j == j) & (i == i))


_SEES = "For a window of 2, write down which keys the queries 0, 1 and 2 see."

_MISTAKES = (
    Mistake("whole-table", "The numbers are right, but a whole table of T times T is made on the way, and most of it "
            "thrown away.", "Which keys does query 1000 need, for a window of 3? Fetch these only.", _whole_table,
            variants=(_table_from_torch,)),
    _mistake("one-too-few", "The window is one key too narrow: it holds the query's own token and width - 1 before "
             "it.", _SEES, places=lambda T, width: _places(T, max(1, width - 1))),
    _mistake("one-too-many", "The window is one key too wide: the query's own token is one of its keys.", _SEES,
             places=lambda T, width: _places(T, width + 1)),
    _mistake("own-token-left-out", "The query does not see its own token; the window ends with it.", _SEES,
             places=lambda T, width: _places(T, width) - 1),
    _mistake("next-token-seen", "The window reaches one token too far: the next one is seen.", _SEES,
             places=lambda T, width: _places(T, width) + 1),
    _mistake("looks-ahead", "The window begins at the query and reaches forward.", _SEES,
             places=lambda T, width: _places(T, width) + width - 1),
    _mistake("both-sides", "The window reaches as far forward as back.", _SEES,
             places=lambda T, width: _places(T, 2 * width - 1) + width - 1),
    _mistake("centred", "The query stands in the middle of the window; it should stand at its end.", _SEES,
             places=lambda T, width: _places(T, width) + width // 2),
    _mistake("every-so-many", "Every `width`-th earlier key is seen, in place of the last ones.", _SEES,
             places=lambda T, width: _places(T, width) + (width - 1) * (_places(T, width) - _places(T, width)[:, -1:])),
    _mistake("first-keys", "Every query sees the first keys; the window should move along.", _SEES,
             lambda q, k, v, width: _with_table(q, k, v, width, lambda i, j: (j < width) & (i == i))),
    _mistake("pieces", "The sequence is cut into pieces that do not see each other; a window slides along with the "
             "query.", "Compare the keys of queries 2 and 3 for a window of 3.", _pieces_apart),
    _mistake("everything-before", "All earlier keys are seen: `width` is not used.", _SEES, _everything_before),
    _mistake("no-window", "All keys are seen, later ones as well.", _SEES, _no_window),
    _mistake("negative-places", "At the beginning the places of the window are negative, which PyTorch counts from the "
             "end.", "Print the places that query 0 looks at for a window of 2, and what `k[-1]` is.",
             _negative_places),
    _mistake("negative-slice", "At the beginning the slice starts at a negative number, which counts from the end.",
             "What is `torch.arange(6)[-1:1]`, and what did you want there?", _negative_slice),
    _mistake("padding-counts", "Keys of zeros were put in front, and they take part in the softmax.",
             "What weight has a key with the score 0 beside one with the score 1? It should have none.",
             _padded_with_zeros),
    _mistake("first-key-again", "Before the beginning the first key is seen again and again, and counts each time.",
             "Print the weights of query 0: how many of them are not 0?", hide=lambda scores, there: scores),
    _mistake("hidden-after-softmax", "Missing keys are hidden after the softmax, so the weights of the first queries "
             "sum to less than 1.", "Set every value to 1 and print your output.", _hidden_after_softmax),
    _mistake("zero-scores", "Missing keys get the score 0, and exp(0) is 1.", "Set every value to 1 but that of the "
             "first token, and look at query 0.", hide=_zero_scores),
    _mistake("scale-forgotten", "The scores are not divided by the root of d_k.", "Print the scores of the first "
             "example beside q @ k.mT / sqrt(d_k).", scale=lambda scores, q, width: scores),
    _mistake("divided-by-d-k", "The scores are divided by d_k, not by its root.", "Print the scores of the first "
             "example beside q @ k.mT / sqrt(d_k).", scale=lambda scores, q, width: scores / q.shape[-1]),
    _mistake("divided-by-root-of-width", "The scores are divided by the root of the window's width; d_k is the width "
             "of a query.", "Which number in sqrt(d_k) changes when the window gets wider?",
             scale=lambda scores, q, width: scores / math.sqrt(scores.shape[-1])),
    _mistake("softmax-over-the-queries", "The softmax runs over the queries, not over the keys in a window.",
             "Set every value to 1 and print your output.",
             soft=lambda scores: scores.softmax(-2).nan_to_num(0.0)),
    _mistake("sum-for-softmax", "The scores are divided by their sum, without exp.",
             "Print the weights of a query: is any of them negative?",
             soft=lambda scores: (s := scores.masked_fill(scores == -math.inf, 0.0)) / s.sum(-1, keepdim=True)),
    _mistake("keys-averaged", "The keys are averaged in place of the values.", "Change v: does your output move?",
             values=lambda k, v: k),
    _mistake("mean-of-window", "The values of a window are averaged: queries and keys are not used.",
             "Change q: does your output move?", compare=lambda q, near_k: near_k[..., 0] * 0),
    _mistake("axis-1", "The tokens are taken along axis 1, counted from the front; with heads they stand in axis 2.",
             "For a tensor of shape (2, 3, 5, 4), which axis is 1, and which is -2?", _axis_1),
    _mistake("wide-window-refused", "A window wider than the sequence is refused; it only means that nothing is cut "
             "off.", "What should a window of 9 give for five tokens?", _wide_refused),
    _mistake("in-place", "The queries of the caller are overwritten: they are smaller the next time.",
             "Call it twice with the same q and compare.", _in_place),
    _mistake("weights-detached", "The weights are cut off from queries and keys, so neither could learn.",
             "Look for `detach`, `.data`, `.item()` or `no_grad`.", _weights_detached),
    _mistake("detached", "The result is cut off from q, k and v, so nothing could learn from it.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.", _detached),
    *careless_softmaxes(lambda soft: lambda q, k, v, width: window_by_stages(q, k, v, width, soft=soft)),
)


def _sizes(s):
    return (*draw((*s.lead, s.T, s.d_k), (*s.lead, s.T, s.d_k), (*s.lead, s.T, s.d_v), seed=s.seed, dtype=s.dtype), 2)


BATTERY = Battery(
    sizes=_sizes,
    scores=lambda table, values: (*queries_and_keys(table, "torch"), tensor(values), 2),
    arguments=("q", "k", "v", "width"),
    reference=window_attention,
    own=lambda: (("many places", Case((*draw((300, 2), (300, 2), (300, 1), seed=216), 3), note="300 tokens")),),
    without={**reasons.OWN_TOKENS, "masks": reasons.NO_MASK, "names": "no argument is optional"},
)

WINDOW_ATTENTION = Exercise(
    name="window_attention",
    title="Attend to the last keys, without a table",
    notebook="12_the_cost",
    signature="window_attention(q, k, v, width)",
    reference=window_attention,
    arrays="torch",
    returns=(Returns("output", "(..., T, d_v)"),),
    cases=_cases,
    probes=(
        Probe("equal scores give the mean of the window", _equal_scores_average_the_window),
        Probe("what lies outside does not count", _outside_does_not_count),
        Probe("a wide window is causal attention", _wide_is_causal_attention),
        Probe("no table of T times T", _no_table),
    ),
    battery=BATTERY,
    stages=window_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("loops", _looped),
        Equivalent("unfolded", _unfolded),
        Equivalent("shifted", _shifted),
        Equivalent("in-pieces", _in_pieces),
    ),
    hints=(
        "Which places does query t look at? Make a table of places with a row for each token and `width` columns; "
        "fetch the keys of these places only.",
        "`places = torch.arange(T)[:, None] + torch.arange(1 - width, 1)`, and `near = places.clamp(min=0)`. Then "
        "`k[..., near, :]` has the shape (..., T, width, d_k). Places below 0 are hidden before the softmax.",
        "`scores = (k[..., near, :] * q[..., None, :]).sum(-1) / math.sqrt(q.shape[-1])`, "
        "`weights = scores.masked_fill(places < 0, -math.inf).softmax(-1)`, "
        "`return (weights[..., None] * v[..., near, :]).sum(-2)`.",
    ),
    minutes=12,
    points=2,
)

EXERCISES = (WINDOW_ATTENTION,)
