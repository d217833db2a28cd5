"""Exercise of assignment 1: only the largest scores share out the weight."""

import math
from functools import partial

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.homework.weights._top_k_mistakes import MISTAKES, kth_largest, top_k_by_stages

_STAY, _WARM, _EQUAL, _LARGE = "who keeps weight", "temperature", "equal scores", "large k, large scores"


def top_k_softmax(x, k, temperature=1.0):
    """Weights (..., S) of scores x (..., S), where a row keeps its k largest scores and those equal to the last."""
    return softmax(np.where(x >= kth_largest(x, k), x, -math.inf) / temperature)


def _cases():
    rng = np.random.default_rng(101)
    return (
        Case((np.array([[3.0, 1.0, 2.0]]), 2), note="one row, two of three stay"),
        Case((np.array([0.5, -2.0, 1.0, 0.0]), 3), note="a single row without an axis before it"),
        Case((np.array([[0.0, 2.0, 1.0, -3.0], [1.5, -1.0, 0.5, 3.0]]), 1), note="k = 1"),
        Case((rng.normal(size=(2, 3, 5)), 2), note="three axes"),
        Case((rng.normal(size=(3, 7)), 4), note="4 of 7 stay"),
        Case((rng.normal(size=(4, 4)) - 3, 2), note="a square table of negative scores"),
        Case((rng.normal(size=(5, 3)), 3), note="k = S: all stay"),
        Case((np.array([[0.0, 1.0, 3.0]]), 2, 2.0), note="twice as hot", part=_WARM),
        Case((rng.normal(size=(2, 6)), 3, 0.5), {}, "half as hot", _WARM),
        Case((rng.normal(size=(2, 2, 4)), 3), {"temperature": 3.0}, "hot, three axes", _WARM),
        Case((np.array([[2.0, 1.0, 1.0, 0.0]]), 2), note="two scores share the second place", part=_EQUAL),
        Case((np.array([[5.0, 5.0, 3.0, 1.0], [1.0, 2.0, 2.0, 2.0]]), 2), note="the largest score comes twice",
             part=_EQUAL),
        Case((np.array([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.5], [3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]]), 4),
             note="three equal scores after 4 of 7", part=_EQUAL),
        Case((np.array([[1.0, 0.0, 2.0], [0.0, 0.5, -1.0]]), 5), note="k is larger than S", part=_LARGE),
        Case((np.array([[1000.0, 1001.0, 998.0, 1000.5]]), 2), note="scores near 1000", part=_LARGE),
        Case((np.array([[-30000.0, -30001.0, -30003.0, -30000.5]]), 2), note="scores near -30000", part=_LARGE),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    plain = rng.normal(size=(3, 6)) - np.array([[4], [0], [0]])  # among negative scores, the smallest is largest
    rows = rng.permuted(_steps(rng, 3, 5) + np.array([[-0.1], [1.5], [6.5]]), axis=-1)
    cool = float(rng.choice([rng.uniform(0.3, 0.7), rng.uniform(1.5, 3)]))
    far = rng.normal(size=(3, 5)) + np.array([[-30000], [900], [-1100]])
    return (Case((plain, int(rng.integers(2, 5))), note="drawn rows"),
            Probe("the k largest drawn scores stay, the others get 0", partial(_the_largest_stay, x=rows), _STAY),
            Case((rng.normal(size=(2, 5)), 3, cool), {}, "a drawn temperature", _WARM),
            Case((_with_equals(rng), 3), {}, "drawn rows with equal scores", _EQUAL),
            Case((rng.normal(size=(2, 4)), int(rng.integers(5, 9))), {}, "a drawn k above S", _LARGE),
            Case((far, 2), {}, "drawn scores far from 0", _LARGE))


def _steps(rng, rows, S):
    """Rows of scores from the largest down, 0 first in each, that differ by 0.4 to 1.2."""
    steps = rng.uniform(0.4, 1.2, size=(rows, S))
    steps[:, 0] = 0
    return -np.cumsum(steps, axis=-1)


def _with_equals(rng):
    """Rows of six with equal scores at the third place, before it, and from the second place on."""
    rows = _steps(rng, 3, 6) - 0.5
    rows[0, 3], rows[1, 1], rows[2, 2:5] = rows[0, 2], rows[1, 0], rows[2, 1]
    return rng.permuted(rows, axis=-1)


# --- properties ---


def _rows_sum_to_one(call):
    x = np.array([[0.0, 2.0, 1.0, -1.0], [1.0, -0.5, 3.0, 0.5]])
    for i, total in enumerate(call(x, 2).sum(axis=-1)):
        if not abs(total - 1) < 1e-6:
            return Broken("the weights of a row should sum to 1",
                          f"for k = 2, row {i} of {x.tolist()} gets weights that sum to {total:.3f}")


def _the_largest_stay(call, x=((0.0, 2.0, 1.0, -4.0), (-5.0, -6.0, -3.0, -2.0), (1.0, 0.5, 3.0, 2.0))):
    x = np.array(x)
    weights = call(x, 2)
    for row, scores in zip(weights, x):
        if not np.array_equal(row > 1e-9, scores >= np.sort(scores)[-2]):
            return Broken("the k largest scores of a row, and no others, should keep weight",
                          f"for k = 2, the scores {rounded(scores)} get {rounded(row)}")


def _the_kept_compete_as_before(call):
    a, b = call(np.array([[0.0, 4.0, 3.0, -1.0]]), 2)[0, 1:3]
    if not np.isclose(a / b, math.e, rtol=1e-4):
        return Broken("two scores that stay, one point apart, should have weights in the ratio 2.718",
                      f"for k = 2, the scores 4 and 3 get {a:.3f} and {b:.3f}: ratio {a / b:.3f}")


def _alone_it_takes_all(call):
    x = np.array([[0.5, 2.0, 1.0], [3.0, 1.0, -1.0]])
    weights = call(x, 1)
    if not np.allclose(weights, [[0, 1, 0], [1, 0, 0]], atol=1e-9):
        return Broken("for k = 1 all weight should go to the largest score of each row",
                      f"the scores {x.tolist()} get {rounded(weights)}")


def _rows_do_not_see_each_other(call):
    x = np.array([[0.0, 2.0, 1.0], [5.0, 4.0, 6.0]])
    together, alone = call(x, 2)[0], call(x[:1], 2)[0]
    if not np.allclose(together, alone, atol=1e-7):
        return Broken("a row should get the same weights whatever stands in the other rows",
                      f"the scores {x[0].tolist()} get {rounded(alone)} alone and {rounded(together)} above "
                      f"{x[1].tolist()}")


def _temperature_divides_differences(call):
    for t, wanted in ((0.5, math.exp(2)), (2.0, math.exp(0.5))):
        a, b, c = call(np.array([2.0, 1.0, -1.0]), 2, t)
        if not (np.isclose(a / b, wanted, rtol=1e-4) and abs(a + b - 1) < 1e-6 and abs(c) < 1e-9):
            return Broken(f"at temperature {t}, a score larger by 1 should get {wanted:.3f} times the weight",
                          f"for k = 2, the scores 2, 1 and -1 get {rounded([a, b, c])}: ratio {a / b:.3f}")


def _equals_of_the_last_stay(call):
    for x, k, wanted in (([1.0, 2.0, 0.0, 1.0], 2, 3), ([4.0, 4.0, 4.0], 1, 3), ([6.0, 6.0, 5.0, 4.0], 2, 2)):
        weights = call(np.array([x]), k)[0]
        if int((weights > 1e-9).sum()) != wanted:
            return Broken("scores equal to the k-th largest should all stay, and no smaller one",
                          f"for k = {k}, the scores {x} get {rounded(weights)}")
        first = weights[np.array(x) == sorted(x)[-k]]
        if not np.allclose(first, first[0], atol=1e-9):
            return Broken("equal scores should get equal weights",
                          f"for k = {k}, the scores {x} get {rounded(weights)}")


def _more_than_all_is_all(call):
    x = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, -1.0]])
    got, wanted = call(x, 8), softmax(x)
    if not np.allclose(got, wanted, atol=1e-6):
        return Broken("with k larger than the number of scores, all should stay, as in plain softmax",
                      f"for k = 8, the scores {x[0].tolist()} get {rounded(got[0])}, plain softmax gives "
                      f"{rounded(wanted[0])}")


def _only_differences_count(call):
    x = np.array([[1.0, 3.0, 2.0, 0.0]])
    near = call(x, 2)
    for shift in (1000.0, -40000.0):
        far = call(x + shift, 2)
        if not np.allclose(near, far, atol=1e-6):
            return Broken("the same number added to all scores should change no weight",
                          f"for k = 2, {x[0].tolist()} gets {rounded(near[0])}; "
                          f"with {shift:.0f} added, {rounded(far[0])}")


# --- right answers in other words ---


def _by_loop(x, k, temperature=1.0):
    weights = np.zeros_like(x)
    for place in np.ndindex(x.shape[:-1]):
        row = x[place].tolist()
        last = sorted(row, reverse=True)[:k][-1]
        terms = [math.exp((score - max(row)) / temperature) if score >= last else 0.0 for score in row]
        weights[place] = np.array(terms) / sum(terms)
    return weights


def _renormalised(x, k, temperature=1.0):
    weights = softmax(x / temperature)
    weights = weights * (x >= np.sort(x, axis=-1)[..., -k:][..., :1])
    return weights / weights.sum(axis=-1, keepdims=True)


def _cut_from_weights(x, k, temperature=1.0):
    p = softmax(x / temperature)
    p = np.where(p < kth_largest(p, k), 0.0, p)
    return p / p.sum(axis=-1, keepdims=True)


def _by_partition(x, k, temperature=1.0):
    S = x.shape[-1]
    last = np.partition(x, max(S - k, 0), axis=-1)[..., [max(S - k, 0)]]
    e = np.exp((x - x.max(axis=-1, keepdims=True)) / temperature) * (x >= last)
    return e / e.sum(axis=-1, keepdims=True)


def _by_counting(x, k, temperature=1.0):
    larger = (x[..., None, :] > x[..., :, None]).sum(axis=-1)
    return softmax(np.where(larger < k, x / temperature, -np.inf))


def _by_order(x, k, temperature=1.0):
    if k >= x.shape[-1]:
        return softmax(x / temperature)
    order = np.argsort(-x, axis=-1)[..., k - 1:k]
    last = np.take_along_axis(x, order, axis=-1)
    return softmax(np.where(x < last, -1e9, x / temperature)) * (x >= last)


def _removed_one_by_one(x, k, temperature=1.0):
    rest = x.astype(float)
    for _ in range(min(k, x.shape[-1]) - 1):
        best = rest.argmax(axis=-1)[..., None]
        np.put_along_axis(rest, best, -np.inf, axis=-1)
    cooled = x / temperature
    cooled[x < rest.max(axis=-1, keepdims=True)] = -np.inf
    return softmax(cooled)


BATTERY = Battery(
    sizes=lambda s: (*normal(s.seed, (*s.lead, s.T, s.S)), 2),
    scores=lambda table, values: (np.array(table), 2),
    own=lambda: [("arguments by name", Case((np.array([[3.0, 1.0, 2.0]]),), {"k": 2, "temperature": 2.0},
                                            "k and temperature by name", _WARM))],
    without={"masks": "what is hidden are the lowest scores of a row", "long": reasons.PLAIN["long"], **reasons.NUMPY},
    part=_LARGE,
)

TOP_K = Exercise(
    name="top_k_softmax",
    title="Let only the k largest scores share out the weight",
    notebook="hw1_weights",
    signature="top_k_softmax(x, k, temperature=1.0)",
    reference=top_k_softmax,
    arrays="numpy",
    returns=(Returns("weights", "(..., S)"),),
    cases=_cases,
    drawn=_drawn,
    battery=BATTERY,
    probes=(
        Probe("each row sums to 1", _rows_sum_to_one),
        Probe("the k largest scores stay, the others get 0", _the_largest_stay, _STAY),
        Probe("what stays competes as in softmax", _the_kept_compete_as_before),
        Probe("k = 1 gives all weight to the largest score", _alone_it_takes_all),
        Probe("rows do not see each other", _rows_do_not_see_each_other),
        Probe("two scores one point apart have weights in the ratio exp(1 / τ)",
              _temperature_divides_differences, _WARM),
        Probe("scores equal to the k-th largest all stay", _equals_of_the_last_stay, _EQUAL),
        Probe("k above S is plain softmax", _more_than_all_is_all, _LARGE),
        Probe("the same number added to all scores changes nothing", _only_differences_count, _LARGE),
    ),
    stages=top_k_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loop),
        Equivalent("after-softmax-renormalised", _renormalised),
        Equivalent("cut-from-weights", _cut_from_weights),
        Equivalent("partition", _by_partition),
        Equivalent("counting-larger-scores", _by_counting),
        Equivalent("argsort-finds-the-border", _by_order),
        Equivalent("largest-removed-one-by-one", _removed_one_by_one),
    ),
    hints=(
        "Find the k-th largest score of each row first. Every score is then compared with it, and softmax should not "
        "notice that the smaller ones were ever there.",
        "`np.sort` along the last axis puts the largest scores at the end. Which score gets the weight 0 from softmax? "
        "And what is the smallest score that can stay when the row is shorter than k?",
        "`last = np.sort(x, axis=-1)[..., -min(k, x.shape[-1]), None]`, then "
        "`return softmax(np.where(x >= last, x, -np.inf) / temperature)`.",
    ),
    credit=(Part("their weights", 2), Part(_STAY, 1), Part(_WARM, 1), Part(_EQUAL, 1), Part(_LARGE, 1, visible=False)),
    minutes=15,
    points=6,
)

EXERCISES = (TOP_K,)
