"""Exercise of notebook 09: attention and a feed-forward step, each beside a residual path."""

import math
from functools import cache

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded

SILENT = 0  # in place of a width: steps that find nothing


def block(*inputs):
    """The course's own block, imported when it is called: PyTorch takes a second."""
    from course_utils.models.writer import block

    return block(*inputs)


def block_by_stages(x, attend, feed_forward, norm_1, norm_2, mask=None, *, norms=lambda a, b: (a, b),
                    told=lambda mask: mask, beside_1=lambda x, normed: x, beside_2=lambda x, normed, start: x,
                    into=lambda x, start: x, after=lambda y: y):
    """A block in stages that can be replaced one by one."""
    first, second = norms(norm_1, norm_2)
    start, normed = x, first(x)
    x = beside_1(x, normed) + attend(normed, mask=told(mask))[0]
    normed = second(into(x, start))
    return after(beside_2(x, normed, start) + feed_forward(normed))


@cache
def _parts(d, seed, dtype="float32"):
    """An attention, a feed-forward step and two norms with numbers of their own, as functions."""
    import torch
    from torch.nn import functional as F

    W_q, W_k, W_v, W_1, W_2, gain_1, shift_1, gain_2, shift_2 = draw(
        (d, d), (d, d), (d, d), (d, 2 * d), (2 * d, d), (d,), (d,), (d,), (d,), seed=seed, dtype=dtype)
    root = math.sqrt(d)

    def attend(x, context=None, mask=None):
        context = x if context is None else context
        scores = (x @ W_q) @ (context @ W_k).transpose(-2, -1) / (root * d)
        weights = (scores if mask is None else scores.masked_fill(~mask, -math.inf)).softmax(-1)
        return weights @ (context @ W_v) / root, weights

    def norm(gain, shift):
        return lambda x: F.layer_norm(x, (d,), 1 + gain / 2, shift)

    return (attend, lambda x: torch.tanh(x @ W_1 / root) @ W_2 / root, norm(gain_1, shift_1), norm(gain_2, shift_2))


def _silent_parts():
    """Steps that add nothing, and norms that change nothing."""
    def attend(x, context=None, mask=None):
        return x * 0, None

    return attend, lambda x: x * 0, lambda x: x, lambda x: x


def _invoke(answer, x, d, seed, mask=None, dtype="float32"):
    """Build the parts, then call the answer with them: parts are functions, which no case can copy."""
    parts = _silent_parts() if d == SILENT else _parts(d, seed, dtype)
    return answer(x, *parts) if mask is None else answer(x, *parts, mask)


def _causal(T):
    import torch

    return torch.ones(T, T, dtype=torch.bool).tril()


def _cases():
    return (
        Case((*draw((1, 2, 3), seed=121), 3, 1), note="two tokens of three features"),
        Case((*draw((2, 4, 6), seed=123), 6, 3, _causal(4)), note="a causal mask"),
        Case((draw((1, 4, 6), seed=126)[0] * 100, 6, 6), note="features a hundred times as large"),
    )


# --- properties ---


def _silent_steps_leave_x(call):
    x, = draw((2, 3, 4), seed=61)
    got = call(x, SILENT, 0)
    if not (got - x).abs().max() < 1e-6:
        return Broken("where both steps add nothing, x should come through as it is",
                      f"item 0, token 0: {rounded(x[0, 0])} became {rounded(got[0, 0].detach())}")


def _future_changes_nothing(call):
    x, = draw((1, 4, 6), seed=63)
    moved = x.clone()
    moved[0, 3] += 2.0
    before, after = call(x, 6, 9, _causal(4))[0, :3], call(moved, 6, 9, _causal(4))[0, :3]
    if not (before - after).abs().max() < 1e-5:
        return Broken("with a causal mask, a later token should change nothing before it",
                      f"token 2: {rounded(before[2].detach())} becomes {rounded(after[2].detach())} when token 3 moves")


# --- right answers in other words ---


def _in_four_lines(x, attend, feed_forward, norm_1, norm_2, mask=None):
    found, _ = attend(norm_1(x), None, mask)
    middle = x + found
    thought = feed_forward(norm_2(middle))
    return thought + middle


def _summed_at_the_end(x, attend, feed_forward, norm_1, norm_2, mask=None):
    output, _ = attend(norm_1(x), mask=mask)
    return sum([x, output, feed_forward(norm_2(x.add(output)))])


def _item_after_item(x, attend, feed_forward, norm_1, norm_2, mask=None):
    import torch

    items = []
    for item in x.unbind(0):
        item = item[None]
        item = item + attend(norm_1(item), mask=mask)[0]
        items.append(item + torch.stack([feed_forward(norm_2(token)) for token in item.unbind(1)], 1))
    return torch.cat(items)


def _cloned(x, attend, feed_forward, norm_1, norm_2, mask=None):
    y = x.clone()
    y = y + attend(norm_1(y), mask=mask)[0]
    y = torch_add(y, feed_forward(norm_2(y)))
    return y


def torch_add(a, b):
    import torch

    return torch.add(a, b)


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


def _norm_after(x, attend, feed_forward, norm_1, norm_2, mask=None):
    x = norm_1(x + attend(x, mask=mask)[0])
    return norm_2(x + feed_forward(x))


def _norm_of_the_found(x, attend, feed_forward, norm_1, norm_2, mask=None):
    x = x + norm_1(attend(x, mask=mask)[0])
    return x + norm_2(feed_forward(x))


def _feed_forward_first(x, attend, feed_forward, norm_1, norm_2, mask=None):
    x = x + feed_forward(norm_2(x))
    return x + attend(norm_1(x), mask=mask)[0]


def _feed_forward_first_norms_in_order(x, attend, feed_forward, norm_1, norm_2, mask=None):
    x = x + feed_forward(norm_1(x))
    return x + attend(norm_2(x), mask=mask)[0]


def _attention_only(x, attend, feed_forward, norm_1, norm_2, mask=None):
    return x + attend(norm_1(x), mask=mask)[0]


def _feed_forward_only(x, attend, feed_forward, norm_1, norm_2, mask=None):
    return x + feed_forward(norm_2(x))


def _pair_added(x, attend, feed_forward, norm_1, norm_2, mask=None):
    x = x + attend(norm_1(x), mask=mask)
    return x + feed_forward(norm_2(x))


def _in_place(x, attend, feed_forward, norm_1, norm_2, mask=None):
    x += attend(norm_1(x), mask=mask)[0]
    x += feed_forward(norm_2(x))
    return x


def _mask_as_context(x, attend, feed_forward, norm_1, norm_2, mask=None):
    x = x + attend(norm_1(x), mask)[0]
    return x + feed_forward(norm_2(x))


def _weights_too(x, attend, feed_forward, norm_1, norm_2, mask=None):
    output, weights = attend(norm_1(x), mask=mask)
    x = x + output
    return x + feed_forward(norm_2(x)), weights


def _detached(x, attend, feed_forward, norm_1, norm_2, mask=None):
    return block_by_stages(x.detach(), attend, feed_forward, norm_1, norm_2, mask)


_SILENT = "Let both steps give zeros: what should be left of x?"

_MISTAKES = (
    _mistake("first-residual-missing", "What attention finds takes the place of x; it should be added to it.", _SILENT,
             beside_1=lambda x, normed: 0),
    _mistake("second-residual-missing", "What the feed-forward step gives takes the place of x; it should be added.",
             _SILENT, beside_2=lambda x, normed, start: 0),
    _mistake("residual-of-the-normed", "Attention's output is added to norm_1(x), not to x itself.",
             _SILENT, beside_1=lambda x, normed: normed),
    _mistake("second-residual-of-the-normed", "The feed-forward output is added to norm_2(x), not to x itself.",
             _SILENT, beside_2=lambda x, normed, start: normed),
    _mistake("second-residual-of-the-start", "The feed-forward output is added to the x from before attention, so "
             "what attention found is lost.", "Let the feed-forward step give zeros: is anything of attention left?",
             beside_2=lambda x, normed, start: start),
    _mistake("steps-side-by-side", "The feed-forward step gets the x from before attention: the two work side by "
             "side, not one after the other.", "Print what you give to norm_2: does it hold what attention found?",
             into=lambda x, start: start),
    _mistake("start-added-twice", "x is added once more at the end.", _SILENT,
             beside_2=lambda x, normed, start: x + start),
    _mistake("norms-missing", "Neither norm is used.", "Multiply x by 100: what should attention get to see?",
             norms=lambda a, b: (lambda x: x, lambda x: x)),
    _mistake("first-norm-missing", "norm_1 is not used: attention gets x as it is.",
             "Multiply x by 100: what should attention get to see?", norms=lambda a, b: (lambda x: x, b)),
    _mistake("second-norm-missing", "norm_2 is not used: the feed-forward step gets x as it is.",
             "Multiply x by 100: what should the feed-forward step get to see?", norms=lambda a, b: (a, lambda x: x)),
    _mistake("norms-exchanged", "norm_2 stands before attention and norm_1 before the feed-forward step.",
             "Each norm has numbers of its own: which one comes first?", norms=lambda a, b: (b, a)),
    _mistake("first-norm-twice", "norm_1 is used for both steps.",
             "Each norm has numbers of its own: is norm_2 ever called?", norms=lambda a, b: (a, a)),
    _mistake("second-norm-twice", "norm_2 is used for both steps.",
             "Each norm has numbers of its own: is norm_1 ever called?", norms=lambda a, b: (b, b)),
    _mistake("norm-after", "The norms stand after the additions, on the residual path: the order of the first "
             "transformer (2017). This block puts them before each step.", _SILENT, _norm_after),
    _mistake("norm-of-what-was-found", "The norms stand after the steps; they should come before them.",
             "Print what attention gets to see: mean 0, variance 1?", _norm_of_the_found),
    _mistake("normed-at-the-end", "The result is normalised once more at the end.", _SILENT,
             lambda x, attend, feed_forward, norm_1, norm_2, mask=None:
             norm_2(block_by_stages(x, attend, feed_forward, norm_1, norm_2, mask))),
    _mistake("feed-forward-first", "The feed-forward step comes before attention.",
             "Which of the two steps should see what the other found?", _feed_forward_first),
    _mistake("feed-forward-first-norms-in-order", "The feed-forward step comes before attention.",
             "Which of the two steps should see what the other found?", _feed_forward_first_norms_in_order),
    _mistake("feed-forward-missing", "The feed-forward step is missing.", "Is feed_forward ever called?",
             _attention_only),
    _mistake("attention-missing", "Attention is missing: no token looks at another one.", "Is attend ever called?",
             _feed_forward_only),
    _mistake("mask-not-passed-on", "The mask is not passed on to attention.",
             "Change the last token under a causal mask: does token 0 change?", told=lambda mask: None),
    _mistake("mask-turned", "The mask is turned round before it is passed on: True = may attend already.",
             "Print the weights that attend gives back under a causal mask.",
             told=lambda mask: None if mask is None else ~mask),
    _mistake("mask-as-context", "The mask stands second, where attend takes a context; name it: `mask=mask`.",
             "Call it with a causal mask: does a later token change an earlier one?", _mask_as_context),
    _mistake("pair-added", "attend gives back two things, the output and the weights; both were added.",
             "Print `type(attend(norm_1(x)))`.", _pair_added),
    _mistake("in-place", "x += writes into the tensor of the caller.", "Call it twice with the same x and compare.",
             _in_place),
    _mistake("weights-returned-too", "The weights come back as well; only x is asked for.",
             "Print `type` of what you return.", _weights_too),
    _mistake("detached", "The result is cut off from x, so nothing before this block could learn.",
             "Look for `detach`, `.data` or `no_grad`.", _detached),
)

BATTERY = Battery(
    sizes=lambda s: (*draw((s.items, s.T, s.d_model), seed=s.seed, dtype=s.dtype), s.d_model, 7, None,
                     s.dtype),
    arguments=("x", "d", "seed", "mask", "dtype"),
    reference=lambda *inputs: _invoke(block, *inputs),
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, "scores": "attention is given, and scores for itself",
             **reasons.PLAIN, "masks": "the mask is passed on, and attention reads it",
             "names": "the mask stands last, by its place or its name"},
)

TRANSFORMER_BLOCK = Exercise(
    name="block",
    title="Put the block together",
    notebook="09_the_whole_block",
    signature="block(x, attend, feed_forward, norm_1, norm_2, mask=None)",
    reference=block,
    arrays="torch",
    returns=(Returns("x", "(B, T, d_model)"),),
    cases=_cases,
    probes=(
        Probe("steps that add nothing leave x as it is", _silent_steps_leave_x),
        Probe("later tokens change nothing under a causal mask", _future_changes_nothing),
    ),
    battery=BATTERY,
    stages=block_by_stages,
    invoke=_invoke,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("four-lines", _in_four_lines),
        Equivalent("summed-at-the-end", _summed_at_the_end),
        Equivalent("loops", _item_after_item),
        Equivalent("cloned", _cloned),
    ),
    hints=(
        "Two steps of one form: x stays, and something is added to it, computed from the normalised x.",
        "`x = x + ...` twice. `attend` gives back two things: take the first, `[0]`. The second step starts from the x "
        "that the first one made.",
        "`x = x + attend(norm_1(x), mask=mask)[0]`, then `return x + feed_forward(norm_2(x))`.",
    ),
    minutes=10,
    points=2,
)

EXERCISES = (TRANSFORMER_BLOCK,)
