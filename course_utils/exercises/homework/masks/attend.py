"""Homework: attention over a packed row, which gives every sequence what it would get alone."""

import math
from functools import partial

from course_utils.attention import scaled_dot_product_attention
from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import HIDDEN, Battery, gradients_in_numbers, narrow, reasons
from course_utils.exercises.families.loops import attend_in_loops
from course_utils.exercises.families.shared import draw, rounded, tensor
from course_utils.exercises.homework.masks._attend_mistakes import MISTAKES, attend_by_stages
from course_utils.exercises.homework.masks.tables import packed_causal_mask

OUTPUTS, SCALE, ALONE = "right outputs", "scale", "packed equals alone"
PAST, OTHERS = "the future does not count", "other inputs"


def attend_packed(q, k, v, lengths):
    """Attend over sequences that lie end to end, each within itself and causally.

    Parameters
    ----------
    q, k : Tensor, shape (H, T, d_k)
        Queries and keys (no unit); T is the sum of `lengths`.
    v : Tensor, shape (H, T, d_v)
        Values (no unit).
    lengths : sequence of int, length B
        Number of tokens of each sequence; 0 is allowed (tokens).

    Returns
    -------
    Tensor, shape (H, T, d_v)
        The outputs, in the order of the row.
    """
    import torch

    return scaled_dot_product_attention(q, k, v, torch.from_numpy(packed_causal_mask(lengths)))[0]


def _qkv(H, T, d_k, d_v, seed):
    return draw((H, T, d_k), (H, T, d_k), (H, T, d_v), seed=seed)


def _cases():
    # Queries of a single number have scale 1, so that a forgotten scale costs its own part and no other.
    large = tuple(20 * x for x in _qkv(2, 5, 1, 3, seed=86))
    return (
        Case((tensor([[[2.0], [1.0], [1.0]]]), tensor([[[1.0], [0.0], [1.0]]]), tensor([[[10.0], [20.0], [90.0]]]),
              [2, 1]), note="one head, sequences of 2 tokens and 1"),
        Case((*_qkv(3, 7, 1, 5, seed=81), [3, 4]), note="three heads, two sequences"),
        Case((*_qkv(2, 6, 1, 4, seed=82), [2, 2, 2]), note="three sequences of the same length"),
        Case((*_qkv(2, 9, 1, 6, seed=83), [4, 1, 1, 3]), note="two sequences of one token"),
        Case((*_qkv(3, 7, 4, 5, seed=81), [3, 4]), note="queries and keys of four numbers", part=SCALE),
        Case((*_qkv(2, 6, 5, 5, seed=82), [2, 2, 2]), note="queries, keys and values of five numbers", part=SCALE),
        Case((*_qkv(3, 5, 1, 2, seed=84), [5]), note="a single sequence", part=OTHERS),
        Case((*_qkv(2, 5, 1, 4, seed=85), [2, 0, 3]), note="an empty sequence", part=OTHERS),
        Case((*large, [3, 2]), note="large scores", part=OTHERS),
        Case((*(x.double() for x in _qkv(2, 6, 1, 4, seed=87)), [4, 2]), note="float64", part=OTHERS),
    )


def _drawn(seed):
    import numpy as np

    rng = np.random.default_rng(seed)
    a, b, c = (int(n) for n in rng.permutation([2, 3, 5]))
    q, k, v = _qkv(2, a + b, 1, 3, seed=seed + 4)
    return (Case((*_qkv(2, a + 2 * b + c, 1, 3, seed=seed), [a, b, b, c]), note="drawn inputs"),
            Case((*_qkv(3, a + c, 6, 4, seed=seed + 1), [a, c]), note="drawn queries of six numbers", part=SCALE),
            Probe("a drawn sequence gets the same outputs packed and alone",
                  partial(_packed_equals_alone, seed=seed + 2, lengths=[a, b, c]), ALONE),
            Probe("later tokens do not count, for drawn inputs",
                  partial(_later_tokens_do_not_count, seed=seed + 3, lengths=[a, b, c]), PAST),
            # Scores of a hundred and more, which no exponential survives.
            Case((q.abs() + 10, k.abs() + 10, v, [a, 0, b]), note="drawn large scores, an empty sequence", part=OTHERS))


# --- properties ---

_LENGTHS = [3, 1, 4]
_BEGINS = (0, 3, 4)


def _inputs(seed=51, T=8):
    return _qkv(2, T, 3, 4, seed=seed)


def _shape_of_the_values(call):
    output = call(*_inputs(), _LENGTHS)
    if tuple(output.shape) != (2, 8, 4):
        return Broken("every token should get an output as wide as a value",
                      f"v has the shape (2, 8, 4), the output {tuple(output.shape)}")


def _first_token_gets_its_value(call):
    q, k, v = _inputs()
    output = call(q, k, v, _LENGTHS)
    for i in _BEGINS:
        if not (output[1, i] - v[1, i]).abs().max() < 1e-4:
            return Broken("the first token of a sequence sees only itself and should get its own value",
                          f"lengths {_LENGTHS}: token {i} has the value {rounded(v[1, i])} in head 1, "
                          f"and gets {rounded(output[1, i].detach())}")


def _sequences(lengths):
    ends = [sum(lengths[:b + 1]) for b in range(len(lengths))]
    return [slice(end - n, end) for n, end in zip(lengths, ends)]


def _the_past_counts(call, inputs, lengths, output):
    """Where no output depends on what came before, neither future nor strangers are what is kept out."""
    q, k, v = inputs
    moved = v.clone()
    for part in _sequences(lengths):
        moved[:, part.start] += 5
    difference = (call(q, k, moved, lengths) - output).detach().abs().amax((0, 2))
    for b, part in enumerate(_sequences(lengths)):
        if part.stop - part.start > 1 and not 1e-6 < difference[part.stop - 1] < float("inf"):
            return Broken("the first value of a sequence should count in its last output",
                          f"lengths {lengths}: the first value of sequence {b} changes, and its last output moves by "
                          f"{float(difference[part.stop - 1]):.3f}")
    return None


def _packed_equals_alone(call, seed=51, lengths=_LENGTHS):
    q, k, v = inputs = _inputs(seed, sum(lengths))
    packed = call(q, k, v, lengths)
    for b, part in enumerate(_sequences(lengths)):
        alone = call(q[:, part], k[:, part], v[:, part], [lengths[b]])
        difference = float((packed[:, part] - alone).detach().abs().max())
        if not difference < 1e-4:
            return Broken("a sequence should get the same outputs packed and alone",
                          f"lengths {lengths}: sequence {b} is off by {difference:.3f}")
    return _the_past_counts(call, inputs, lengths, packed)


def _strangers_do_not_count(call):
    q, k, v = _inputs()
    moved_k, moved_v = k.clone(), v.clone()
    moved_k[:, :3], moved_v[:, :3] = -moved_k[:, :3], 1e6
    difference = float((call(q, k, v, _LENGTHS) - call(q, moved_k, moved_v, _LENGTHS))[:, 3:].detach().abs().max())
    if not difference < 1e-4:
        return Broken("other keys and values in one sequence should change nothing in the others",
                      f"lengths {_LENGTHS}: sequence 0 changes, and the outputs after it move by {difference:.3f}")


def _later_tokens_do_not_count(call, seed=51, lengths=_LENGTHS):
    q, k, v = inputs = _inputs(seed, sum(lengths))
    moved = v.clone()
    moved[:, -1] = 1e6
    output = call(q, k, v, lengths)
    difference = float((output - call(q, k, moved, lengths))[:, :-1].detach().abs().max())
    if not difference < 1e-4:
        return Broken("another value at the last token should change no output before it",
                      f"lengths {lengths}: the outputs 0 to {sum(lengths) - 2} move by {difference:.3f}")
    return _the_past_counts(call, inputs, lengths, output)


def _own_past_competes(call):
    q, k = tensor([[[0.0] * 4, [1.0] * 4]]), tensor([[[1.5] * 4, [1.0] * 4]])  # token 1: q . k = 6 and 4
    share = float(call(q, k, tensor([[[1.0], [0.0]]]), [2])[0, 1, 0])
    found = math.log(share / (1 - share)) if 0 < share < 1 else math.inf
    if not abs(found - 1) < 1e-2:
        return Broken("two keys with the dot products 6 and 4 should have log(w1/w2) = 1 for d_k = 4",
                      f"the weights are {share:.3f} and {1 - share:.3f}")


def _gradients_arrive(call):
    q, k, v = (x.requires_grad_() for x in _inputs())
    output = call(q, k, v, _LENGTHS)
    if output.requires_grad:
        (output**2).sum().backward()
    without = [name for name, x in zip("qkv", (q, k, v)) if x.grad is None or not x.grad.any()]
    if without:
        return Broken("the gradient of the output should reach q, k and v",
                      f"it does not reach {' and '.join(without)}")


def _empty_ones_change_nothing(call):
    q, k, v = _inputs()
    difference = float((call(q, k, v, [3, 0, 1, 4, 0]) - call(q, k, v, _LENGTHS)).detach().abs().max())
    if not difference < 1e-4:
        return Broken("a sequence without tokens should change nothing",
                      f"the lengths [3, 0, 1, 4, 0] and {_LENGTHS} differ by {difference:.3f}")


def _large_scores_stay_finite(call):
    q, k, v = _inputs()
    if not call(60 * q, 60 * k, v, _LENGTHS).isfinite().all():
        return Broken("large scores should give finite outputs", "queries and keys 60 times as large give NaN")


# --- right answers in other words ---


def _ends(lengths):
    ends, start = [], 0
    for n in lengths:
        ends.append((start, start + n))
        start += n
    return ends


def _sequence_by_sequence(q, k, v, lengths):
    import torch

    attend = torch.nn.functional.scaled_dot_product_attention
    return torch.cat([attend(q[:, a:b], k[:, a:b], v[:, a:b], is_causal=True) for a, b in _ends(lengths)], dim=1)


def _by_torch(q, k, v, lengths):
    import torch

    mask = torch.block_diag(*(torch.ones(n, n).tril() for n in lengths)).bool()
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def _by_slices(q, k, v, lengths):
    import torch

    output = torch.zeros_like(v)
    for a, b in _ends(lengths):
        for i in range(a, b):
            weights = torch.softmax(q[:, i:i + 1] @ k[:, a:i + 1].mT / q.shape[-1] ** 0.5, dim=-1)
            output[:, i:i + 1] = weights @ v[:, a:i + 1]
    return output


def _large_number(q, k, v, lengths):
    import torch

    mask = torch.tensor(packed_causal_mask(lengths))
    scores = (q / math.sqrt(q.shape[-1])) @ k.mT
    return scores.masked_fill(mask.logical_not(), -1e9).softmax(dim=-1) @ v


def _added(q, k, v, lengths):
    import torch

    ids = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    T = len(ids)
    bias = torch.zeros(T, T, dtype=q.dtype)
    bias[ids[:, None] != ids[None, :]] = float("-inf")
    bias = bias + torch.full((T, T), float("-inf"), dtype=q.dtype).triu(1)
    return torch.einsum("hts,hsv->htv", torch.softmax(torch.einsum("htd,hsd->hts", q, k) / q.size(-1) ** 0.5 + bias,
                                                      -1), v)


def _split_and_joined(q, k, v, lengths):
    import torch

    outputs = []
    for a, b, c in zip(*(x.split(list(lengths), dim=1) for x in (q, k, v))):
        n = a.shape[1]
        scores = a @ b.transpose(1, 2) / math.sqrt(a.shape[2])
        outputs.append(scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(2) @ c)
    return torch.cat(outputs, dim=1)


def _in_loops(q, k, v, lengths):
    import torch

    return attend_in_loops(q, k, v, torch.from_numpy(packed_causal_mask(lengths)))[0]


def _hidden_above(regime="hidden far above"):
    q, k = narrow(HIDDEN[regime], "torch")
    return Case((q[None], k[None], tensor([[[10.0], [20.0], [90.0]]]), [2, 1]), note=f"scores: {regime}")


def _in_two(T):
    return [T - T // 2, T // 2]


_ARGUMENTS = ("q", "k", "v", "lengths")
BATTERY = Battery(
    sizes=lambda s: (*_qkv(s.items, s.T, 1, s.d_v, s.seed), _in_two(s.T)),
    scores=lambda table, values: (*(x[None] for x in narrow(table, "torch")), tensor(values)[None], [2]),
    own=lambda: [(regime, _hidden_above(regime)) for regime in HIDDEN] + [
        ("float64", Case((*(x.double() for x in _qkv(2, 5, 1, 3, seed=88)), [2, 3]), note="float64, two heads"))],
    arguments=_ARGUMENTS,
    reference=attend_packed,
    probes_of={"hidden far above, gradients": gradients_in_numbers(_ARGUMENTS, _hidden_above, attend_packed)},
    without={**reasons.OWN_TOKENS, **dict.fromkeys(("no batch", "two leading axes"), "the one axis in front are heads"),
             "masks": "the mask follows from the lengths, which have cases of their own",
             "long": "places are counted in Exercise 1, which is asked for many of them",
             "names": reasons.PLAIN["names"]},
    part=OTHERS,
    parts={"in numbers": OUTPUTS},
)

ATTEND = Exercise(
    name="attend_packed",
    title="Attend over a packed row",
    notebook="hw2_masks",
    signature="attend_packed(q, k, v, lengths)",
    reference=attend_packed,
    arrays="torch",
    returns=(Returns("output", "(H, T, d_v)"),),
    cases=_cases,
    drawn=_drawn,
    battery=BATTERY,
    probes=(
        Probe("the output has the shape of the values", _shape_of_the_values),
        Probe("two keys of the past compete as in lesson 4", _own_past_competes, SCALE),
        Probe("gradients arrive", _gradients_arrive),
        Probe("the first token of a sequence gets its own value", _first_token_gets_its_value),
        Probe("a sequence gets the same outputs packed and alone", _packed_equals_alone, ALONE),
        Probe("another sequence does not count", _strangers_do_not_count, ALONE),
        Probe("later tokens do not count", _later_tokens_do_not_count, PAST),
        Probe("a sequence without tokens changes nothing", _empty_ones_change_nothing, OTHERS),
        Probe("large scores give finite outputs", _large_scores_stay_finite, OTHERS),
    ),
    stages=attend_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _in_loops),
        Equivalent("sequence-by-sequence", _sequence_by_sequence),
        Equivalent("torch-function", _by_torch),
        Equivalent("token-by-token", _by_slices),
        Equivalent("minus-one-billion", _large_number),
        Equivalent("additive-mask", _added),
        Equivalent("split-and-joined", _split_and_joined),
    ),
    hints=(
        "There are two ways: one mask for the whole row, or one piece of the row after the other. Both are right.",
        "The mask of Exercise 1 is a NumPy array; `torch.from_numpy` makes a tensor of it. Then the four steps of "
        "lesson 5 follow: scores, mask, softmax, average.",
        "`mask = torch.from_numpy(packed_causal_mask(lengths))`, then "
        "`scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(~mask, -math.inf)` and "
        "`return torch.softmax(scores, dim=-1) @ v`",
    ),
    minutes=10,
    points=5,
    credit=(Part(OUTPUTS, 1), Part(SCALE, 1), Part(ALONE, 1), Part(PAST, 1), Part(OTHERS, 1, visible=False)),
)
