"""Taking a block into a running softmax in stages, and the wrong and the right answers made of them."""

import math

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Equivalent, Mistake

__all__ = ["EQUIVALENTS", "MISTAKES", "merge_by_stages"]


def merge_by_stages(state, scores, values, *, largest=lambda m, s: np.maximum(m, s.max(axis=-1)),
                    base=lambda new, m, s: np.where(new == -math.inf, 0.0, new), read=lambda s, v: s,
                    term=lambda s, base, m: np.exp(s - base[:, None]), correct=lambda m, base: np.exp(m - base),
                    total=lambda l, c, e: c * l + e.sum(axis=-1), output=lambda o, c, e, v: c[:, None] * o + e @ v,
                    give=lambda m, l, o: (m, l, o)):
    """One step in stages that can be replaced one by one."""
    m, l, o = state
    scores = read(scores, values)
    new_m = largest(m, scores)  # (T,)
    # -inf - -inf is no number: a query that has seen nothing yet is measured from 0.
    from_here = base(new_m, m, scores)  # (T,)
    e = term(scores, from_here, m)  # (T, Sb)
    c = correct(m, from_here)  # (T,): exp(old score - old m) times this is exp(old score - new m)
    return give(new_m, total(l, c, e), output(o, c, e, values))


def _wrong(name, cause, experiment, function=None, **changes):
    return Mistake(name, cause, experiment, function, None if function else changes)


def _of_the_block(m, s):
    return s.max(axis=-1)


# --- wrong answers ---


def _in_place(state, scores, values):
    new_m = np.maximum(state[0], scores.max(axis=-1))
    base = np.where(new_m == -math.inf, 0.0, new_m)
    scores -= base[:, None]
    e, c = np.exp(scores), np.exp(state[0] - base)
    return new_m, c * state[1] + e.sum(axis=-1), c[:, None] * state[2] + e @ values


def _averages_added(state, scores, values):
    m, l, o = state
    return np.maximum(m, scores.max(axis=-1)), l + 1, o + softmax(scores) @ values


def _running_average(state, scores, values):
    m, l, o = state
    new_m, new_l, _ = merge_by_stages(state, scores, values)
    base = np.where(new_m == -math.inf, 0.0, new_m)
    kept = np.exp(m - base) * l
    some = np.where(new_l == 0, 1.0, new_l)[:, None]
    return new_m, new_l, (kept[:, None] * o + np.exp(scores - base[:, None]) @ values) / some


def _guard_for_the_whole_block(state, scores, values):
    if np.isneginf(scores).all():
        return state
    return merge_by_stages(state, scores, values, base=lambda new, m, s: new)


def _block_measured_alone(s, base, m):
    top = s.max(axis=-1, keepdims=True)
    return np.exp(s - np.where(top == -math.inf, 0.0, top))


def _columns_kept(m, l, o):
    return m[:, None], l[:, None], o


MISTAKES = (
    _wrong("not-corrected", "The sums l and o of the earlier blocks are kept as they are when the maximum grows.",
           "Take two keys with the scores 0 and 1, one a block: what should the first one count for in l at the end, "
           "and what does it count for in yours?", correct=lambda m, base: np.ones_like(m)),
    _wrong("only-l-corrected", "l is brought to the new maximum, o is not.",
           "Give all keys the value 1: o should then be equal to l after every block.",
           output=lambda o, c, e, v: o + e @ v),
    _wrong("only-o-corrected", "o is brought to the new maximum, l is not.",
           "Give all keys the value 1: o should then be equal to l after every block.",
           total=lambda l, c, e: l + e.sum(axis=-1)),
    _wrong("correction-upside-down", "The factor for the earlier sums is exp(new m - old m): it should make them "
           "smaller when the maximum grows, and makes them larger.",
           "Print your factor for old m = 1 and new m = 3: should an old term count for more now, or for less?",
           correct=lambda m, base: np.where(m == -math.inf, 0.0, np.exp(base - np.where(m == -math.inf, base, m)))),
    _wrong("correction-upside-down-from-the-start", "The factor for the earlier sums is exp(new m - old m): it should "
           "make them smaller when the maximum grows, and is infinite at the start.",
           "Print your factor for old m = 1 and new m = 3, and for old m = -inf.",
           correct=lambda m, base: np.exp(base - m)),
    _wrong("correction-without-exp", "The earlier sums are multiplied by m - new m itself, not by its exponential.",
           "Print your factor for a block in which the maximum does not grow: it should be 1.",
           correct=lambda m, base: np.where(m == -math.inf, 0.0, m - base)),
    _wrong("difference-as-factor", "The earlier sums are multiplied by m - new m itself, not by its exponential.",
           "Print your factor for a block in which the maximum does not grow, and for m = -inf.",
           correct=lambda m, base: m - base),
    _wrong("block-corrected-too", "The correction is multiplied to the terms of the new block as well.",
           "Which terms were measured from the old maximum: those of the new block, or those in l and o?",
           total=lambda l, c, e: c * (l + e.sum(axis=-1)), output=lambda o, c, e, v: c[:, None] * (o + e @ v)),
    _wrong("block-corrected-instead", "The correction is multiplied to the new block; the earlier sums stay.",
           "Which terms were measured from the old maximum: those of the new block, or those in l and o?",
           total=lambda l, c, e: l + c * e.sum(axis=-1), output=lambda o, c, e, v: o + c[:, None] * (e @ v)),
    _wrong("old-maximum", "The terms of the block are measured from the old maximum, not from the new one.",
           "What is np.exp(2.0 - m) when m is still -inf?", term=lambda s, base, m: np.exp(s - m[:, None])),
    _wrong("maximum-of-the-block", "m becomes the maximum of the block alone and forgets the earlier ones.",
           "Print m after a block whose scores are all smaller than those before.", largest=_of_the_block),
    _wrong("block-measured-from-its-own-maximum", "The terms of a block are measured from the block's own maximum and "
           "not from the running one.",
           "Merge a block with the score 3 and then one with the score 1: what should the second key add to l?",
           term=_block_measured_alone),
    _wrong("one-maximum-for-all", "All queries share one maximum; each row needs its own.",
           "Print m for the scores [[0, 1], [2, 0]]: should both queries have the same?",
           largest=lambda m, s: np.full_like(m, max(m.max(), s.max()))),
    _wrong("maximum-kept", "m comes back as it went in, although the sums are measured from the new maximum.",
           "Print m after the first block: it should no longer be -inf.",
           function=lambda state, scores, values: (state[0], *merge_by_stages(state, scores, values)[1:])),
    _wrong("smallest", "m is the smallest score so far.", "Print m for one block with the scores 0 and 1.",
           largest=lambda m, s: np.minimum(np.where(m == -math.inf, math.inf, m), s.min(axis=-1))),
    _wrong("nothing-subtracted", "The terms are exp(score) without the maximum: m is updated and not used.",
           "What is np.exp(1000.0)?", term=lambda s, base, m: np.exp(s), correct=lambda m, base: np.ones_like(m)),
    _wrong("nothing-subtracted-from-the-block", "The terms of the block are exp(score), without the maximum.",
           "What is np.exp(1000.0)? And what is l after one key with the score 3?", term=lambda s, base, m: np.exp(s)),
    _wrong("divided-by-l", "o comes back divided by l; it should stay a plain sum until all blocks are in.",
           "Print o after one block of four keys with the score 0: it should be the sum of their values.",
           give=lambda m, l, o: (m, l, o / np.where(l == 0, 1.0, l)[:, None])),
    _wrong("divided-by-zero-l", "o comes back divided by l; it should stay a plain sum until all blocks are in.",
           "Print o after one block of four keys with the score 0: it should be the sum of their values.",
           give=lambda m, l, o: (m, l, o / l[:, None])),
    _wrong("running-average", "o is kept as an average, multiplied by l and divided by the new l in every step; here "
           "it should be a plain sum.",
           "Print o after one block of four keys with the score 0: it should be the sum of their values.",
           _running_average),
    _wrong("averages-added", "Each block gets a softmax of its own, and the averages are added: a block of weak keys "
           "then counts for as much as a block of strong ones.",
           "Merge a key with the score 0 and one with the score 10, one a block, and divide o by l.", _averages_added),
    _wrong("last-block-only", "The earlier sums are dropped: only the last block is in l and o.",
           "Merge two blocks with the same scores: is l larger after the second one?",
           total=lambda l, c, e: e.sum(axis=-1), output=lambda o, c, e, v: e @ v),
    _wrong("keys-counted", "l counts keys; it should sum their terms exp(score - m).",
           "Print l for one block with the scores 0 and 1.", total=lambda l, c, e: l + e.shape[-1]),
    _wrong("values-without-weights", "The values are added without their terms exp(score - m).",
           "Print o for two keys with very different scores.",
           output=lambda o, c, e, v: c[:, None] * o + v.sum(axis=0)),
    _wrong("logarithm-kept", "l comes back as its logarithm; it should be the sum itself.",
           "Print l after a single key: it should be 1.", give=lambda m, l, o: (m, np.log(l), o)),
    _wrong("scaled-again", "The scores are divided by a square root once more; they come to you ready.",
           "Print m after a single key with the score 3: it should be 3.",
           read=lambda s, v: s / math.sqrt(v.shape[-1])),
    _wrong("other-order", "The three results come back in another order than (m, l, o).",
           "Print the shapes of the three results.", give=lambda m, l, o: (o, m, l)),
    _wrong("l-before-m", "The results come back as (l, m, o); the order is (m, l, o).",
           "Print the first of your three results after a key with the score 3.", give=lambda m, l, o: (l, m, o)),
    _wrong("columns-kept", "m and l come back as columns of shape (T, 1); they should have the shape (T,).",
           "Print the shapes of your three results beside those of the state that came in.", give=_columns_kept),
    _wrong("sum-over-the-queries", "l sums over the queries; it should sum over the keys of the block.",
           "For 3 queries and 4 keys, which shape has your sum of the terms?",
           total=lambda l, c, e: c * l + e.sum(axis=0)),
    _wrong("written-into-scores", "The maximum is subtracted in place, which changes the scores of the caller.",
           "Print `scores` before and after the call.", _in_place),
    _wrong("not-a-number", "A query that has seen no key yet has m = -inf before and after, and -inf - (-inf) is not a "
           "number.", "Compute `np.exp(-np.inf - -np.inf)`.", base=lambda new, m, s: new),
    _wrong("whole-block-only", "It thinks of a block that nobody sees, but not of one that a single query does not "
           "see.", "Hide a first block from query 1 alone and print the state.", _guard_for_the_whole_block),
    _wrong("large-negative-number", "In place of -inf, a large negative number comes back as m.",
           "Print m after a first block that nobody sees: nothing should have changed.",
           largest=lambda m, s: np.maximum(np.maximum(m, s.max(axis=-1)), -1e30)),
    _wrong("zero-kept-as-maximum", "The 0 that stands in for a maximum of -inf comes back as m, and the next block is "
           "compared with it.", "Print m after a first block that nobody sees: nothing should have changed.",
           give=lambda m, l, o: (np.where(m == -math.inf, 0.0, m), l, o)),
    _wrong("zero-as-maximum-from-the-start", "m = -inf is replaced by 0 on the way in, so a query whose scores are all "
           "negative gets the maximum 0.", "Print m after one block with the scores -3 and -5.",
           largest=lambda m, s: np.maximum(np.where(m == -math.inf, 0.0, m), s.max(axis=-1))),
)


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


def _in_the_state_itself(state, scores, values):
    m, l, o = state
    new_m = np.fmax(m, scores.max(axis=-1))
    safe = new_m.copy()
    safe[safe == -math.inf] = 0
    e, c = np.exp(scores - safe.reshape(-1, 1)), np.exp(m - safe)
    l *= c
    l += e.sum(-1)
    o *= c.reshape(-1, 1)
    o += e @ values
    return new_m, l, o


EQUIVALENTS = (
    Equivalent("row-by-row", _row_by_row),
    Equivalent("key-by-key", _key_by_key),
    Equivalent("two-partial-softmaxes", _two_softmaxes),
    Equivalent("old-sums-as-one-more-key", _old_sums_as_a_key),
    Equivalent("nan-replaced", _nan_replaced),
    Equivalent("only-rows-that-see", _seen_rows_only),
    Equivalent("logarithms", _by_logarithms),
    Equivalent("into-the-state", _in_the_state_itself),
)
