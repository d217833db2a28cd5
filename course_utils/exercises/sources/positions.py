"""Exercise of notebook 06: sinusoidal positions, added to the tokens."""

import math

from course_utils.checks import Broken, Case, Equivalent, Exercise, Probe, Returns
from course_utils.exercises.battery import Battery, reasons
from course_utils.exercises.families.projected import mistake
from course_utils.exercises.families.shared import draw, rounded, tensor


def add_positions(x):
    """Add sinusoidal positions to tokens x (..., T, d_model), d_model even; returns a new tensor."""
    return add_positions_by_stages(x)


def _count(x):
    import torch

    return torch.arange(x.shape[-2], dtype=x.dtype)[:, None]  # (T, 1)


def _angles(t, pair, d_model):
    return t / 10000 ** (2 * pair / d_model)


def _in_turn(sines, cosines):
    import torch

    return torch.stack([sines, cosines], dim=-1).flatten(-2)  # sine, cosine, sine, cosine, ...


def add_positions_by_stages(x, *, count=_count, angles=_angles, order=_in_turn,
                            waves=lambda a: (a.sin(), a.cos()), combine=lambda x, P: x + P):
    """Positions in stages that can be replaced one by one; columns 2i and 2i + 1 are the pair i."""
    import torch

    pair = torch.arange(x.shape[-1] // 2, dtype=x.dtype)  # (d_model / 2,)
    return combine(x, order(*waves(angles(count(x), pair, x.shape[-1]))))


def _cases():
    return (
        Case((tensor([[0.0, 0.0], [0.0, 0.0], [5.0, 5.0]]),), note="3 tokens, d_model = 2"),
        Case((tensor([[0.0] * 4] * 2),), note="2 tokens of zeros, d_model = 4: the positions alone"),
        Case(draw((3, 1, 4), seed=77), note="a single token in each of 3 items"),
    )


# --- properties ---


def _all_items_alike(call):
    x = draw((3, 4, 6), seed=51)[0]
    added = call(x) - x
    if not (added - added[:1]).abs().max() < 1e-4:
        return Broken("every item of the batch should get the same positions",
                      f"token 1, first two numbers: {rounded(added[0, 1, :2])} in item 0, "
                      f"{rounded(added[1, 1, :2])} in item 1")


def _tokens_differ(call):
    x = draw((2, 4, 6), seed=52)[0]
    added = call(x) - x
    if not (added[0, 1] - added[0, 2]).abs().max() > 1e-3:
        return Broken("different tokens of a sequence should get different positions",
                      f"token 1 gets {rounded(added[0, 1])}, token 2 {rounded(added[0, 2])}")


def _the_same_is_added_to_all(call):
    x, y = draw((4, 6), (4, 6), seed=53)
    a, b = call(x) - x, call(y) - y
    if not (a - b).abs().max() < 1e-4:
        return Broken("what is added should not depend on the tokens",
                      f"token 1, first two numbers: {rounded(a[1, :2])} for one x, {rounded(b[1, :2])} for another")


def _first_position(call):
    first = call(tensor([[[0.0] * 4] * 3]))[0, 0]
    if not (first - tensor([0.0, 1.0, 0.0, 1.0])).abs().max() < 1e-4:
        return Broken("position 0 should be 0, 1, 0, 1, ...: the sine of 0, the cosine of 0, in turn",
                      f"tokens of zeros, d_model = 4: token 0 becomes {rounded(first)}")


def _fast_and_slow(call):
    P = call(tensor([[0.0] * 4] * 3))
    turn = [float(P[1, 2 * i]) for i in (0, 1)]
    if not (abs(turn[0] - math.sin(1)) < 1e-4 and abs(turn[1] - math.sin(0.01)) < 1e-4):
        return Broken("for d_model = 4, column 0 of position 1 should be sin(1) and column 2 sin(1/100)",
                      f"wanted {math.sin(1):.3f} and {math.sin(0.01):.3f}, got {turn[0]:.3f} and {turn[1]:.3f}")


def _distance_decides(call):
    P = call(tensor([[0.0] * 8] * 6))
    products = P @ P.transpose(-2, -1)
    near, far = float(products[0, 2]), float(products[3, 5])
    if not abs(near - far) < 1e-3:
        return Broken("the dot product of two positions should depend on their distance alone",
                      f"positions 0 and 2: {near:.3f}; positions 3 and 5: {far:.3f}")


# --- right answers in other words ---


def _by_loops(x):
    out = x.clone()
    T, d_model = x.shape[-2:]
    for t in range(T):
        for i in range(d_model // 2):
            angle = t / 10000 ** (2 * i / d_model)
            out[..., t, 2 * i] += math.sin(angle)
            out[..., t, 2 * i + 1] += math.cos(angle)
    return out


def _by_slices(x):
    import torch

    T, d_model = x.shape[-2:]
    t = torch.arange(T, dtype=x.dtype).unsqueeze(1)
    slow = torch.exp(torch.arange(0, d_model, 2, dtype=x.dtype) * (-math.log(10000.0) / d_model))
    P = torch.zeros(T, d_model, dtype=x.dtype)
    P[:, 0::2], P[:, 1::2] = torch.sin(t * slow), torch.cos(t * slow)
    return x + P


def _by_shifted_sines(x):
    import torch

    T, d_model = x.shape[-2:]
    column = torch.arange(d_model)
    angle = torch.arange(T)[:, None].double() / 10000 ** ((column - column % 2) / d_model)
    return x + torch.sin(angle + column % 2 * math.pi / 2).to(x.dtype)


def _by_complex_numbers(x):
    import torch

    T, d_model = x.shape[-2:]
    turn = torch.outer(torch.arange(T).double(), 10000 ** (-torch.arange(0, d_model, 2).double() / d_model))
    P = torch.view_as_real(torch.polar(torch.ones_like(turn), turn)).flip(-1).flatten(-2)
    return P.to(x.dtype).expand_as(x) + x


def _by_comprehension(x):
    import torch

    d = x.shape[-1]
    P = [[(math.cos if j % 2 else math.sin)(t / 10000 ** (2 * (j // 2) / d)) for j in range(d)]
         for t in range(x.shape[-2])]
    return x + torch.tensor(P, dtype=x.dtype)


# --- wrong answers ---


def _along_the_batch(x):
    import torch

    P = add_positions_by_stages(torch.zeros(len(x), x.shape[-1], dtype=x.dtype))
    return x + P.reshape(len(x), *[1] * (x.ndim - 2), x.shape[-1])


def _along_the_batch_of_three_axes(x):
    B, _T, d_model = x.shape
    return x + add_positions_by_stages(x.new_zeros(B, d_model))[:, None, :]


def _first_axis_counted(x):
    import torch

    return x + add_positions_by_stages(torch.zeros(len(x), x.shape[-1], dtype=x.dtype))


def _three_axes_only(x):
    _B, T, d_model = x.shape
    return x + add_positions_by_stages(x.new_zeros(T, d_model))


def _in_place(x):
    x += add_positions_by_stages(x * 0)
    return x


def _over_all_tokens(x):
    return add_positions_by_stages(x.reshape(-1, x.shape[-1])).reshape(x.shape)


def _first_item_only(x):
    while x.ndim > 2:
        x = x[0]
    return add_positions_by_stages(x)


def _concatenated(x, P):
    import torch

    return torch.cat([x, P.expand_as(x)], dim=-1)


def _halves(sines, cosines):
    import torch

    return torch.cat([sines, cosines], dim=-1)


def _pairs_apart(t, pair, d_model):
    # The cosine of column 2i + 1 gets an exponent of its own.
    return t / 10000 ** (2 * pair / d_model), t / 10000 ** ((2 * pair + 1) / d_model)


def _columns_counted(t, pair, d_model):
    return t / 10000 ** (4 * pair / d_model), t / 10000 ** ((4 * pair + 2) / d_model)


_MISTAKES = (
    mistake("along-the-batch", "The positions run along the batch: all tokens of an item get the same one.",
            "Print what is added to tokens 0 and 1 of item 0: should it be the same?", _along_the_batch),
    mistake("along-the-batch-of-three-axes", "It wants exactly three axes, and the positions run along the batch.",
            "Call it on x of shape (2, 3, 4): what is added to tokens 0 and 1 of item 0?",
            _along_the_batch_of_three_axes),
    mistake("first-axis-counted", "T is read from the first axis, which is the batch when there is one.",
            "Print `x.shape` for a batch of 2: where, counted from the back, does T stand?", _first_axis_counted),
    mistake("counted-on-through-the-batch", "The count goes on from item to item: item 1 does not begin at position 0.",
            "Print what is added to token 0 of items 0 and 1.", _over_all_tokens),
    mistake("first-item-only", "Only the first item of the batch comes back.",
            "Print the shape of the result for a batch of 2.", _first_item_only),
    mistake("three-axes-only", "It wants exactly three axes, and `...` stands for any number in front.",
            "Call it on x of shape (3, 2).", _three_axes_only),
    mistake("in-place", "x itself is changed: the caller's tokens are lost.",
            "Write `x = x + P` in place of `x += P`.", _in_place),
    mistake("multiplied", "The positions are multiplied with x, not added to it.",
            "Give it tokens of zeros: what should come back?", combine=lambda x, P: x * P),
    mistake("concatenated", "The positions are put beside x, not added to it.",
            "Print the shape of the result beside that of x.", combine=_concatenated),
    mistake("positions-only", "The positions come back alone, without x.",
            "Give it two different x: should the results be the same?", combine=lambda x, P: P),
    mistake("subtracted", "The positions are subtracted.", "Give it tokens of zeros: what should token 0 become?",
            combine=lambda x, P: x - P),
    mistake("x-scaled", "x is multiplied by the root of d_model first; here it is used as it is.",
            "Subtract x from your result and look at what is left.",
            combine=lambda x, P: x * math.sqrt(x.shape[-1]) + P),
    mistake("one-position-for-all", "All tokens get position 0, or the same row of the table.",
            "Print what is added to tokens 0 and 1.", combine=lambda x, P: x + P[:1]),
    mistake("counted-from-1", "The count starts at 1: token 0 gets position 1.",
            "Print what token 0 of zeros becomes: it should be the sine and the cosine of 0.",
            count=lambda x: _count(x) + 1),
    mistake("counted-backwards", "The count runs backwards: token 0 gets the last position.",
            "Print what token 0 of zeros becomes.", count=lambda x: _count(x).flip(0)),
    mistake("fractions-of-the-length", "The positions are divided by T, so they depend on how long the sequence is.",
            "Compare token 1 of a sequence of 3 with token 1 of a sequence of 6.",
            count=lambda x: _count(x) / x.shape[-2]),
    mistake("sine-and-cosine-exchanged", "The cosine stands in the even columns and the sine in the odd ones.",
            "Print what token 0 of zeros becomes, and compare with sin(0) and cos(0).",
            waves=lambda a: (a.cos(), a.sin())),
    mistake("sines-only", "Every column is a sine; the odd columns should be cosines.",
            "Print what token 0 of zeros becomes: half of its numbers should be 1.",
            waves=lambda a: (a.sin(), a.sin())),
    mistake("cosines-only", "Every column is a cosine; the even columns should be sines.",
            "Print what token 0 of zeros becomes: half of its numbers should be 0.",
            waves=lambda a: (a.cos(), a.cos())),
    mistake("degrees", "The angles are taken for degrees; `sin` and `cos` want radians, the angle as it is.",
            "Compare sin(1) with what stands in row 1, column 0.",
            waves=lambda a: ((a * math.pi / 180).sin(), (a * math.pi / 180).cos())),
    mistake("halves", "All sines come first and then all cosines; they should take turns.",
            "Print what token 0 of zeros becomes for d_model = 4: 0, 1, 0, 1 is wanted.", order=_halves),
    mistake("halves-exchanged", "All cosines come first and then all sines; they should take turns, the sine first.",
            "Print what token 0 of zeros becomes for d_model = 4: 0, 1, 0, 1 is wanted.",
            order=lambda sines, cosines: _halves(cosines, sines)),
    mistake("exponent-without-2", "The exponent is i / d_model; it should be 2 * i / d_model.",
            "Compute the angle of the pair i = 1 for d_model = 4 and t = 1 by hand.",
            angles=lambda t, pair, d: t / 10000 ** (pair / d)),
    mistake("exponent-with-4", "The exponent is 4 * i / d_model: a counter that goes 0, 2, 4 is doubled once more.",
            "Print your exponents for d_model = 4: 0 and 0.5 are wanted.",
            angles=lambda t, pair, d: t / 10000 ** (4 * pair / d)),
    mistake("cosine-with-its-own-exponent", "The cosine of a pair has another exponent than its sine.",
            "Square the sine and the cosine of a pair and add them: do you get 1?", angles=_pairs_apart,
            waves=lambda a: (a[0].sin(), a[1].cos())),
    mistake("columns-counted", "The exponent is 2 * j / d_model for column j; both columns of a pair need the same.",
            "Square the sine and the cosine of a pair and add them: do you get 1?", angles=_columns_counted,
            waves=lambda a: (a[0].sin(), a[1].cos())),
    mistake("number-of-the-token", "The plain count t is added to every column, not its sines and cosines.",
            "Print what token 2 of zeros becomes.", combine=lambda x, P: x + _count(x)),
    mistake("no-return", "Nothing comes back: the `return` is missing.",
            "Print the result of your function.", combine=lambda x, P: None),
    mistake("same-speed-for-all", "All pairs have the angle t: the division by the power of 10000 is missing.",
            "Print your angles for t = 1: they should become smaller from pair to pair.",
            angles=lambda t, pair, d: t + 0 * pair),
    mistake("multiplied-by-the-power", "t is multiplied by the power of 10000, not divided by it.",
            "Print your angles for t = 1: they should become smaller from pair to pair.",
            angles=lambda t, pair, d: t * 10000 ** (2 * pair / d)),
    mistake("base-1000", "The base is 1000, with a zero missing.", "Count the zeros of 10000 in your code.",
            angles=lambda t, pair, d: t / 1000 ** (2 * pair / d)),
    mistake("base-100000", "The base is 100000, with a zero too many.", "Count the zeros of 10000 in your code.",
            angles=lambda t, pair, d: t / 100000 ** (2 * pair / d)),
    mistake("divided-before-the-power", "The base is divided before the power is taken: (t / 10000) ** exponent.",
            "Compute the angle for t = 0 and i = 0 by hand.", angles=lambda t, pair, d: (t / 10000) ** (2 * pair / d)),
)

BATTERY = Battery(
    sizes=lambda s: draw((*s.lead, s.T, 2 * s.d_k), seed=s.seed, dtype=s.dtype),
    own=lambda: [("all sizes equal", Case(draw((4, 4, 4), seed=73), note="all sizes 4")),
                 ("many places", Case(draw((1, 300, 2), seed=75), note="300 tokens"))],
    arguments=("x",),
    reference=add_positions,
    without={**reasons.OWN_TOKENS, "scores": "no scores are made", "masks": reasons.NO_MASK,
             "names": reasons.PLAIN["names"]},
)

ADD_POSITIONS = Exercise(
    name="add_positions",
    title="Tell every token its position",
    notebook="06_self_and_cross_attention",
    signature="add_positions(x)",
    reference=add_positions,
    arrays="torch",
    returns=(Returns("with_positions", "(..., T, d_model)"),),
    cases=_cases,
    probes=(
        Probe("every item of a batch gets the same positions", _all_items_alike),
        Probe("different tokens get different positions", _tokens_differ),
        Probe("what is added does not depend on the tokens", _the_same_is_added_to_all),
        Probe("position 0 is 0, 1, 0, 1, ...", _first_position),
        Probe("the first pair of columns turns fast and the last slowly", _fast_and_slow),
        Probe("the dot product of two positions depends on their distance alone", _distance_decides),
    ),
    battery=BATTERY,
    stages=add_positions_by_stages,
    mistakes=_MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loops),
        Equivalent("slices-and-logarithm", _by_slices),
        Equivalent("shifted-sines", _by_shifted_sines),
        Equivalent("complex-numbers", _by_complex_numbers),
        Equivalent("comprehension", _by_comprehension),
    ),
    hints=(
        "Make the table P of shape (T, d_model) first, from T = x.shape[-2] and d_model = x.shape[-1]. "
        "What does `x + P` do with the axes in front?",
        "`t = torch.arange(T)[:, None]` and `i = torch.arange(d_model // 2)` give the angles as a table "
        "(T, d_model / 2). `P[:, 0::2]` are the even columns, `P[:, 1::2]` the odd ones.",
        "`angles = t / 10000 ** (2 * i / d_model)`, `P = torch.zeros(T, d_model, dtype=x.dtype)`, "
        "`P[:, 0::2] = angles.sin()`, `P[:, 1::2] = angles.cos()`, `return x + P`.",
    ),
    minutes=14,
    points=2,
)

EXERCISES = (ADD_POSITIONS,)
