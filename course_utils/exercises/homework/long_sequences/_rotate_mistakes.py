"""Rotary positions in stages, and the wrong answers made of them."""

import numpy as np

from course_utils.exercises.families.projected import mistake as _wrong

__all__ = ["MISTAKES", "rotate_by_stages"]


def _neighbours(x):
    return x[..., 0::2], x[..., 1::2]


def _in_turn(a, b):
    return np.stack([a, b], axis=-1).reshape(*a.shape[:-1], 2 * a.shape[-1])


def rotate_by_stages(x, positions, *, place=lambda positions: positions, exponent=lambda i, D: 2 * i / D,
                     angle=lambda p, power: p / power, base=10000.0, split=_neighbours, join=_in_turn,
                     circle=lambda angle: (np.cos(angle), np.sin(angle)),
                     turn=lambda a, b, cos, sin: (a * cos - b * sin, a * sin + b * cos), give=lambda out, x: out):
    """Turning in stages that can be replaced one by one."""
    D = x.shape[-1]
    power = base ** exponent(np.arange(D // 2), D)  # (D / 2,)
    angles = angle(place(positions)[:, None], power)  # (T, D / 2)
    return give(join(*turn(*split(x), *circle(angles))), x)


# --- wrong answers ---


def _halves(x):
    return x[..., :x.shape[-1] // 2], x[..., x.shape[-1] // 2:]


def _one_after_the_other(a, b):
    return np.concatenate([a, b], axis=-1)


def _second_from_new_first(a, b, cos, sin):
    a = a * cos - b * sin
    return a, a * sin + b * cos


def _first_from_new_second(a, b, cos, sin):
    b = a * sin + b * cos
    return a * cos - b * sin, b


def _one_angle_a_column(exponent):
    """Each column has an angle of its own, so that pairs are torn apart."""
    def answer(x, positions):
        D = x.shape[-1]
        angle = positions[:, None] / 10000.0 ** exponent(np.arange(D), D)
        out = np.empty(x.shape)
        out[..., 0::2] = x[..., 0::2] * np.cos(angle[:, 0::2]) - x[..., 1::2] * np.sin(angle[:, 0::2])
        out[..., 1::2] = x[..., 0::2] * np.sin(angle[:, 1::2]) + x[..., 1::2] * np.cos(angle[:, 1::2])
        return out

    return answer


def _waves(x, positions):
    angle = positions[:, None] / 10000.0 ** (2 * np.arange(x.shape[-1] // 2) / x.shape[-1])
    return _in_turn(np.sin(angle), np.cos(angle))


def _written_into_x(x, positions):
    out = x
    a, b = x[..., 0::2].copy(), x[..., 1::2].copy()
    turned = rotate_by_stages(_in_turn(a, b), positions)
    out[...] = turned
    return out


def _two_axes(x, positions):
    _T, _D = x.shape
    return rotate_by_stages(x, positions)


def _three_axes(x, positions):
    _B, _T, _D = x.shape
    return rotate_by_stages(x, positions)


def _two_axes_by_slices(x, positions):
    angle = positions[:, None] / 10000.0 ** (2 * np.arange(x.shape[-1] // 2) / x.shape[-1])
    a, b = x[:, 0::2], x[:, 1::2]
    out = np.empty(x.shape)
    out[:, 0::2], out[:, 1::2] = a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)
    return out


def _along_the_first_axis(x, positions):
    if x.ndim == 2:
        return rotate_by_stages(x, positions)
    angle = positions.reshape(-1, *[1] * (x.ndim - 1)) / 10000.0 ** (2 * np.arange(x.shape[-1] // 2) / x.shape[-1])
    a, b = _neighbours(x)
    return _in_turn(a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle))


def _angles_as_coarse_as_x(x, positions):
    D = x.shape[-1]
    power = (10000.0 ** (2 * np.arange(D // 2) / D)).astype(x.dtype)
    angle = positions.astype(x.dtype)[:, None] / power
    cos, sin, (a, b) = np.cos(angle), np.sin(angle), _neighbours(x)
    return _in_turn(a * cos - b * sin, a * sin + b * cos)


def _angles_rounded(x, positions):
    D = x.shape[-1]
    angle = (positions[:, None] / 10000.0 ** (2 * np.arange(D // 2) / D)).astype(x.dtype)
    cos, sin, (a, b) = np.cos(angle), np.sin(angle), _neighbours(x)
    return _in_turn(a * cos - b * sin, a * sin + b * cos)


def _angles_in_halves(x, positions):
    """Partners are neighbours, and the angles are laid out for halves."""
    angle = positions[:, None] / 10000.0 ** (2 * np.arange(x.shape[-1] // 2) / x.shape[-1])
    angle = np.concatenate([angle, angle], axis=-1)
    return x * np.cos(angle) + _in_turn(-x[..., 1::2], x[..., 0::2]) * np.sin(angle)


def _partners_in_halves(x, positions):
    """Angles are laid out for neighbours, and partners come from the other half."""
    angle = positions[:, None] / 10000.0 ** (2 * np.arange(x.shape[-1] // 2) / x.shape[-1])
    first, second = _halves(x)
    angle = _in_turn(angle, angle)
    return x * np.cos(angle) + np.concatenate([-second, first], axis=-1) * np.sin(angle)


def _table_of_4096(x, positions):
    """A table of angles made beforehand, and not long enough."""
    return rotate_by_stages(x, np.arange(4096)[positions])


MISTAKES = (
    _wrong("halves-as-pairs", "The first half of the columns is paired with the second; here neighbours are pairs.",
           "Turn [0, 0, 1, 0] at position 100: which columns should change?", lambda x, positions: rotate_by_stages(
               x, positions, split=_halves, join=_one_after_the_other)),
    _wrong("halves-taken-apart", "The pairs are taken from the two halves of the columns and put back as neighbours.",
           "Turn [1, 2, 3, 4] at position 0: nothing should change.", split=_halves),
    _wrong("halves-put-together", "All first numbers of pairs come before all second ones; they should take turns.",
           "Turn [1, 2, 3, 4] at position 0: nothing should change.", join=_one_after_the_other),
    _wrong("pairs-left-apart", "The pairs come back in an axis of their own; the result should have the shape of x.",
           "Print the shapes of x and of your result.", join=lambda a, b: np.stack([a, b], axis=-1)),
    _wrong("angles-in-halves", "The angles are repeated half after half; the two numbers of a pair are neighbours and "
           "need the same angle.", "Print the angles that four columns of x get at position 100.", _angles_in_halves),
    _wrong("partners-in-halves", "The angles are those of neighbours, but a number is combined with one half a vector "
           "away.", "Turn [1, 0, 0, 0] at position 1: which columns should change?", _partners_in_halves),
    _wrong("other-way-round", "It turns the other way round: the signs of the two sines are exchanged.",
           "Turn the pair (1, 0) at position 1: should its second number be above or below 0?",
           turn=lambda a, b, cos, sin: (a * cos + b * sin, -a * sin + b * cos)),
    _wrong("no-minus", "Both formulas have a plus: that is no rotation.",
           "Turn the pair (1, 1) and compare its length before and after.",
           turn=lambda a, b, cos, sin: (a * cos + b * sin, a * sin + b * cos)),
    _wrong("two-minuses", "Both formulas have a minus: that is no rotation.",
           "Turn the pair (1, 1) and compare its length before and after.",
           turn=lambda a, b, cos, sin: (a * cos - b * sin, a * sin - b * cos)),
    _wrong("mirrored", "The minus stands in the second formula, before the cosine: that is a mirror.",
           "Turn the pair (0, 1) at position 0: nothing should change.",
           turn=lambda a, b, cos, sin: (a * cos + b * sin, a * sin - b * cos)),
    _wrong("second-from-the-new-first", "The second number is computed from the new first one, not from the old one.",
           "Turn the pair (1, 0) by hand: what is a when you compute the second formula?", turn=_second_from_new_first),
    _wrong("first-from-the-new-second", "The first number is computed from the new second one, not from the old one.",
           "Turn the pair (1, 0) by hand: what is b when you compute the first formula?", turn=_first_from_new_second),
    _wrong("cosine-only", "Each number is multiplied by the cosine; the other number of its pair does not come in.",
           "Turn the pair (1, 0): where should its second number come from?",
           turn=lambda a, b, cos, sin: (a * cos, b * cos)),
    _wrong("cosine-and-sine-separately", "The first number is multiplied by the cosine and the second by the sine.",
           "Turn the pair (0, 1) at position 0: nothing should change.",
           turn=lambda a, b, cos, sin: (a * cos, b * sin)),
    _wrong("pairs-exchanged", "The two numbers of each pair come back in the other order.",
           "Turn [1, 2] at position 0: nothing should change.",
           turn=lambda a, b, cos, sin: (a * sin + b * cos, a * cos - b * sin)),
    _wrong("cosine-and-sine-exchanged", "Sine and cosine are exchanged.",
           "What are the cosine and the sine of 0, and what does your function do at position 0?",
           circle=lambda angle: (np.sin(angle), np.cos(angle))),
    _wrong("degrees", "The angles are taken for degrees; `np.cos` wants radians, the angle as it is.",
           "Compare np.cos(1) with the first number of (1, 0) at position 1.",
           circle=lambda angle: (np.cos(np.radians(angle)), np.sin(np.radians(angle)))),
    _wrong("full-turns", "The angles are multiplied by 2 pi; they are in radians as they are.",
           "Compare np.cos(1) with the first number of (1, 0) at position 1.",
           circle=lambda angle: (np.cos(2 * np.pi * angle), np.sin(2 * np.pi * angle))),
    _wrong("counted-from-1", "The positions are counted from 1: a 1 is added to those that come in.",
           "Turn a row at position 0: nothing should change.", place=lambda p: p + 1),
    _wrong("positions-not-used", "The rows are counted 0, 1, 2, ...; the positions that come in are not used.",
           "Turn a single row at position 20: does it stay as it is?", place=lambda p: np.arange(len(p))),
    _wrong("rows-counted-from-1", "The rows are counted 1, 2, 3, ...; the positions that come in are not used.",
           "Turn a single row at position 20, and the same at position 5.", place=lambda p: np.arange(1, len(p) + 1)),
    _wrong("from-the-first-position", "The positions are taken relative to the first one.",
           "Turn a single row at position 20: does it stay as it is?", place=lambda p: p - p[0]),
    _wrong("one-angle-for-all", "All rows are turned by the angles of the first one.",
           "Turn two equal rows at the positions 0 and 9: should they stay equal?", place=lambda p: p[:1]),
    _wrong("in-order-of-rows", "The positions are sorted, so rows get those of others.",
           "Turn two rows at the positions 9 and 0: which one should stay as it is?", place=lambda p: np.sort(p)),
    _wrong("divided-by-the-length", "The positions are divided by the number of rows.",
           "Turn a row at position 3 alone and together with others.", place=lambda p: p / len(p)),
    _wrong("exponent-without-2", "The exponent is i / D; it should be 2 i / D.",
           "Compute the angle of the pair i = 1 at position 100 for D = 4 by hand.", exponent=lambda i, D: i / D),
    _wrong("exponent-with-4", "The exponent is 4 i / D: a counter that goes 0, 2, 4 is doubled once more, or D halved.",
           "Print your exponents for D = 4: 0 and 0.5 are wanted.", exponent=lambda i, D: 4 * i / D),
    _wrong("exponent-over-d-minus-1", "The exponent is 2 i / (D - 1); it should be 2 i / D.",
           "Print your exponents for D = 4: 0 and 0.5 are wanted.", exponent=lambda i, D: 2 * i / (D - 1)),
    _wrong("exponent-to-1", "The exponents run evenly from 0 to 1; the last one should stay below 1.",
           "Print your exponents for D = 4: 0 and 0.5 are wanted.", exponent=lambda i, D: np.linspace(0, 1, len(i))),
    _wrong("exponents-from-the-first-pair-on", "The exponent is 2 (i + 1) / D: pairs are counted from 0.",
           "Print the angle of the first pair at position 1: it should be 1.", exponent=lambda i, D: 2 * (i + 1) / D),
    _wrong("whole-number-exponent", "The exponent is divided with //, which throws away what stands after the point.",
           "Print your exponents for D = 4: 0 and 0.5 are wanted.", exponent=lambda i, D: 2 * i // D + 0.0),
    _wrong("fast-pairs-last", "The slow pairs come first: the exponents run the other way.",
           "Print your angles for position 1: the first pair should turn by 1.",
           exponent=lambda i, D: 2 * i[::-1] / D),
    _wrong("angle-multiplied", "The position is multiplied by the power of 10000, not divided by it.",
           "Print your angles for position 1: they should become smaller from pair to pair.",
           angle=lambda p, power: p * power),
    _wrong("whole-number-angles", "The angle is divided with //, which throws away what stands after the point.",
           "Print the angle of the pair i = 1 at position 150 for D = 4.", angle=lambda p, power: p // power),
    _wrong("base-1000", "The base is 1000, with a zero missing.", "Count the zeros of 10000 in your code.",
           base=1000.0),
    _wrong("base-100000", "The base is 100000, with a zero too many.", "Count the zeros of 10000 in your code.",
           base=100000.0),
    _wrong("power-of-the-quotient", "The position is divided by 10000 before the power is taken.",
           "Compute the angle of the pair i = 0 at position 5 by hand.",
           lambda x, positions: rotate_by_stages(x, positions, base=1.0, angle=lambda p, power: (
               p / 10000) ** (2 * np.arange(x.shape[-1] // 2) / x.shape[-1]))),
    _wrong("an-angle-for-each-column", "Every column has an exponent of its own; a pair needs a single angle.",
           "Turn the pair (1, 1) and compare its length before and after.",
           _one_angle_a_column(lambda j, D: j / D)),
    _wrong("an-angle-for-each-column-doubled", "The exponent is 2 j / D for column j; the two columns of a pair need "
           "the same angle.", "Turn the pair (1, 1) and compare its length before and after.",
           _one_angle_a_column(lambda j, D: 2 * j / D)),
    _wrong("added", "The sines and cosines of the angles are added to x; here x is turned by the angles.",
           "Turn a row of zeros: what should come out?", lambda x, positions: x + _waves(x, positions)),
    _wrong("multiplied", "x is multiplied by the sines and cosines number by number.",
           "Turn the pair (1, 0) at position 0: nothing should change.",
           lambda x, positions: x * _waves(x, positions)),
    _wrong("turned-part-added", "The turned x is added to x.",
           "Compare the lengths of x and of your result at position 0.", give=lambda out, x: x + out),
    _wrong("returned-unchanged", "x comes back as it was.", "Print your result for the pair (1, 0) at position 1.",
           give=lambda out, x: x),
    _wrong("written-into-x", "The result is written into x, which the caller still needs.",
           "Print x before and after the call.", _written_into_x),
    _wrong("two-axes-only", "It wants exactly two axes, and `...` stands for any number in front.",
           "Call it on x of shape (2, 3, 4) with three positions.", _two_axes),
    _wrong("two-axes-by-slices", "Its slices name two axes, and `...` stands for any number in front.",
           "Call it on x of shape (2, 3, 4) with three positions.", _two_axes_by_slices),
    _wrong("three-axes-only", "It wants exactly three axes, and `...` stands for any number in front.",
           "Call it on x of shape (3, 2).", _three_axes),
    _wrong("positions-along-the-first-axis", "The positions go along the first axis of x; with a batch, that axis does "
           "not hold the tokens.", "Call it on x of shape (3, 3, 4) with equal items: are the results equal?",
           _along_the_first_axis),
    _wrong("angles-in-the-type-of-x", "The angles are computed in the type of x: far out in a text, float32 cannot "
           "tell neighbouring positions apart.", "Print np.float32(30000007) and np.float32(30000008).",
           _angles_as_coarse_as_x),
    _wrong("angles-rounded", "The angles are rounded to the type of x: far out in a text, float32 keeps no digits "
           "after the point.", "Print np.float32(30000007.5).", _angles_rounded),
    _wrong("positions-in-16-bits", "The positions are turned into whole numbers of 16 bits, which begin anew after "
           "65,536.", "Print np.array([65541]).astype(np.int16).", place=lambda p: p.astype(np.int16)),
    _wrong("table-too-short", "The angles come from a table of fixed length, and a text may be longer.",
           "Call it with the position 1000000.", _table_of_4096),
)
