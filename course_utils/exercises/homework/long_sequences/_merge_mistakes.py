"""Taking a block into a running softmax in stages, and the wrong answers made of them."""

import math

import numpy as np

from course_utils.attention import softmax
from course_utils.exercises.families.projected import mistake as _wrong

__all__ = ["MISTAKES", "merge_by_stages"]


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


def _of_the_block(m, s):
    return s.max(axis=-1)


# --- wrong answers ---


def _in_place(state, scores, values):
    new_m = np.maximum(state[0], scores.max(axis=-1))
    base = np.where(new_m == -math.inf, 0.0, new_m)
    scores -= base[:, None]
    e, c = np.exp(scores), np.exp(state[0] - base)
    return new_m, c * state[1] + e.sum(axis=-1), c[:, None] * state[2] + e @ values


def _into_the_state(state, scores, values):
    m, l, o = state
    new_m = np.fmax(m, scores.max(axis=-1))
    safe = np.where(new_m == -math.inf, 0.0, new_m)
    e, c = np.exp(scores - safe[:, None]), np.exp(m - safe)
    m[...] = new_m
    l *= c
    l += e.sum(axis=-1)
    o *= c[:, None]
    o += e @ values
    return m, l, o


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


def _running_average_from_zero(state, scores, values):
    with np.errstate(all="ignore"):
        new_m, new_l, o = _running_average(state, scores, values)
        return new_m, new_l, np.where(new_l[:, None] == 0, np.nan, o)


def _softmax_of_the_block(state, scores, values):
    m = scores.max(axis=-1)
    e = np.exp(scores - m[:, None])
    return m, e.sum(axis=-1), e / e.sum(axis=-1, keepdims=True) @ values


def _new_terms_divided(state, scores, values):
    new_m, new_l, o = merge_by_stages(state, scores, values)
    kept = merge_by_stages(state, scores, 0 * values)[2]
    return new_m, new_l, kept + (o - kept) / new_l[:, None]


def _old_output_times_l(state, scores, values):
    new_m, new_l, o = merge_by_stages(state, scores, values)
    kept = merge_by_stages(state, scores, 0 * values)[2]
    return new_m, new_l, o - kept + state[1][:, None] * kept


def _guard_for_the_whole_block(state, scores, values):
    if np.isneginf(scores).all():
        return state
    return merge_by_stages(state, scores, values, base=lambda new, m, s: new)


def _block_measured_alone(s, base, m):
    top = s.max(axis=-1, keepdims=True)
    return np.exp(s - np.where(top == -math.inf, 0.0, top))


def _not_below(lowest):
    return lambda m, s: np.maximum(np.maximum(m, s.max(axis=-1)), lowest)


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
    _wrong("one-maximum-for-the-block", "The maximum of a block is taken over all queries; each row needs its own.",
           "Print m for the scores [[0, 1], [2, 0]]: should both queries have the same?",
           largest=lambda m, s: np.maximum(m, s.max())),
    _wrong("maximum-over-the-queries", "The maximum is taken over the queries; it should be taken over the keys.",
           "For 3 queries and 4 keys, which shape has your maximum of the block?",
           largest=lambda m, s: np.maximum(m, s.max(axis=0))),
    _wrong("maximum-along-the-keys", "The maxima of the queries are subtracted along the keys: they lack an axis.",
           "Print the shapes of the scores and of what you subtract: which axis of the one is which of the other?",
           term=lambda s, base, m: np.exp(s - base)),
    _wrong("correction-along-the-values", "The factors of the queries are multiplied along the numbers of o: they lack "
           "an axis.", "Print the shapes of o and of your factor: which axis of the one is which of the other?",
           output=lambda o, c, e, v: c * o + e @ v),
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
    _wrong("running-average-over-zero", "o is kept as an average, multiplied by l and divided by the new l in every "
           "step; here it should be a plain sum.",
           "Print o after one block of four keys with the score 0: it should be the sum of their values.",
           _running_average_from_zero),
    _wrong("new-terms-divided", "The terms of the block are divided by l before they go into o; o should stay a plain "
           "sum.", "Print o after one block of four keys with the score 0: it should be the sum of their values.",
           _new_terms_divided),
    _wrong("o-times-l", "The earlier o is multiplied by l: that is for an o that was divided, and this one never is.",
           "Take m = 1, l = 2, o = 30 and a key that hardly counts: what should o be afterwards?", _old_output_times_l),
    _wrong("softmax-of-the-block", "The result is a softmax of the block alone; the state that came in is not used.",
           "Merge two blocks with the same scores: is l larger after the second one?", _softmax_of_the_block),
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
    _wrong("written-into-the-state", "The new sums are written into the arrays of the state that came in: whoever kept "
           "that state finds other numbers in it.",
           "Print the three arrays of `state` before and after the call.", _into_the_state),
    _wrong("not-a-number", "A query that has seen no key yet has m = -inf before and after, and -inf - (-inf) is not a "
           "number.", "Compute `np.exp(-np.inf - -np.inf)`.", base=lambda new, m, s: new),
    _wrong("whole-block-only", "It thinks of a block that nobody sees, but not of one that a single query does not "
           "see.", "Hide a first block from query 1 alone and print the state.", _guard_for_the_whole_block),
    _wrong("large-negative-number", "In place of -inf, a large negative number comes back as m.",
           "Print m after a first block that nobody sees: nothing should have changed.",
           largest=_not_below(-1e30)),
    _wrong("minus-a-billion", "In place of -inf, minus a billion comes back as m.",
           "Print m after a first block that nobody sees: nothing should have changed.", largest=_not_below(-1e9)),
    _wrong("smallest-number", "In place of -inf, the smallest number of the type comes back as m.",
           "Print m after a first block that nobody sees: nothing should have changed.",
           largest=_not_below(np.finfo(float).min)),
    _wrong("nan-made-0", "-inf - (-inf) is made 0 before the exponential, and exp(0) is 1: hidden keys count.",
           "Print l after a first block that nobody sees: nothing should have changed.",
           base=lambda new, m, s: new, term=lambda s, base, m: np.exp(np.nan_to_num(s - base[:, None])),
           correct=lambda m, base: np.exp(np.nan_to_num(m - base))),
    _wrong("zero-kept-as-maximum", "The 0 that stands in for a maximum of -inf comes back as m, and the next block is "
           "compared with it.", "Print m after a first block that nobody sees: nothing should have changed.",
           give=lambda m, l, o: (np.where(m == -math.inf, 0.0, m), l, o)),
    _wrong("zero-as-maximum-from-the-start", "m = -inf is replaced by 0 on the way in, so a query whose scores are all "
           "negative gets the maximum 0.", "Print m after one block with the scores -3 and -5.",
           largest=lambda m, s: np.maximum(np.where(m == -math.inf, 0.0, m), s.max(axis=-1))),
)
