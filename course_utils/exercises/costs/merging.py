"""Exercise of notebook 12: make attention over two parts of the keys into attention over all of them."""

import math

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor

NOTHING = -math.inf


def merge_parts(output_a, log_sum_a, output_b, log_sum_b):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.cheap_attention import merge_parts

    return merge_parts(output_a, log_sum_a, output_b, log_sum_b)


def _largest(a, b):
    import torch

    largest = torch.maximum(a, b)
    return largest.masked_fill(largest == NOTHING, 0.0)


def merge_by_stages(output_a, log_sum_a, output_b, log_sum_b, *, base=_largest,
                    shares=lambda a, b, base: ((a - base).exp(), (b - base).exp()),
                    mix=lambda x, y, a, b: x[..., None] * a + y[..., None] * b,
                    divide=lambda mixed, total: mixed / total.clamp(min=1)[..., None],
                    log_sum=lambda base, total, a, b: base + total.log()):
    """The merge in stages that can be replaced one by one."""
    top = base(log_sum_a, log_sum_b)
    x, y = shares(log_sum_a, log_sum_b, top)
    return divide(mix(x, y, output_a, output_b), x + y), log_sum(top, x + y, log_sum_a, log_sum_b)


def part_of(scores, values):
    """What attention over these keys alone gives: output and log_sum."""
    log_sum = scores.logsumexp(-1)
    return scores.softmax(-1).nan_to_num(0.0) @ values, log_sum


def two_parts(lead, T, S, d_v, seed, dtype="float32"):
    """Outputs and log sums of two parts with S keys and one more."""
    made = []
    for i, keys in enumerate((S, S + 1)):
        scores, values = draw((*lead, T, keys), (*lead, keys, d_v), seed=seed + 7 * i, dtype=dtype)
        made += part_of(2 * scores, values)
    return tuple(made)


def of_scores(table, values):
    """Two parts of one key each: log sums are the scores, outputs the values."""
    scores, values = tensor(table), tensor(values)
    T = len(scores)
    return (values[:1].expand(T, -1).clone(), scores[:, 0].clone(), values[1:2].expand(T, -1).clone(),
            scores[:, 1].clone())


def _cases():
    three = math.log(3.0)
    a, x, b, y = two_parts((), 4, 3, 2, seed=203)
    return (
        Case((tensor([[10.0]]), tensor([0.0]), tensor([[20.0]]), tensor([three])),
             note="a part whose exponentials sum to 1, and one whose sum is 3"),
        Case((tensor([[10.0, 0.0], [4.0, 8.0]]), tensor([0.0, three]), tensor([[20.0, 1.0], [0.0, 4.0]]),
              tensor([0.0, 0.0])), note="two queries"),
        Case((a, x, b, y), note="four queries, values of width 2"),
        Case((tensor([[1.0, 2.0], [5.0, 6.0]]), tensor([1.0, 2.0]), tensor([[0.0, 0.0], [3.0, 4.0]]),
              tensor([NOTHING, 1.0])), note="query 0 sees no key of part b"),
        Case((tensor([[0.0, 0.0], [5.0, 6.0]]), tensor([NOTHING, 2.0]), tensor([[7.0, 8.0], [3.0, 4.0]]),
              tensor([-1.0, 1.0])), note="query 0 sees no key of part a"),
        Case((tensor([[0.0, 0.0], [5.0, 6.0]]), tensor([NOTHING, 2.0]), tensor([[0.0, 0.0], [3.0, 4.0]]),
              tensor([NOTHING, 1.0])), note="query 0 sees no key of either part"),
        Case((tensor([[1.0, 2.0], [5.0, 6.0]]), tensor([0.0, 200.0]), tensor([[0.0, 4.0], [3.0, 4.0]]),
              tensor([200.0, 0.0])), note="one part far above the other"),
        Case((tensor([[0.0, 0.0]]), tensor([NOTHING]), tensor([[0.0, 0.0]]), tensor([NOTHING])),
             note="no query sees a key"),
    )


# --- properties ---


def _as_in_one_go(call):
    import torch

    scores, values = draw((3, 7), (7, 2), seed=71)
    wanted, log_sum = part_of(scores, values)
    for cut in (3, 1, 6):
        output, total = call(*part_of(scores[:, :cut], values[:cut]), *part_of(scores[:, cut:], values[cut:]))
        if not torch.allclose(output, wanted, atol=1e-5):
            return Broken("the output should be that of attention over all keys",
                          f"7 keys, cut after {cut}: query 0 gets {rounded(output[0].detach())}, attention over all "
                          f"gives {rounded(wanted[0])}")
        if not torch.allclose(total, log_sum, atol=1e-5):
            return Broken("the log_sum should be that of all scores",
                          f"7 keys, cut after {cut}: query 0 has {float(total[0]):.3f}, wanted {float(log_sum[0]):.3f}")


def _three_parts_in_any_order(call):
    import torch

    scores, values = draw((2, 6), (6, 3), seed=72)
    scores[:, 4:] += 3
    parts = [part_of(scores[:, at:at + 2], values[at:at + 2]) for at in (0, 2, 4)]
    forward = call(*call(*parts[0], *parts[1]), *parts[2])
    back = call(*parts[0], *call(*parts[1], *parts[2]))
    if not all(torch.allclose(x, y, atol=1e-5) for x, y in zip(forward, back)):
        return Broken("three parts should come out the same whichever two are merged first",
                      f"query 0: {rounded(forward[0][0].detach())} and {rounded(back[0][0].detach())}")


def _shifted(call):
    import torch

    a, x, b, y = two_parts((), 3, 2, 2, seed=73)
    here = call(a, x, b, y)
    for shift in (500.0, -500.0):
        there = call(a, x + shift, b, y + shift)
        if not (torch.allclose(here[0], there[0], atol=1e-3) and torch.allclose(here[1] + shift, there[1], atol=1e-3)):
            return Broken("a constant added to both log_sums should be added to the result's, and leave the output",
                          f"{shift:+.0f}: query 0 gets {rounded(there[0][0].detach())} and "
                          f"{float(there[1][0]):.3f}, without it {rounded(here[0][0].detach())} and "
                          f"{float(here[1][0]):.3f}")


def _nothing_changes_nothing(call):
    import torch

    a, x, _, _ = two_parts((), 3, 2, 2, seed=74)
    none = torch.zeros_like(a), torch.full_like(x, NOTHING)
    for output, log_sum in (call(a, x, *none), call(*none, a, x)):
        if not (torch.allclose(output, a, atol=1e-6) and torch.allclose(log_sum, x, atol=1e-6)):
            return Broken("a part of which a query sees no key should change nothing",
                          f"query 0 had {rounded(a[0])}, and gets {rounded(output[0].detach())}")
    output, log_sum = call(*none, *none)
    if not ((output == 0).all() and (log_sum == NOTHING).all()):
        return Broken("where neither part shows a query a key, the result should be 0 and -inf",
                      f"query 0 gets {rounded(output[0].detach())} and {float(log_sum[0]):.3f}",
                      "Compute -inf - -inf in a cell of its own.")


# --- right answers in other words ---


def _by_logaddexp(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    log_sum = torch.logaddexp(log_sum_a, log_sum_b)
    base = torch.where(log_sum == NOTHING, torch.zeros_like(log_sum), log_sum)
    x, y = (log_sum_a - base).exp().unsqueeze(-1), (log_sum_b - base).exp().unsqueeze(-1)
    return x * output_a + y * output_b, log_sum


def _stacked(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    both = torch.stack([log_sum_a, log_sum_b], -1)
    weights = both.softmax(-1).nan_to_num(0.0)
    outputs = torch.stack([output_a, output_b], -2)
    return torch.einsum("...n,...nv->...v", weights, outputs), both.logsumexp(-1)


def _by_sigmoid(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    share = (log_sum_a - log_sum_b).nan_to_num(nan=0.0, posinf=math.inf, neginf=NOTHING).sigmoid()[..., None]
    return output_b + share * (output_a - output_b), torch.logsumexp(torch.stack([log_sum_a, log_sum_b]), 0)


def _looped(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    if log_sum_a.ndim:
        rows = [_looped(*row) for row in zip(output_a, log_sum_a, output_b, log_sum_b)]
        return torch.stack([output for output, _ in rows]), torch.stack([log_sum for _, log_sum in rows])
    if log_sum_a == NOTHING:
        return output_b.clone(), log_sum_b.clone()
    if log_sum_b == NOTHING:
        return output_a.clone(), log_sum_a.clone()
    top = max(log_sum_a, log_sum_b)
    x, y = torch.exp(log_sum_a - top), torch.exp(log_sum_b - top)
    return (x * output_a + y * output_b) / (x + y), top + torch.log(x + y)


def _masked_out(output_a, log_sum_a, output_b, log_sum_b):
    top = log_sum_a.maximum(log_sum_b).clamp(min=-1e30)
    x, y = (log_sum_a - top).exp(), (log_sum_b - top).exp()
    total = x + y
    x, y, total = (z[..., None] for z in (x, y, total))
    return (output_a * x + output_b * y) / (total + (total == 0)), total.squeeze(-1).log() + top


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


def _averaged(output_a, log_sum_a, output_b, log_sum_b):
    return (output_a + output_b) / 2, merge_by_stages(output_a, log_sum_a, output_b, log_sum_b)[1]


def _added(output_a, log_sum_a, output_b, log_sum_b):
    return output_a + output_b, merge_by_stages(output_a, log_sum_a, output_b, log_sum_b)[1]


def _log_sums_as_shares(output_a, log_sum_a, output_b, log_sum_b):
    mixed = log_sum_a[..., None] * output_a + log_sum_b[..., None] * output_b
    return mixed / (log_sum_a + log_sum_b)[..., None], merge_by_stages(output_a, log_sum_a, output_b, log_sum_b)[1]


def _larger_only(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    mine = (log_sum_a >= log_sum_b)[..., None]
    return torch.where(mine, output_a, output_b), merge_by_stages(output_a, log_sum_a, output_b, log_sum_b)[1]


def _nan_where_nothing(output_a, log_sum_a, output_b, log_sum_b):
    top = log_sum_a.maximum(log_sum_b)
    x, y = (log_sum_a - top).exp()[..., None], (log_sum_b - top).exp()[..., None]
    return (x * output_a + y * output_b) / (x + y), top + (x + y).log()[..., 0]


def _log_sum_by_logaddexp(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    log_sum = torch.logaddexp(log_sum_a, log_sum_b)
    x, y = ((part - log_sum).exp()[..., None] for part in (log_sum_a, log_sum_b))
    return x * output_a + y * output_b, log_sum


def _by_a_plain_sigmoid(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    share = (log_sum_a - log_sum_b).sigmoid()[..., None]
    return share * output_a + (1 - share) * output_b, torch.logaddexp(log_sum_a, log_sum_b)


def _divided_by_zero(*parts):
    return merge_by_stages(*parts, divide=lambda mixed, total: mixed / total[..., None])


def _in_place(output_a, log_sum_a, output_b, log_sum_b):
    output, log_sum = merge_by_stages(output_a, log_sum_a, output_b, log_sum_b)
    output_a.copy_(output)
    return output_a, log_sum


def _detached(output_a, log_sum_a, output_b, log_sum_b):
    return merge_by_stages(*(x.detach() for x in (output_a, log_sum_a, output_b, log_sum_b)))


def _shares_detached(output_a, log_sum_a, output_b, log_sum_b):
    import torch

    with torch.no_grad():
        base = _largest(log_sum_a, log_sum_b)
        x, y = (log_sum_a - base).exp(), (log_sum_b - base).exp()
    return (x[..., None] * output_a + y[..., None] * output_b) / (x + y).clamp(min=1)[..., None], base + (x + y).log()


def _axis_lost(output_a, log_sum_a, output_b, log_sum_b):
    base = _largest(log_sum_a, log_sum_b)
    x, y = (log_sum_a - base).exp(), (log_sum_b - base).exp()
    return (x * output_a + y * output_b) / (x + y).clamp(min=1), base + (x + y).log()


def _plain(a, b, base):
    return a.exp(), b.exp()


def _of_everything(a, b):
    return _largest(a, b).max() + 0 * _largest(a, b)


def _no_base(a, b):
    return 0 * _largest(a, b)


def _smaller(a, b):
    import torch

    smaller = torch.minimum(a, b)
    return smaller.masked_fill(smaller == NOTHING, 0.0)


_TWO = "Two parts, log_sum 0 and log(3): which share of all exponentials does each part have?"
_SUM = "Two parts whose exponentials sum to 1 and to 3: to what do all of them sum, and what is its logarithm?"

_MISTAKES = (
    _mistake("averaged", "The outputs are averaged; a part counts by its share of all exponentials.", _TWO, _averaged),
    _mistake("added", "The outputs are added up as they are; each was divided by its own sum only.", _TWO, _added),
    _mistake("log-sums-as-shares", "The parts are weighted by their log_sums; the sums themselves are their "
             "exponentials.", _TWO, _log_sums_as_shares),
    _mistake("larger-part-only", "Only the part with the larger log_sum is kept.", _TWO, _larger_only),
    _mistake("not-divided", "The mixed outputs are not divided by the sum of the two shares.", _TWO,
             divide=lambda mixed, total: mixed),
    _mistake("divided-by-two", "The mixed outputs are divided by 2, not by the sum of the two shares.", _TWO,
             divide=lambda mixed, total: mixed / 2),
    _mistake("shares-exchanged", "Each output is weighted with the share of the other part.", _TWO,
             mix=lambda x, y, a, b: y[..., None] * a + x[..., None] * b),
    _mistake("first-part-not-weighted", "The output of the first part is not multiplied by its share.", _TWO,
             mix=lambda x, y, a, b: a + y[..., None] * b),
    _mistake("second-part-not-weighted", "The output of the second part is not multiplied by its share.", _TWO,
             mix=lambda x, y, a, b: x[..., None] * a + b),
    _mistake("shares-of-minus", "The sign in the exponent is the wrong way round: the larger log_sum gets the smaller "
             "share.", _TWO, shares=lambda a, b, base: ((base - a).exp(), (base - b).exp())),
    _mistake("shares-without-exp", "The differences of the log_sums are used as they are, without exp.", _TWO,
             shares=lambda a, b, base: (a - base, b - base)),
    _mistake("shares-of-two", "2 is raised to the log_sums, not e.", _TWO,
             shares=lambda a, b, base: ((a - base).exp2(), (b - base).exp2())),
    _mistake("no-maximum", "The log_sums go into exp as they are: 1000 overflows, and -1000 leaves 0.",
             "Print `torch.tensor(1000.0).exp()`: what can be subtracted from both first?",
             base=_no_base),
    _mistake("maximum-of-everything", "One maximum is subtracted for all queries, so a query far below it is left "
             "with 0.", "Print the shares of two queries whose log_sums are 800 and -800.", base=_of_everything),
    _mistake("smaller-subtracted", "The smaller of the two is subtracted, so the exponential of the larger overflows.",
             "Print the shares for log_sums of 1000 and 0.", base=_smaller),
    _mistake("first-subtracted", "The log_sum of the first part is always subtracted, so that of the second may "
             "overflow.", "Print the shares for log_sums of 0 and 1000.",
             base=lambda a, b: a.masked_fill(a == NOTHING, 0.0)),
    _mistake("maximum-from-zero", "The maximum is never below 0, so very negative log_sums leave shares of 0.",
             "Print the shares for log_sums of -1000 and -1001.", base=lambda a, b: _largest(a, b).clamp(min=0)),
    _mistake("maximum-not-added-back", "What was subtracted from the log_sums is not added back to the result.",
             "Add 5 to both log_sums: what should become of the result's?",
             log_sum=lambda base, total, a, b: total.log()),
    _mistake("log-sums-added", "The log_sums are added up; the sums are what adds up, and then comes the logarithm.",
             _SUM, log_sum=lambda base, total, a, b: a + b),
    _mistake("log-sums-averaged", "The log_sum is the mean of the two.", _SUM,
             log_sum=lambda base, total, a, b: (a + b) / 2),
    _mistake("larger-log-sum", "The larger log_sum comes back; the smaller part counts too.", _SUM,
             log_sum=lambda base, total, a, b: a.maximum(b)),
    _mistake("sum-for-log-sum", "The sum of the exponentials comes back, without the logarithm.", _SUM,
             log_sum=lambda base, total, a, b: base.exp() * total),
    _mistake("log-sum-of-a", "The log_sum of the first part comes back unchanged.", _SUM,
             log_sum=lambda base, total, a, b: a.clone()),
    _mistake("log-sum-of-b", "The log_sum of the second part comes back unchanged.", _SUM,
             log_sum=lambda base, total, a, b: b.clone()),
    _mistake("share-for-log-sum", "The sum of the two shares comes back, without logarithm and maximum.", _SUM,
             log_sum=lambda base, total, a, b: total),
    _mistake("logarithm-to-base-2", "The logarithm is taken to the base 2.", _SUM,
             log_sum=lambda base, total, a, b: base + total.log2()),
    Mistake("nan-where-nothing-is-seen", "Where a query sees no key of either part, the result is NaN: -inf - -inf is, "
            "and so is 0 / 0.", "Compute `-math.inf - -math.inf` in a cell of its own, then follow such a query line "
            "by line.", _nan_where_nothing, variants=(_log_sum_by_logaddexp, _by_a_plain_sigmoid, _divided_by_zero)),
    _mistake("axis-lost", "The shares have one number for each query; without a last axis they meet the wrong one.",
             "Print the shapes of a share and of an output, and put the missing axis in with `[..., None]`.",
             _axis_lost),
    _mistake("exchanged", "Output and log_sum come back in the opposite order.", "Print both shapes.",
             lambda *parts: merge_by_stages(*parts)[::-1]),
    _mistake("output-only", "Only the output comes back; the next part needs the log_sum as well.",
             "What would a third part be merged with?", lambda *parts: merge_by_stages(*parts)[0]),
    _mistake("in-place", "The result is written into the output of the first part, which the caller still has.",
             "Merge the same part twice and compare.", _in_place),
    _mistake("shares-detached", "The shares are cut off, so part of the gradient is missing.",
             "Look for `detach`, `.data`, `.item()` or `no_grad`.", _shares_detached),
    _mistake("detached", "The result is cut off from what it was made of, so nothing could learn from it.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.", _detached),
)

BATTERY = Battery(
    sizes=lambda s: two_parts(s.lead, s.T, s.S, s.d_v, s.seed, s.dtype),
    scores=of_scores,
    arguments=("output_a", "log_sum_a", "output_b", "log_sum_b"),
    reference=merge_parts,
    without={**reasons.PLAIN},
)

MERGE_PARTS = Exercise(
    name="merge_parts",
    title="Merge the attention over two parts of the keys",
    notebook="12_the_cost",
    signature="merge_parts(output_a, log_sum_a, output_b, log_sum_b)",
    reference=merge_parts,
    arrays="torch",
    returns=(Returns("output", "(..., T, d_v)"), Returns("log_sum", "(..., T)")),
    cases=_cases,
    probes=(
        Probe("two parts give what attention over all keys gives", _as_in_one_go),
        Probe("three parts, merged in another order", _three_parts_in_any_order),
        Probe("a constant added to all scores", _shifted),
        Probe("a part that is not seen changes nothing", _nothing_changes_nothing),
    ),
    battery=BATTERY,
    stages=merge_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("logaddexp", _by_logaddexp),
        Equivalent("stacked", _stacked),
        Equivalent("sigmoid", _by_sigmoid),
        Equivalent("loops", _looped),
        Equivalent("clamped", _masked_out),
    ),
    hints=(
        "Each output is a mean of values, divided by its own sum of exponentials. To average two means rightly, weigh "
        "each by what it was divided by. Which sums were these?",
        "The sums are `log_sum_a.exp()` and `log_sum_b.exp()`, and only their ratio counts: subtract the larger "
        "log_sum from both before exp, and add it to the new log_sum afterwards. Where both are -inf, subtract 0.",
        "`top = torch.maximum(log_sum_a, log_sum_b)`, `top = top.masked_fill(top == -math.inf, 0.0)`, "
        "`a, b = (log_sum_a - top).exp(), (log_sum_b - top).exp()`, `output = a[..., None] * output_a + b[..., None] "
        "* output_b`, `return output / (a + b).clamp(min=1)[..., None], top + (a + b).log()`.",
    ),
    minutes=12,
    points=2,
    tolerance=1e-4,
)

EXERCISES = (MERGE_PARTS,)
