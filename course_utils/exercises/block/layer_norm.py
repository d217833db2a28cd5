"""Exercise of notebook 09: bring the features of each position to mean 0 and variance 1."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor


def layer_norm(x, gain, shift, eps=1e-5):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.writer import layer_norm

    return layer_norm(x, gain, shift, eps)


def layer_norm_by_stages(x, gain, shift, eps=1e-5, *, mean=lambda x: x.mean(-1, keepdim=True),
                         variance=lambda x, centred: (centred ** 2).mean(-1, keepdim=True),
                         root=lambda variance, eps: (variance + eps).sqrt(),
                         divide=lambda centred, root: centred / root,
                         finish=lambda y, gain, shift: y * gain + shift):
    """Layer normalisation in stages that can be replaced one by one."""
    centred = x - mean(x)
    return finish(divide(centred, root(variance(x, centred), eps)), gain, shift)


def _cases():
    one, none = tensor([1.0, 1.0]), tensor([0.0, 0.0])
    return (
        Case((tensor([[1.0, 5.0]]), one, none), note="one token of two features: mean 3, variance 4"),
        Case((tensor([[1.0, 5.0], [7.0, 1.0]]), tensor([10.0, 2.0]), tensor([0.5, -1.0])), note="two tokens"),
        Case(draw((5,), (5,), (5,), seed=103), note="a single token, no other axis"),
        Case((tensor([[2.0, 2.0, 2.0], [1.0, 2.0, 3.0]]), tensor([1.0, 2.0, 3.0]), tensor([0.5, 0.5, 0.5])),
             note="all features of a token alike"),
        Case((tensor([[0.001, -0.001, 0.002, 0.004]]), tensor([1.0] * 4), tensor([0.0] * 4)),
             note="differences as small as eps"),
        Case((tensor([[4096.0, 4097.0, 4098.0, 4099.0]]), tensor([1.0] * 4), tensor([0.0] * 4)),
             note="large features that differ little"),
        Case((*draw((2, 1), seed=109), tensor([3.0]), tensor([0.25])), note="a single feature"),
    )


# --- properties ---


def _mean_and_variance(call):
    x, gain, shift = draw((2, 3, 8), seed=41)[0] * 3 + 1, tensor([1.0] * 8), tensor([0.0] * 8)
    y = call(x, gain, shift)
    found, spread = y.mean(-1), y.var(-1, unbiased=False)
    if not found.abs().max() < 1e-4:
        return Broken("with gain 1 and shift 0 the features of every token should have the mean 0",
                      f"token 0 of item 0 has the mean {float(found[0, 0]):.3f}")
    if not (spread - 1).abs().max() < 1e-3:
        return Broken("with gain 1 and shift 0 the features of every token should have the variance 1",
                      f"token 0 of item 0 has the variance {float(spread[0, 0]):.3f}")


def _each_token_alone(call):
    x, gain, shift = draw((2, 3, 6), (6,), (6,), seed=42)
    moved = x.clone()
    moved[1, 2] += tensor([1.0, -3.0, 0.0, 5.0, 2.0, 0.5])
    before, after = call(x, gain, shift)[0, 0], call(moved, gain, shift)[0, 0]
    if not (before - after).abs().max() < 1e-5:
        return Broken("another token in another item should change nothing",
                      f"item 0, token 0: {rounded(before.detach())} becomes {rounded(after.detach())}")


def _size_does_not_count(call):
    x, gain, shift = draw((2, 6), (6,), (6,), seed=43)
    before, after = call(10 * x, gain, shift), call(1000 * x + 70, gain, shift)
    if not (before - after).abs().max() < 1e-2:
        return Broken("features that are all multiplied and raised alike should come out the same",
                      f"token 0 of 10 x: {rounded(before[0].detach())}, of 1000 x + 70: {rounded(after[0].detach())}")


# --- right answers in other words ---


def _by_hand(x, gain, shift, eps=1e-5):
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, unbiased=False)
    return (x - mean) / (variance + eps) ** 0.5 * gain + shift


def _by_sums(x, gain, shift, eps=1e-5):
    d = x.shape[-1]
    centred = x - x.sum(-1, keepdim=True) / d
    return gain * centred * ((centred * centred).sum(-1, keepdim=True) / d + eps).rsqrt() + shift


def _by_loop(x, gain, shift, eps=1e-5):
    import torch

    if x.ndim > 1:
        return torch.stack([_by_loop(row, gain, shift, eps) for row in x])
    mean = sum(x) / len(x)
    variance = sum((value - mean) ** 2 for value in x) / len(x)
    return torch.stack([g * (value - mean) / torch.sqrt(variance + eps) + s for value, g, s in zip(x, gain, shift)])


def _var_mean(x, gain, shift, eps=1e-5):
    import torch

    variance, mean = torch.var_mean(x, -1, keepdim=True, correction=0)
    return torch.addcmul(shift, (x - mean).div(torch.sqrt(variance + eps)), gain)


def _einsum(x, gain, shift, eps=1e-5):
    import torch

    centred = x - x.mean(-1)[..., None]
    variance = torch.einsum("...d,...d->...", centred, centred) / x.size(-1)
    return torch.einsum("...d,d->...d", centred / variance.add(eps).sqrt().unsqueeze(-1), gain) + shift


def _module(x, gain, shift, eps=1e-5):
    from torch import nn
    from torch.func import functional_call

    norm = nn.LayerNorm(x.shape[-1], eps=eps)
    return functional_call(norm, {"weight": gain, "bias": shift}, (x,))


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


def _over(axes):
    return {"mean": lambda x: x.mean(axes, keepdim=True),
            "variance": lambda x, centred: (centred ** 2).mean(axes, keepdim=True)}


def _mean_not_subtracted(x, gain, shift, eps=1e-5):
    return x / (x.var(-1, keepdim=True, unbiased=False) + eps).sqrt() * gain + shift


def _in_place(x, gain, shift, eps=1e-5):
    x -= x.mean(-1, keepdim=True)
    return x / ((x ** 2).mean(-1, keepdim=True) + eps).sqrt() * gain + shift


def _detached(x, gain, shift, eps=1e-5):
    mean, variance = x.mean(-1, keepdim=True).detach(), x.var(-1, keepdim=True, unbiased=False).detach()
    return (x - mean) / (variance + eps).sqrt() * gain + shift


def _without_gradient(x, gain, shift, eps=1e-5):
    return layer_norm_by_stages(x.detach(), gain.detach(), shift.detach(), eps)


def _keepdim_lost(x, gain, shift, eps=1e-5):
    return (x - x.mean(-1)) / (x.var(-1, unbiased=False) + eps).sqrt() * gain + shift


def _first_axis_if_there(x):
    return -2 if x.ndim > 1 else -1


def _bessel(x, centred):
    return (centred ** 2).sum(-1, keepdim=True) / (x.shape[-1] - 1)


_AXIS = "Print the shape of your mean: it should have one number for each token."
_SPREAD = "Compute the mean of the squares of [-2, 2] by hand, then its root: what do you divide by?"

_MISTAKES = (
    _mistake("over-the-tokens", "Mean and variance are taken over the tokens, not over the features of one token.",
             _AXIS, mean=lambda x: x.mean(_first_axis_if_there(x), keepdim=True),
             variance=lambda x, c: (c ** 2).mean(_first_axis_if_there(x), keepdim=True)),
    _mistake("over-the-first-axis", "Mean and variance are taken over axis 0: the batch, or the tokens.", _AXIS,
             **_over(0)),
    _mistake("over-everything", "One mean and one variance are taken of all numbers together.", _AXIS,
             mean=lambda x: x.mean(), variance=lambda x, c: (c ** 2).mean()),
    _mistake("mean-of-everything", "The mean is that of all numbers together; the variance is that of each token.",
             _AXIS, mean=lambda x: x.mean()),
    _mistake("keepdim-lost", "Mean and variance have lost the axis of the features, so they meet the wrong one.",
             "Print the shapes on both sides of `-`; `keepdim=True` keeps the axis.", _keepdim_lost),
    _mistake("n-minus-one", "The variance is divided by d - 1: `x.var()` and `x.std()` do that unless they are told "
             "`unbiased=False`.", "Print `torch.tensor([1.0, 5.0]).var()`: the mean of the squares is 4.",
             variance=_bessel),
    _mistake("not-centred", "The mean is not subtracted: features are only divided by their root mean square.",
             "Add 100 to all features of a token: should the result change?", mean=lambda x: 0 * x[..., :1]),
    _mistake("mean-not-subtracted", "The spread is right, but the mean stays in what is divided.",
             "Add 100 to all features of a token: should the result change?",
             _mean_not_subtracted),
    _mistake("not-divided", "The mean is subtracted, but nothing is divided by the spread.",
             "Multiply all features of a token by 10: should the result change?", divide=lambda c, root: c),
    _mistake("root-forgotten", "It is divided by the variance, not by its root.", _SPREAD,
             root=lambda variance, eps: variance + eps),
    _mistake("eps-outside", "eps is added to the root; it belongs to the variance, below the root.",
             "Try features that differ by a thousandth only.", root=lambda variance, eps: variance.sqrt() + eps),
    _mistake("eps-forgotten", "eps is not used, so a token whose features are all alike divides 0 by 0.",
             "Try a token with the features [2, 2, 2].", root=lambda variance, eps: variance.sqrt()),
    _mistake("eps-fixed", "eps is always 1e-5, whatever the caller gives.", "Call it with eps=0.5.",
             root=lambda variance, eps: (variance + 1e-5).sqrt()),
    _mistake("eps-squared", "eps is squared before it is added.", "Call it with eps=0.5.",
             root=lambda variance, eps: (variance + eps ** 2).sqrt()),
    _mistake("mean-of-distances", "The mean of the absolute distances takes the place of the root of the variance.",
             _SPREAD, variance=lambda x, c: c.abs().mean(-1, keepdim=True) ** 2),
    _mistake("squares-not-averaged", "The squares are added up and not averaged.", _SPREAD,
             variance=lambda x, c: (c ** 2).sum(-1, keepdim=True)),
    _mistake("difference-of-squares", "The mean of the squares less the square of the mean: right on paper, but "
             "`float32` has no digits left for it where features are large.",
             "Try the features 4096, 4097, 4098, 4099: subtract the mean first.",
             variance=lambda x, c: ((x ** 2).mean(-1, keepdim=True) - x.mean(-1, keepdim=True) ** 2).clamp(min=0)),
    _mistake("gain-forgotten", "The gain is not used.", "Set the gain to 10: what should happen to the result?",
             finish=lambda y, gain, shift: y + shift),
    _mistake("shift-forgotten", "The shift is not used.", "Set the shift to 10: what should happen to the result?",
             finish=lambda y, gain, shift: y * gain),
    _mistake("gain-and-shift-forgotten", "Neither gain nor shift is used.", "Set the gain to 0: what should be left?",
             finish=lambda y, gain, shift: y),
    _mistake("shift-before-gain", "The shift is added before the gain multiplies, so it is multiplied too.",
             "Set the gain to 0: what should be left?", finish=lambda y, gain, shift: (y + shift) * gain),
    _mistake("gain-and-shift-exchanged", "Gain and shift have changed places.",
             "Set the gain to 0: what should be left?", finish=lambda y, gain, shift: y * shift + gain),
    _mistake("one-plus-gain", "It is multiplied by 1 + gain.", "Set the gain to 0: what should be left?",
             finish=lambda y, gain, shift: y * (1 + gain) + shift),
    _mistake("softmax", "These are the weights of a softmax: all positive, with the sum 1.",
             "Print the sum and the mean of a row.", lambda x, gain, shift, eps=1e-5: x.softmax(-1) * gain + shift),
    _mistake("largest-and-smallest", "The features are brought between 0 and 1 by the smallest and the largest.",
             "Print the mean and the variance of a row.",
             lambda x, gain, shift, eps=1e-5: (x - x.amin(-1, keepdim=True))
             / (x.amax(-1, keepdim=True) - x.amin(-1, keepdim=True) + eps) * gain + shift),
    _mistake("in-place", "The tensor of the caller is overwritten: it is smaller the next time.",
             "Call it twice with the same x and compare.", _in_place),
    _mistake("statistics-detached", "Mean and variance are cut off, so part of the gradient is missing.",
             "Look for `detach`, `.data`, `.item()` or `no_grad`.", _detached),
    _mistake("detached", "The result is cut off from x, gain and shift, so nothing could learn from it.",
             "Look for `detach`, `no_grad`, `.data`, NumPy or `torch.tensor(...)` on the way.", _without_gradient),
)

BATTERY = Battery(
    sizes=lambda s: draw((*s.lead, s.T, s.d_model), (s.d_model,), (s.d_model,), seed=s.seed, dtype=s.dtype),
    arguments=("x", "gain", "shift"),
    reference=layer_norm,
    own=lambda: (
        ("", Case((*draw((2, 4), (4,), (4,), seed=105), 0.5), note="eps = 0.5")),
        ("arguments by name", Case(draw((2, 4), (4,), (4,), seed=106), {"eps": 2.0}, note="eps = 2 by its name"))),
    without={**dict.fromkeys(("T > S", "T < S", "one key"), "tokens do not look at each other: there are no keys"),
             "scores": "nothing is scored", **reasons.PLAIN},
)

LAYER_NORM = Exercise(
    name="layer_norm",
    title="Bring each token to mean 0 and variance 1",
    notebook="09_the_whole_block",
    signature="layer_norm(x, gain, shift, eps=1e-5)",
    reference=layer_norm,
    arrays="torch",
    returns=(Returns("y", "(..., d_model)"),),
    cases=_cases,
    probes=(
        Probe("every token comes out with mean 0 and variance 1", _mean_and_variance),
        Probe("each token stands alone", _each_token_alone),
        Probe("the size of all features together does not count", _size_does_not_count),
    ),
    battery=BATTERY,
    stages=layer_norm_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("by-hand", _by_hand),
        Equivalent("sums", _by_sums),
        Equivalent("loops", _by_loop),
        Equivalent("var-mean", _var_mean),
        Equivalent("einsum", _einsum),
        Equivalent("module", _module),
    ),
    hints=(
        "Three steps, all along the last axis: subtract the mean, divide by the root of the variance, then gain and "
        "shift. Which axis must a mean keep, so that it can be subtracted?",
        "`mean = x.mean(-1, keepdim=True)`. The variance is the mean of the squares of `x - mean`; eps is added to it "
        "before the root.",
        "`centred = x - x.mean(-1, keepdim=True)`, `variance = (centred ** 2).mean(-1, keepdim=True)`, "
        "`return centred / (variance + eps).sqrt() * gain + shift`.",
    ),
    minutes=10,
    points=2,
    tolerance=1e-4,
)

EXERCISES = (LAYER_NORM,)
