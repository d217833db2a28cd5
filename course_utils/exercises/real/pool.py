"""Exercise of notebook 13: one vector for each text, the average of its real tokens."""

from course_utils.checks import Broken, Case, Equivalent, Exercise, Mistake, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.shared import draw, rounded, tensor


def mean_pool(x, real):
    """The course's own, imported when it is called: PyTorch takes a second."""
    from course_utils.models.encoder import mean_pool

    return mean_pool(x, real)


def pooled_by_stages(x, real, *, seen=lambda x, real: x * real[..., None], total=lambda x: x.sum(1),
                     count=lambda real: real.sum(1, keepdim=True), least=1):
    """The average in stages that can be replaced one by one."""
    return total(seen(x, real)) / count(real).clamp(min=least)


def _real(*rows):
    return tensor([[letter == "x" for letter in row] for row in rows])


def _cases():
    return (
        Case((tensor([[[2.0], [4.0], [9.0]]]), _real("xx-")), note="one text of two tokens, one padded place"),
        Case((*draw((2, 4, 3), seed=170), _real("xx--", "xxxx")), note="texts of two and four tokens"),
        Case((*draw((3, 3, 2), seed=171), _real("xxx", "xxx", "xxx")), note="no padding"),
        Case((*draw((2, 5, 4), seed=172), _real("--xxx", "xxxx-")), note="padding before the first text"),
        Case((*draw((3, 4, 4), seed=173), _real("x-x-", "-xxx", "x---")), note="holes"),
        Case((*draw((2, 3, 2), seed=174), _real("---", "xx-")), note="the first text is empty"),
        Case((draw((2, 4, 3), seed=175)[0] - 6.0, _real("xxx-", "xx--")), note="negative features"),
    )


# --- properties ---


def _padding_does_not_count(call):
    x, = draw((2, 4, 3), seed=176)
    real, moved = _real("xx--", "xxx-"), x.clone()
    moved[~real] += 100.0
    before, after = call(x, real), call(moved, real)
    if not (before - after).abs().max() < 1e-4:
        return Broken("what stands in padded places should not count",
                      f"100 added to every padded place: the vector of text 0 goes from {rounded(before[0].detach())} "
                      f"to {rounded(after[0].detach())}")


def _equal_tokens_give_themselves(call):
    got = call(tensor([[[3.0, -1.0]] * 4] * 2), _real("xx--", "xxxx"))
    if not (got - tensor([3.0, -1.0])).abs().max() < 1e-4:
        return Broken("the average of equal tokens should be that token, however many they are",
                      f"tokens of [3, -1]: got {rounded(got.detach())}")


# --- right answers in other words ---


def _filled(x, real):
    return x.masked_fill(~real.unsqueeze(-1), 0.0).sum(dim=1) / real.sum(dim=1, keepdim=True).clamp(min=1)


def _by_einsum(x, real):
    import torch

    real = real.to(x.dtype)
    return torch.einsum("btd,bt->bd", x, real / real.sum(1, keepdim=True).clamp(min=1))


def _by_product(x, real):
    weights = real.to(x.dtype)
    weights = weights / weights.sum(-1, keepdim=True).clamp(min=1)
    return (weights[:, None] @ x)[:, 0]


def _looped(x, real):
    import torch

    rows = []
    for text, seen in zip(x, real):
        total, count = 0 * text[0], 0
        for token, counts in zip(text, seen):
            if counts:
                total, count = total + token, count + 1
        rows.append(total / max(count, 1))
    return torch.stack(rows)


def _text_by_text(x, real):
    import torch

    return torch.stack([text[seen].mean(0) if seen.any() else 0 * text[0] for text, seen in zip(x, real)])


# --- wrong answers ---


def _mistake(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


def _in_place(x, real):
    x[~real] = 0.0
    return x.sum(1) / real.sum(1, keepdim=True).clamp(min=1)


def _first(x, real):
    return x[:, 0]


def _last_real(x, real):
    return x[range(len(x)), (real.sum(1) - 1).clamp(min=0)]


_TWO = "Call it with tokens [[[2.], [4.], [9.]]], the last one padded: 3 is wanted."

_MISTAKES = (
    _mistake("padding-averaged", "The padded places are averaged in: the mask is not used.", _TWO,
             lambda x, real: x.mean(1)),
    _mistake("divided-by-all", "The sum leaves the padding out, but is divided by T, the padded places included.", _TWO,
             count=lambda real: real.sum(1, keepdim=True) * 0 + real.shape[1]),
    _mistake("padding-in-the-sum", "The padding is counted in the sum, and only the real tokens in the divisor.", _TWO,
             seen=lambda x, real: x),
    _mistake("sum", "The tokens are added up and not divided by their number.", _TWO,
             count=lambda real: real.sum(1, keepdim=True) * 0 + 1),
    _mistake("first-token", "The first token is taken, not the average.", _TWO, _first),
    _mistake("last-token", "The last real token is taken, not the average.", _TWO, _last_real),
    _mistake("last-place", "The last place is taken, be it padded or not.", _TWO, lambda x, real: x[:, -1]),
    _mistake("largest", "The largest of the real tokens is taken for each feature, not the average.", _TWO,
             lambda x, real: x.masked_fill(~real[..., None], -1e9).amax(1)),
    _mistake("mask-inverted", "The padding is averaged, and the real tokens are left out: True = real.", _TWO,
             lambda x, real: pooled_by_stages(x, ~real)),
    _mistake("first-count", "Every text is divided by the number of tokens of the first.",
             "Print what you divide by, for two texts of different lengths.",
             count=lambda real: real.sum(1, keepdim=True)[:1]),
    _mistake("count-of-all", "The tokens of all texts are counted together.",
             "Print what you divide by, for two texts.", count=lambda real: real.sum()),
    _mistake("one-vector-for-all", "The tokens of all texts are averaged together.",
             "Print the shape just before your average: is the axis of the texts still there?",
             lambda x, real: (x * real[..., None]).sum((0, 1)).expand(len(x), -1) / real.sum().clamp(min=1)),
    _mistake("over-features", "The average runs over the features, and leaves a number for each token.",
             "Print the shape of your result: (B, d_model) is wanted.", total=lambda x: x.mean(-1)),
    _mistake("over-texts", "The average runs over the texts: axis 0 in place of axis 1.",
             "Print the shape of your result: (B, d_model) is wanted.", lambda x, real: (x * real[..., None]).mean(0)),
    _mistake("empty-text", "A text without a real token is divided by 0.",
             "Call it with a row of `real` that is False everywhere.", least=0),
    _mistake("one-too-many", "1 is added to the number of tokens.", _TWO,
             count=lambda real: real.sum(1, keepdim=True) + 1),
    _mistake("axis-kept", "The axis of the tokens is still there, with size 1.",
             "Print the shape of your result: (B, d_model) is wanted.",
             lambda x, real: pooled_by_stages(x, real)[:, None]),
    _mistake("length-one", "The vectors are divided by their length; the encoder does that afterwards.", _TWO,
             lambda x, real: pooled_by_stages(x, real) / pooled_by_stages(x, real).norm(
                 dim=-1, keepdim=True).clamp(min=1e-9)),
    _mistake("in-place", "The features of the caller are changed.", "Print x before and after your call.", _in_place),
)


def _of_sizes(s):
    x, noise = draw((*(s.lead or (1,)), s.T, s.d_model), (*(s.lead or (1,)), s.T), seed=s.seed, dtype=s.dtype)
    return x, noise >= noise.sort(-1).values[..., s.T // 2, None]


BATTERY = Battery(
    sizes=_of_sizes,
    arguments=("x", "real"),
    reference=mean_pool,
    without={**reasons.OWN_TOKENS, **reasons.ONE_BATCH, "scores": "features go in, and no scores",
             "masks": "a row of True and False for each text goes in, no table", "long": reasons.PLAIN["long"],
             "names": reasons.PLAIN["names"]},
)

MEAN_POOL = Exercise(
    name="mean_pool",
    title="Average the real tokens",
    notebook="13_real_models",
    signature="mean_pool(x, real)",
    reference=mean_pool,
    arrays="torch",
    returns=(Returns("vectors", "(B, d_model)"),),
    cases=_cases,
    probes=(Probe("padding does not count", _padding_does_not_count),
            Probe("equal tokens give themselves", _equal_tokens_give_themselves)),
    battery=BATTERY,
    stages=pooled_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("filled", _filled),
        Equivalent("einsum", _by_einsum),
        Equivalent("product", _by_product),
        Equivalent("loops", _looped),
        Equivalent("text-by-text", _text_by_text),
    ),
    hints=(
        "A sum and a count, each over the tokens of a text, each without the padding. Which axis does `real` lack?",
        "`x * real[..., None]` has zeros in the padded places. `real.sum(1, keepdim=True)` counts; a text of nothing "
        "but padding must not divide by 0.",
        "`total = (x * real[..., None]).sum(1)`, then `return total / real.sum(1, keepdim=True).clamp(min=1)`.",
    ),
    minutes=8,
    points=1,
)

EXERCISES = (MEAN_POOL,)
