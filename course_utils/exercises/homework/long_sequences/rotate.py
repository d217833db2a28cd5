"""Homework on long sequences: positions as rotations, of which a score sees only the difference."""

import math
from functools import partial

import numpy as np

from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.homework.long_sequences._rotate_mistakes import MISTAKES, rotate_by_stages

TURN, LENGTHS, DISTANCES, FAR = "pairs and angles", "lengths", "distances", "axes in front and far positions"


def rotate(x, positions):
    """Turn the pairs of numbers of each token by angles that grow with its position.

    The numbers 2i and 2i + 1 are a pair (a, b). At position p it becomes (a cos - b sin, a sin + b cos) of the angle
    p / 10000^(2i / D) in radians.

    Parameters
    ----------
    x : ndarray, shape (..., T, D)
        Queries or keys (no unit), D even.
    positions : ndarray of int, shape (T,)
        Position of each row (tokens).

    Returns
    -------
    ndarray, shape (..., T, D)

    References
    ----------
    Su et al. (2021), "RoFormer: Enhanced Transformer with Rotary Position Embedding", section 3.2.

    Examples
    --------
    >>> rotate(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1])).round(3)
    array([[1.   , 0.   ],
           [0.54 , 0.841]])
    """
    return rotate_by_stages(x, positions)


def _cases():
    rng = np.random.default_rng(61)
    return (
        Case((np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 1])), note="three tokens, D = 2"),
        Case((np.array([[1.0, 0.0, 1.0, 0.0]]), np.array([100])), note="one token at position 100, D = 4"),
        Case((rng.normal(size=(5, 6)), np.arange(5)), note="5 tokens, D = 6"),
        Case((rng.normal(size=(3, 8)), np.array([20, 21, 22])), note="positions from 20 on"),
        Case((rng.normal(size=(4, 4)), np.array([7, 3, 3, 50])), note="positions in any order"),
        Case((rng.normal(size=(6, 2)), np.arange(6) * 3), note="every third position, D = 2"),
        Case((rng.normal(size=(1, 10)), np.array([2])), note="one token at position 2, D = 10"),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    x, positions = rng.normal(size=(4, 6)), np.array([0, *rng.permutation(np.arange(1, 40))[:3]])
    # A query, and a key that is the query turned by about a quarter: a score that changes with every distance below.
    pairs = rng.uniform(0.9, 1.1, size=(2, 4))
    q, k = pairs.T.reshape(1, 8), np.stack([-pairs[1], pairs[0]], axis=-1).reshape(1, 8)
    return (Case((rng.normal(size=(3, 6)), rng.integers(1, 90, size=3)), note="3 tokens drawn for you"),
            Case((rng.normal(size=(5, 4)), np.sort(rng.integers(1, 300, size=5))), note="5 tokens drawn for you"),
            Probe("lengths of drawn rows stay", partial(_lengths_stay, x=x, positions=positions), LENGTHS),
            Probe("a score of drawn arrows depends on the distance alone", partial(_distance_decides, qk=(q, k)),
                  DISTANCES),
            Probe("any axes may stand in front of drawn rows", partial(_axes_in_front, x=rng.normal(size=(2, 3, 5, 4)),
                                                                       positions=1 + rng.permutation(50)[:5]), FAR),
            Probe("distance decides far away too, for drawn arrows",
                  partial(_far_away, qk=(q.astype(np.float32), k.astype(np.float32))), FAR))


# --- properties ---


def _first_pair(call):
    got = call(np.array([[1.0, 0.0]]), np.array([1]))[0]
    if not np.allclose(got, [math.cos(1), math.sin(1)], atol=1e-6):
        return Broken("for D = 2, the pair (1, 0) at position 1 should become (cos 1, sin 1)",
                      f"wanted {rounded([math.cos(1), math.sin(1)])}, got {rounded(got)}",
                      "work the two formulas out by hand for a = 1, b = 0")


def _second_pair(call):
    got = call(np.array([[0.0, 0.0, 1.0, 0.0]]), np.array([100]))[0]
    if not np.allclose(got, [0, 0, math.cos(1), math.sin(1)], atol=1e-6):
        return Broken("for D = 4, the second pair of [0, 0, 1, 0] at position 100 should turn by 100 / 100 = 1",
                      f"wanted {rounded([0, 0, math.cos(1), math.sin(1)])}, got {rounded(got)}",
                      "write down the two columns of the second pair, and its angle at position 100")


def _each_row_alone(call):
    x, positions = np.random.default_rng(71).normal(size=(3, 4)), np.array([9, 0, 4])
    whole = call(x, positions)
    for t in range(3):
        alone = call(x[t:t + 1], positions[t:t + 1])[0]
        if not np.allclose(whole[t], alone, atol=1e-6):
            return Broken("a row should be turned by its own position, whatever the other rows are",
                          f"row {t} at position {positions[t]}: {rounded(whole[t])} among others, "
                          f"{rounded(alone)} alone", "print the angles row by row, and the position they come from")


def _lengths_stay(call, x=None, positions=(0, 1, 5, 30)):
    x, positions = np.random.default_rng(72).normal(size=(4, 6)) if x is None else x, np.array(positions)
    turned = call(x, positions)
    if not np.allclose(turned[0], x[0], atol=1e-6):
        return Broken("at position 0 nothing should turn", f"{rounded(x[0])} becomes {rounded(turned[0])}",
                      "what are the cosine and the sine of the angle 0?")
    for t in range(1, 4):
        before, after = np.linalg.norm(x[t]), np.linalg.norm(turned[t])
        if not abs(before - after) < 1e-6:
            return Broken("turning should leave the length of a row as it is",
                          f"position {positions[t]}: the length {before:.3f} becomes {after:.3f}",
                          "turn the single pair (1, 1) and compute its length by hand")
        if np.allclose(turned[t], x[t], atol=1e-3):
            return Broken("a row at another position than 0 should turn", f"row {t} at position {positions[t]} stays",
                          "print the angles")


def _linear(call):
    rng = np.random.default_rng(73)
    x, y, positions = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), np.array([2, 3, 8])
    together, apart = call(2 * x + y, positions), 2 * call(x, positions) + call(y, positions)
    if not np.allclose(together, apart, atol=1e-6):
        return Broken("rotate(2 x + y) should be 2 rotate(x) + rotate(y)",
                      f"row 0: {rounded(together[0])} and {rounded(apart[0])}",
                      "turn a row of zeros: what should come out?")


def _scores(call, q, k, at_q, at_k):
    """The score of one query and one key at two positions."""
    return float(call(q, np.array([at_q]))[0] @ call(k, np.array([at_k]))[0])


def _distance_decides(call, qk=None):
    q, k = np.random.default_rng(74).normal(size=(2, 1, 6)) if qk is None else qk
    near = _scores(call, q, k, 3, 1)
    for shift in (1, 10, 45):
        moved = _scores(call, q, k, 3 + shift, 1 + shift)
        if not abs(near - moved) < 1e-6:
            return Broken("a score should depend on the distance of the two positions alone",
                          f"positions 3 and 1: {near:.3f}; {3 + shift} and {1 + shift}: {moved:.3f}",
                          "take D = 2 and turn two arrows by 3 and by 1, then by 13 and by 11: what stays?")
    for at_q, at_k in ((4, 1), (1, 3)):
        if abs(near - _scores(call, q, k, at_q, at_k)) < 1e-3:
            return Broken("a score should change with the distance of the two positions",
                          f"positions 3 and 1, and {at_q} and {at_k}, both give {near:.3f}", "print the angles")


def _axes_in_front(call, x=None, positions=(2, 3, 4, 5, 6)):
    x, positions = np.random.default_rng(75).normal(size=(2, 3, 5, 4)) if x is None else x, np.array(positions)
    whole = call(x, positions)
    if whole.shape != x.shape:
        return Broken("x may have any axes in front", f"x of shape (2, 3, 5, 4) gives the shape {whole.shape}",
                      "count axes from the back: -2 holds the tokens, -1 the numbers")
    if np.allclose(whole, x) or np.allclose(call(2 * x, positions), whole):
        return Broken("with axes in front, every row should be turned", "x of shape (2, 3, 5, 4): " + (
            "it comes back as it was" if np.allclose(whole, x) else "2 x gives the same result as x"),
            "print your result for two different x")
    for b, h in ((0, 0), (1, 2)):
        if not np.allclose(whole[b, h], call(x[b, h], positions), atol=1e-6):
            return Broken("each head of each item should be turned as if it were alone",
                          f"x of shape (2, 3, 5, 4): item {b}, head {h} differs",
                          "count axes from the back: -2 holds the tokens, -1 the numbers")


def _one_axis_in_front(call):
    x, positions = np.random.default_rng(76).normal(size=(3, 3, 6)), np.array([4, 0, 9])
    whole = call(x, positions)
    if whole.shape == x.shape and np.allclose(whole, x):
        return Broken("the items of a batch should be turned", "x of shape (3, 3, 6) comes back as it was")
    for b in range(3):
        if not np.allclose(whole[b], call(x[b], positions), atol=1e-6):
            return Broken("every item of a batch should be turned by the same positions",
                          f"x of shape (3, 3, 6), positions {positions.tolist()}: item {b} differs from x[{b}] alone",
                          "which axis of x do the positions belong to?")


def _far_away(call, qk=None):
    q, k = np.random.default_rng(77).normal(size=(2, 1, 8)).astype(np.float32) if qk is None else qk
    near = _scores(call, q, k, 7, 2)
    for shift in (1_000_000, 30_000_000):
        far = _scores(call, q, k, shift + 7, shift + 2)
        if not abs(near - far) < 1e-3:
            return Broken("also far out in a text, a score should depend on the distance alone",
                          f"x in float32, positions 7 and 2: {near:.3f}; {shift:,} further on: {far:.3f}",
                          "print the angle of position 30000007 in float32 and in float64")
    if np.allclose(call(q, np.array([5])), call(q, np.array([5 + 2**16])), atol=1e-4):
        return Broken("positions that are far apart should be told apart",
                      f"the same row at the positions 5 and {5 + 2**16:,} comes out the same",
                      "print your positions after every line that changes their type")


# --- right answers in other words ---


def _by_slices(x, positions):
    D = x.shape[-1]
    angle = np.outer(positions, 10000.0 ** (-np.arange(0, D, 2) / D))
    out = np.zeros(x.shape)
    out[..., 0::2] = x[..., 0::2] * np.cos(angle) - x[..., 1::2] * np.sin(angle)
    out[..., 1::2] = x[..., 0::2] * np.sin(angle) + x[..., 1::2] * np.cos(angle)
    return out


def _by_complex_numbers(x, positions):
    D = x.shape[-1]
    z = x[..., 0::2] + 1j * x[..., 1::2]
    z = z * np.exp(1j * positions[:, None] / 10000 ** (np.arange(0, D, 2) / D))
    return np.stack((z.real, z.imag), axis=-1).reshape(x.shape)


def _by_loops(x, positions):
    D = x.shape[-1]
    out = np.empty_like(x)
    for t, p in enumerate(positions):
        for i in range(D // 2):
            angle = p / 10000 ** (2 * i / D)
            cos, sin = math.cos(angle), math.sin(angle)
            out[..., t, 2 * i] = x[..., t, 2 * i] * cos - x[..., t, 2 * i + 1] * sin
            out[..., t, 2 * i + 1] = x[..., t, 2 * i] * sin + x[..., t, 2 * i + 1] * cos
    return out


def _by_repeated_angles(x, positions):
    D = x.shape[-1]
    speed = np.exp(-np.arange(0, D, 2) / D * math.log(10000))
    angle = np.repeat(positions[:, np.newaxis] * speed, 2, axis=-1)
    partner = np.stack([-x[..., 1::2], x[..., 0::2]], axis=-1).reshape(x.shape)
    return x * np.cos(angle) + partner * np.sin(angle)


def _by_matrices(x, positions):
    D = x.shape[-1]
    rows = []
    for t, p in enumerate(positions):
        R = np.zeros((D, D))
        for i in range(0, D, 2):
            angle = p * 10000.0 ** (-i / D)
            R[i:i + 2, i:i + 2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        rows.append(x[..., t, :] @ R.T)
    return np.stack(rows, axis=-2)


def _by_einsum(x, positions):
    D = x.shape[-1]
    angle = positions[:, None] * 10000.0 ** (-2 * np.arange(D // 2) / D)
    cos, sin = np.cos(angle), np.sin(angle)
    R = np.array([[cos, -sin], [sin, cos]])  # (2, 2, T, D / 2)
    pairs = x.reshape(*x.shape[:-1], D // 2, 2)
    return np.einsum("rcti,...tic->...tir", R, pairs).reshape(x.shape)


def _in_the_type_of_x(x, positions):
    D = x.shape[-1]
    angle = positions.reshape(-1, 1).astype(np.float64) / np.power(10000.0, np.arange(0, D, 2) / D)
    cos, sin = np.cos(angle).astype(x.dtype), np.sin(angle).astype(x.dtype)
    a, b = x[..., ::2].copy(), x[..., 1::2].copy()
    out = x.copy()
    out[..., ::2] = cos * a - sin * b
    out[..., 1::2] = sin * a + cos * b
    return out


def _rounded_speeds(x, positions):
    # Coarse speeds are still the same for all positions, so a score goes on seeing the distance alone.
    D = x.shape[-1]
    speed = (10000.0 ** (-np.arange(0, D, 2) / D)).astype(x.dtype)
    angle = positions[:, None] * speed
    a, b, cos, sin = x[..., 0::2], x[..., 1::2], np.cos(angle), np.sin(angle)
    return np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)


BATTERY = Battery(
    sizes=lambda s: Case((*normal(s.seed, (*s.lead, s.T, 2 * s.d_k)), 3 * np.arange(s.T)[::-1] + 1),
                         part=FAR if s.lead else TURN),
    own=lambda: [("all sizes equal", Case((*normal(441, (4, 4, 4)), np.arange(4)), note="all sizes 4")),
                 ("many places", Case((*normal(442, (300, 2)), np.arange(300)), note="300 tokens")),
                 ("many places", Case((*normal(443, (2, 4)), np.array([40_000, 70_000])), note="far positions"))],
    without={**reasons.OWN_TOKENS, "scores": "no scores are made", "masks": reasons.NO_MASK,
             "names": reasons.PLAIN["names"], **reasons.NUMPY},
    part=FAR,
)

ROTATE = Exercise(
    name="rotate",
    title="Turn queries and keys by their positions",
    notebook="hw4_long_sequences",
    signature="rotate(x, positions)",
    reference=rotate,
    arrays="numpy",
    returns=(Returns("turned", "(..., T, D)"),),
    cases=_cases,
    drawn=_drawn,
    battery=BATTERY,
    probes=(
        Probe("the pair (1, 0) at position 1 becomes (cos 1, sin 1)", _first_pair, TURN),
        Probe("the second pair turns more slowly", _second_pair, TURN),
        Probe("a row turns by its own position", _each_row_alone, TURN),
        Probe("lengths stay, and position 0 changes nothing", _lengths_stay, LENGTHS),
        Probe("turning is linear", _linear, LENGTHS),
        Probe("a score depends on the distance alone", _distance_decides, DISTANCES),
        Probe("items of a batch are turned alike", _one_axis_in_front, FAR),
        Probe("any axes may stand in front", _axes_in_front, FAR),
        Probe("distance decides far away too", _far_away, FAR),
    ),
    stages=rotate_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("slices", _by_slices),
        Equivalent("complex-numbers", _by_complex_numbers),
        Equivalent("loops", _by_loops),
        Equivalent("repeated-angles", _by_repeated_angles),
        Equivalent("matrices", _by_matrices),
        Equivalent("einsum", _by_einsum),
        Equivalent("in-the-type-of-x", _in_the_type_of_x),
        Equivalent("rounded-speeds", _rounded_speeds),
    ),
    hints=(
        "Three small things: the angles, a table of shape (T, D / 2); the two numbers of each pair, which stand in "
        "the columns 0, 2, 4, ... and 1, 3, 5, ...; and the two formulas.",
        "`x[..., 0::2]` and `x[..., 1::2]` take the pairs apart, and writing into the same places of a new array puts "
        "them together again. Compute both new numbers from the old ones before you write either.",
        "`angle = positions[:, None] / 10000 ** (np.arange(0, D, 2) / D)`, `a, b = x[..., 0::2], x[..., 1::2]`, "
        "`out = np.empty(x.shape)`, `out[..., 0::2] = a * np.cos(angle) - b * np.sin(angle)`, "
        "`out[..., 1::2] = a * np.sin(angle) + b * np.cos(angle)`",
    ),
    minutes=20,
    points=8,
    credit=(Part(TURN, 3), Part(LENGTHS, 1), Part(DISTANCES, 2), Part(FAR, 2, visible=False)),
)
