"""Homework on long sequences: softmax attention that meets its keys a block at a time."""

import math
from functools import partial

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.battery import Battery, normal, reasons
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.homework.long_sequences._merge_mistakes import MISTAKES, merge_by_stages

FIRST, LATER, EXTREME, UNSEEN = "the first block", "a later block", "large scores and hidden keys", "rows without a key"


def merge_block(state, scores, values):
    """Take a block of keys into the state of an online softmax.

    Parameters
    ----------
    state : tuple of ndarray, shapes (T,), (T,), (T, Dv)
        For the keys so far: the largest score m, the sum l of exp(score - m), and o, the sum of
        exp(score - m) * value, which is not divided by l. Before the first block: -inf, 0 and 0.
    scores : ndarray, shape (T, Sb)
        Scores of the block's keys (no unit); -inf where a query may not see a key.
    values : ndarray, shape (Sb, Dv)
        Their values (no unit).

    Returns
    -------
    tuple of ndarray, shapes (T,), (T,), (T, Dv)
        The same three, in new arrays, for all keys up to and with this block. A row that sees no key of it stays.

    References
    ----------
    Milakov and Gimelshein (2018), "Online normalizer calculation for softmax", section 3.

    Examples
    --------
    >>> start = np.array([-np.inf]), np.array([0.0]), np.array([[0.0]])
    >>> merge_block(start, np.array([[2.0, 2.0]]), np.array([[1.0], [5.0]]))
    (array([2.]), array([2.]), array([[6.]]))
    """
    return merge_by_stages(state, scores, values)


def _start(T, Dv):
    return np.full(T, -math.inf), np.zeros(T), np.zeros((T, Dv))


def _later(rng, T, Dv, seen=3):
    """A state after some keys."""
    return merge_block(_start(T, Dv), rng.normal(size=(T, seen)), rng.normal(size=(seen, Dv)))


def _cases():
    rng = np.random.default_rng(41)
    low = np.array([[-1000.0, -1002.0, -1001.0, -1000.5], [999.0, 1000.0, 998.0, 1001.0]])
    holes = rng.normal(size=(3, 5))
    holes[[0, 1, 1, 2], [1, 0, 3, 4]] = -math.inf
    some = rng.normal(size=(4, 3))
    some[[1, 3]] = -math.inf
    return (
        Case((_start(2, 1), np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([[10.0], [20.0]])),
             note="two queries, two keys, from the start", part=FIRST),
        Case((_start(3, 2), rng.normal(size=(3, 4)), rng.normal(size=(4, 2))), note="from the start", part=FIRST),
        Case((_start(3, 3), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))), note="all sizes 3", part=FIRST),
        Case(((np.array([1.0]), np.array([2.0]), np.array([[30.0]])), np.array([[3.0]]), np.array([[20.0]])),
             note="m = 1, l = 2, o = 30; then one key with the score 3", part=LATER),
        Case(((np.array([3.0]), np.array([1.5]), np.array([[30.0]])), np.array([[1.0]]), np.array([[20.0]])),
             note="m = 3, l = 1.5, o = 30; then one key with the score 1", part=LATER),
        Case((_later(rng, 4, 3), rng.normal(size=(4, 2)) + np.array([[2.0], [-2], [0], [4]]), rng.normal(size=(2, 3))),
             note="the maximum grows in some rows", part=LATER),
        Case((_later(rng, 2, 4), rng.normal(size=(2, 5)), rng.normal(size=(5, 4))), note="a wide block", part=LATER),
        Case((_later(rng, 3, 3), rng.normal(size=(3, 3)) + 1, rng.normal(size=(3, 3))), note="sizes 3, a later block",
             part=LATER),
        Case((merge_block(_start(2, 3), low / 10, rng.normal(size=(4, 3))), low, rng.normal(size=(4, 3))),
             note="scores that grow tenfold", part=LATER),
        Case((_start(2, 3), low, rng.normal(size=(4, 3))), note="scores near -1000 and 1000", part=FIRST),
        Case((_start(3, 2), holes, rng.normal(size=(5, 2))), note="some keys hidden in each row", part=FIRST),
        Case((_start(4, 2), some, rng.normal(size=(3, 2))), note="two queries see none of the first block",
             part=UNSEEN),
        Case((_start(2, 3), np.full((2, 4), -math.inf), rng.normal(size=(4, 3))),
             note="nobody sees the first block", part=UNSEEN),
        Case((_later(rng, 3, 2), np.full((3, 4), -math.inf), rng.normal(size=(4, 2))),
             note="nobody sees a later block", part=UNSEEN),
        Case((merge_block(_start(4, 2), some, rng.normal(size=(3, 2))), rng.normal(size=(4, 5)) - 900,
              rng.normal(size=(5, 2))), note="the block after one that two queries could not see", part=UNSEEN),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    T, Sb, Dv = (int(n) for n in rng.permutation([3, 4, 5]))
    hidden = rng.normal(size=(T, Sb))
    hidden[rng.integers(T)] = -math.inf
    return (Case((_start(T, Dv), rng.normal(size=(T, Sb)), rng.normal(size=(Sb, Dv))),
                 note="a first block drawn for you", part=FIRST),
            Case((_later(rng, T, Dv), 2 * rng.normal(size=(T, Sb)), rng.normal(size=(Sb, Dv))),
                 note="a later block drawn for you", part=LATER),
            Probe("a constant added to drawn scores changes nothing", partial(_large_scores, seed=seed), EXTREME),
            Probe("a hidden key counts for nothing in drawn scores", partial(_hidden_keys, seed=seed + 1), EXTREME),
            Case((_start(T, Dv), hidden, rng.normal(size=(Sb, Dv))),
                 note="a block drawn for you that a query does not see", part=UNSEEN))


# --- properties ---


def _merged(call, scores, values, sizes):
    """The state after blocks of these sizes."""
    state, at = _start(len(scores), values.shape[1]), 0
    for size in sizes:
        state = call(state, scores[:, at:at + size], values[at:at + size])
        at += size
    return state


def _output(state):
    _, total, o = state
    return o / total[:, None]


def _one_key(call):
    m, total, o = call(_start(2, 2), np.array([[3.0], [-1.0]]), np.array([[7.0, 8.0]]))
    for i, score in ((0, 3.0), (1, -1.0)):
        if not (abs(m[i] - score) < 1e-6 and abs(total[i] - 1) < 1e-6 and np.allclose(o[i], [7.0, 8.0])):
            return Broken("after a single key, m should be its score, l should be 1 and o its value",
                          f"score {score}, value [7, 8]: got m = {m[i]:.3f}, l = {total[i]:.3f}, o = {rounded(o[i])}",
                          "write down exp(score - m) when the score is the maximum itself")


def _equal_scores(call):
    _, total, o = call(_start(1, 2), np.zeros((1, 4)), np.arange(8.0).reshape(4, 2))
    if not (abs(total[0] - 4) < 1e-6 and np.allclose(o[0], [12.0, 16.0])):
        return Broken("four keys with the score 0 should give l = 4, and as o the sum of their values",
                      f"the values sum to [12, 16]; got l = {total[0]:.3f}, o = {rounded(o[0])}",
                      "print what stands in l and o after this block, term by term")


def _sums(seed, T=3, S=7, Dv=2, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(T, S)) + shift, rng.normal(size=(S, Dv))


def _any_cut(call):
    scores, values = _sums(51)
    wanted = softmax(scores) @ values
    for sizes in ((3, 4), (1, 1, 5), (6, 1), (2, 2, 3)):
        got = _output(_merged(call, scores, values, sizes))
        if not np.allclose(got, wanted, atol=1e-6):
            return Broken("o / l should not depend on where the keys are cut into blocks",
                          f"7 keys in blocks of {', '.join(map(str, sizes))}: query 0 gets {rounded(got[0])}, "
                          f"in one block it would get {rounded(wanted[0])}",
                          "take 2 keys with the scores 0 and 1, one a block, and follow l by hand")


def _any_order(call):
    scores, values = _sums(52, S=6)
    scores[:, 4:] += 2  # a later block has the largest scores, an earlier one after turning round
    back = np.array([4, 5, 2, 3, 0, 1])
    a = _output(_merged(call, scores, values, (2, 2, 2)))
    b = _output(_merged(call, scores[:, back], values[back], (2, 2, 2)))
    if not np.allclose(a, b, atol=1e-6):
        return Broken("o / l should not depend on the order in which the blocks come",
                      f"three blocks of 2 keys: query 0 gets {rounded(a[0])}, and {rounded(b[0])} in reverse order",
                      "compare what a key adds to l before the maximum grows with what it should count for afterwards")


def _the_maximum_stays(call):
    state = (np.array([5.0, 0.0]), np.array([1.0, 1.0]), np.array([[1.0], [1.0]]))
    m = call(state, np.array([[2.0, 1.0], [3.0, -1.0]]), np.array([[1.0], [1.0]]))[0]
    if not np.allclose(m, [5.0, 3.0]):
        return Broken("m should be, for each query, the largest score of all blocks so far",
                      f"m was [5, 0]; the new scores are [[2, 1], [3, -1]]; got m = {rounded(m)}",
                      "print m before and after a block whose scores are all small")


def _large_scores(call, seed=53):
    scores, values = _sums(seed)
    scores[1] *= 100
    wanted = softmax(scores) @ values
    for shift in (1000.0, -1000.0):
        got = _output(_merged(call, scores + shift, values, (7,)))
        if not np.allclose(got, wanted, atol=1e-6):
            return Broken("adding a constant to all scores should not change o / l",
                          f"{shift:+.0f}: query 0 gets {rounded(got[0])}, without it {rounded(wanted[0])}",
                          "print the largest number that you give to np.exp")


def _hidden_keys(call, seed=54):
    scores, values = _sums(seed, S=5)
    scores[:, 2] = -math.inf
    got, wanted = (_output(_merged(call, s, v, (len(v),))) for s, v in (
        (scores, values), (np.delete(scores, 2, axis=1), np.delete(values, 2, axis=0))))
    if not np.allclose(got, wanted, atol=1e-6):
        return Broken("a key with the score -inf should count for nothing",
                      f"query 0 gets {rounded(got[0])} with it, {rounded(wanted[0])} without it",
                      "what is np.exp(-np.inf - 2.0)?")


def _unseen_rows(call):
    for state, when in ((_start(2, 2), "the first block"),
                        ((np.array([1.0, 2.0]), np.array([1.5, 2.5]), np.ones((2, 2))), "a later block")):
        for got, kept, name in zip(call(state, np.full((2, 3), -math.inf), np.ones((3, 2))), state, "mlo"):
            if not np.array_equal(got, kept):
                return Broken("a block in which a query sees no key should leave its row of the state as it was",
                              f"{when}: row 0 of {name} was {rounded(kept[0])} and becomes {rounded(got[0])}",
                              "compute np.exp(m - new_m) by hand for a query that has not seen a key yet")


def _after_an_unseen_block(call):
    scores, values = _sums(55, S=6)
    scores[1, :2] = -math.inf
    got, wanted = _output(_merged(call, scores, values, (2, 4)))[1], (softmax(scores) @ values)[1]
    if not np.allclose(got, wanted, atol=1e-6):
        return Broken("a query that saw no key at first should get its output from the blocks after that",
                      f"query 1 sees keys 2 to 5 of 6, in blocks of 2 and 4: it gets {rounded(got)}, "
                      f"wanted {rounded(wanted)}",
                      "print the state after the first block, row by row")


# --- right answers in other words ---


def _row_by_row(state, scores, values):
    m, l, o = (np.array(x, dtype=float) for x in state)
    for i, row in enumerate(scores):
        top = max(m[i], row.max())
        if top == -math.inf:
            continue
        old = math.exp(m[i] - top)
        terms = np.exp(row - top)
        m[i], l[i], o[i] = top, old * l[i] + terms.sum(), old * o[i] + terms @ values
    return m, l, o


def _key_by_key(state, scores, values):
    m, l, o = state
    for j in range(len(values)):
        s = scores[:, j]
        new_m = np.maximum(m, s)
        seen = new_m > -math.inf
        c = np.where(seen, np.exp(m - np.where(seen, new_m, 0)), 1.0)
        e = np.where(seen, np.exp(s - np.where(seen, new_m, 0)), 0.0)
        m, l, o = new_m, c * l + e, c[:, None] * o + e[:, None] * values[j]
    return m, l, o


def _two_softmaxes(state, scores, values):
    m, l, o = state
    block_m = scores.max(axis=1)
    e = np.exp(scores - np.where(np.isneginf(block_m), 0, block_m)[:, None])
    new_m = np.maximum(m, block_m)
    base = np.where(np.isneginf(new_m), 0, new_m)
    a, b = np.exp(m - base), np.exp(block_m - base)
    return new_m, a * l + b * e.sum(1), a[:, None] * o + b[:, None] * (e @ values)


def _old_sums_as_a_key(state, scores, values):
    m, l, o = state
    new_m = np.concatenate([m[:, None], scores], axis=1).max(axis=1)
    base = np.nan_to_num(new_m, neginf=0.0)
    e = np.exp(np.concatenate([m[:, None], scores], axis=1) - base[:, None])
    return [new_m, e[:, 0] * l + e[:, 1:].sum(axis=1), e[:, :1] * o + np.dot(e[:, 1:], values)]


def _nan_replaced(state, scores, values):
    m, l, o = state
    new_m = np.maximum(m, np.max(scores, axis=1))
    old = np.nan_to_num(np.exp(m - new_m), nan=1.0)
    e = np.nan_to_num(np.exp(scores - new_m[:, None]), nan=0.0)
    return new_m, l * old + e.sum(axis=1), o * old[:, None] + e @ values


def _seen_rows_only(state, scores, values):
    m, l, o = (x.copy() for x in state)
    rows = ~np.isneginf(scores).all(axis=1)
    top = np.maximum(m[rows], scores[rows].max(axis=1))
    c, e = np.exp(m[rows] - top), np.exp(scores[rows] - top[:, None])
    l[rows] = l[rows] * c + e.sum(axis=1)
    o[rows] = o[rows] * c[:, None] + e @ values
    m[rows] = top
    return m, l, o


def _by_logarithms(state, scores, values):
    m, l, o = state
    new_m = np.maximum(m, scores.max(axis=-1))
    base = np.where(np.isinf(new_m), 0.0, new_m)
    log_l = np.logaddexp(np.log(l) + m, np.logaddexp.reduce(scores, axis=-1))
    e = np.exp(scores - base[:, None])
    return new_m, np.exp(log_l - base), np.exp(m - base)[:, None] * o + np.einsum("ts,sd->td", e, values)


BATTERY = Battery(
    sizes=lambda s: (_later(np.random.default_rng(s.seed), s.T, s.d_v), *normal(s.seed, (s.T, s.S), (s.S, s.d_v))),
    scores=lambda table, values: Case((_start(2, 2), np.array(table), np.array(values)), part=EXTREME),
    own=lambda: [("a single key", Case((_start(2, 1), np.array([[-math.inf, 1.0], [2.0, -math.inf]]),
                                        np.array([[10.0], [20.0]])), note="each query sees one key", part=FIRST))],
    without={**reasons.NO_BATCH, "masks": "a hidden key is a score of minus infinity, and has cases of its own",
             "long": reasons.PLAIN["long"], "names": reasons.PLAIN["names"], **reasons.NUMPY},
    part=LATER,
    parts={"strided": UNSEEN, "an earlier result": UNSEEN},
)

MERGE_BLOCK = Exercise(
    name="merge_block",
    title="Take a block of keys into a running softmax",
    notebook="hw4_long_sequences",
    signature="merge_block(state, scores, values)",
    reference=merge_block,
    arrays="numpy",
    returns=(Returns("m", "(T,)"), Returns("l", "(T,)"), Returns("o", "(T, Dv)")),
    cases=_cases,
    drawn=_drawn,
    battery=BATTERY,
    probes=(
        Probe("a single key gives m = score, l = 1, o = value", _one_key, FIRST),
        Probe("keys with the same score are counted in l and summed in o", _equal_scores, FIRST),
        Probe("o / l does not depend on the cuts", _any_cut, LATER),
        Probe("o / l does not depend on the order of the blocks", _any_order, LATER),
        Probe("m is the largest score so far", _the_maximum_stays, LATER),
        Probe("a constant added to all scores changes nothing", _large_scores, EXTREME),
        Probe("a hidden key counts for nothing", _hidden_keys, EXTREME),
        Probe("a block that a query does not see leaves its row", _unseen_rows, UNSEEN),
        Probe("a query may see its first key late", _after_an_unseen_block, UNSEEN),
    ),
    stages=merge_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops-over-rows", _row_by_row),
        Equivalent("key-by-key", _key_by_key),
        Equivalent("two-partial-softmaxes", _two_softmaxes),
        Equivalent("old-sums-as-one-more-key", _old_sums_as_a_key),
        Equivalent("nan-replaced", _nan_replaced),
        Equivalent("only-rows-that-see", _seen_rows_only),
        Equivalent("logarithms", _by_logarithms),
    ),
    hints=(
        "Begin with the new maximum of each query. Everything in the new state is measured from it: the block's "
        "terms, and also the sums that are there already.",
        "A term that was stored as exp(score - old m) should be exp(score - new m). Which number, the same for all "
        "terms of a row, takes you from one to the other? Both l and o need it. Then look at a query whose old and "
        "new maximum are both -inf.",
        "`new_m = np.maximum(m, scores.max(axis=-1))`, `base = np.where(new_m == -np.inf, 0.0, new_m)`, "
        "`e = np.exp(scores - base[:, None])`, `c = np.exp(m - base)`, then "
        "`return new_m, c * l + e.sum(axis=-1), c[:, None] * o + e @ values`",
    ),
    minutes=25,
    points=8,
    credit=(Part(FIRST, 2), Part(LATER, 3), Part(EXTREME, 1), Part(UNSEEN, 2, visible=False)),
)
