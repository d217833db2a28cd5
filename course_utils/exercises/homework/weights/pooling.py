"""Exercise of assignment 1: one vector for each sentence, pooled by one query."""

import math
from functools import partial

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.homework.weights import _given
from course_utils.exercises.homework.weights._battery import pooling_battery
from course_utils.exercises.homework.weights._pooling_mistakes import (
    MISTAKES,
    pooling_by_stages,
    real_words,
    words_only,
)

__all__ = ["POOLING", "attention_pooling", "padded"]

_WORDS, _ORDER = "weighted words", "pooled and weights in their order"
_SCALE, _PADDING, _ALL = "scale", "padding", "empty sentences, large scores"


def attention_pooling(x, query, lengths):
    """Pool padded words x (B, T, D) into one vector a sentence: (pooled (B, D), weights (B, T))."""
    words = words_only(x, lengths)
    weights = softmax(np.where(real_words(x, lengths), words @ query / math.sqrt(x.shape[-1]), -math.inf))
    return (weights[:, None] @ words)[:, 0], weights


def padded(rng, B, T, D):
    """Draw words (B, T, D) whose padding is not 0, and a query (D,)."""
    return rng.normal(size=(B, T, D)), rng.normal(size=D)


def _cases():
    rng = np.random.default_rng(102)
    # Words of a single number have scale 1, so that a forgotten scale costs its own part and no other.
    equal = np.array([[1.0, 1.0, 1.0, 1.0]] * 3)
    far = rng.normal(size=(2, 4, 3))
    return (
        Case((np.array([[[0.0], [1.0], [3.0]]]), np.array([1.0]), np.array([3])), note="one sentence of three words"),
        Case((*padded(rng, 4, 3, 1), np.array([3, 3, 3, 3])), note="four sentences"),
        Case((*padded(rng, 3, 3, 1), np.array([3, 3, 3])), note="as many sentences as words"),
        Case((np.zeros((1, 3, 4)) + np.eye(4)[:3], np.array([2.0, 0.0, -1.0, 5.0]), np.array([3])),
             note="words of four numbers", part=_SCALE),
        Case((*padded(rng, 2, 5, 9), np.array([5, 5])), note="words of nine numbers", part=_SCALE),
        Case((*padded(rng, 3, 4, 2), np.array([4, 4, 4])), note="words of two numbers", part=_SCALE),
        Case((np.array([[[0.0], [1.0], [9.0]], [[2.0], [1.0], [1.0]]]), np.array([1.0]), np.array([2, 3])),
             note="the first sentence has two words", part=_PADDING),
        Case((*padded(rng, 4, 6, 1), np.array([5, 2, 6, 1])), note="four lengths", part=_PADDING),
        Case((rng.normal(size=(3, 4, 5)), np.zeros(5), np.array([2, 4, 3])), note="a query of zeros", part=_PADDING),
        Case((np.where(np.arange(4)[:, None] < 2, rng.normal(size=(1, 4, 1)) - 2, 0.0), np.array([3.0]), np.array([2])),
             note="padding of zeros, negative scores", part=_PADDING),
        Case(_far_apart(rng, 7, [3, 5, 1]), note="padding and seven numbers a word", part=_ALL),
        Case((rng.normal(size=(3, 4, 2)), np.zeros(2), np.array([3, 0, 4])), note="the middle sentence is empty",
             part=_ALL),
        Case((np.concatenate([equal[..., None], rng.normal(size=(3, 4, 1))], axis=-1), np.array([2.0, 0.0]),
              np.array([0, 2, 0])), note="two empty sentences, equal scores", part=_ALL),
        Case((np.array([[[1000.0], [1001.0], [5000.0]]]), np.array([1.0]), np.array([2])),
             note="padding that scores far above the words", part=_ALL),
        Case((800 * far, 900 * np.array([1.0, -1.0, 0.5]), np.array([3, 4])), note="scores of many thousands",
             part=_ALL),
        Case((-far**2, np.array([90000.0, 60000.0, 70000.0]), np.array([2, 3])), note="very negative scores",
             part=_ALL),
    )


def _far_apart(rng, D, lengths):
    """Sentences of wide words whose scores are equal or thousands apart, so that their scale does not count."""
    x = rng.normal(size=(len(lengths), 6, D))
    x[..., 0] = 3000.0 * rng.integers(0, 3, size=x.shape[:2])
    x[-1, :, 0] -= 60000.0
    x[..., 0] += np.where(np.arange(6) < np.array(lengths)[:, None], 0.0, 30000.0)
    return x, np.eye(D)[0] * 2.0, np.array(lengths)


def _drawn(seed):
    rng = np.random.default_rng(seed)
    order = Probe("drawn words times their weights make pooled", partial(_in_their_order, drawn=padded(rng, 2, 5, 3)),
                  _ORDER)
    return (Case((*padded(rng, 3, 4, 1), np.array([4, 4, 4])), note="drawn words"), order,
            Case((*padded(rng, 2, 4, 6), np.array([4, 4])), {}, "drawn words of six numbers", _SCALE),
            Case((*padded(rng, 3, 7, 1), rng.permutation([1, 4, 6])), {}, "drawn words and padding", _PADDING),
            Case(_far_apart(rng, 5, [2, 0, *rng.permutation([3, 5])]), {}, "drawn words far apart, an empty sentence",
                 _ALL))


# --- properties ---


def _sentences(seed, B=2, T=4, D=3):
    return padded(np.random.default_rng(seed), B, T, D)


def _weights_sum_to_one(call):
    x, query = _sentences(41)
    for b, row in enumerate(call(x, query, np.array([4, 4]))[1]):
        if not (abs(row.sum() - 1) < 1e-6 and row.min() >= 0):
            return Broken("the weights of a sentence should be positive and sum to 1",
                          f"sentence {b} gets the weights {rounded(row)}: they sum to {row.sum():.3f}")


def _in_their_order(call, drawn=None):
    x, query = drawn or _sentences(43, T=5)
    pooled, weights = call(x, query, np.array([5, 5]))
    if weights.shape != x.shape[:2]:
        return Broken("the weights, which come second, should have the shape (B, T)",
                      f"for B = 2, T = 5, D = 3, they have the shape {weights.shape}")
    wanted = sum(weights[0, t] * x[0, t] for t in range(5))
    if not (np.allclose(pooled[0], wanted, atol=1e-5) and np.any(weights[0])):
        return Broken("a pooled vector should be the sum of the words, each times its weight",
                      f"the weights {rounded(weights[0])} make {rounded(wanted)} of the words, pooled is "
                      f"{rounded(pooled[0])}")


def _no_preference_is_the_mean(call):
    x, query = _sentences(42)
    pooled, _ = call(x, 0 * query, np.array([4, 4]))
    if not np.allclose(pooled, x.mean(axis=1), atol=1e-5):
        return Broken("a query of zeros prefers no word, so it should give the mean of the words",
                      f"sentence 0: wanted {rounded(x[0].mean(axis=0))}, got {rounded(pooled[0])}")


def _what_points_along_the_query_wins(call):
    x = np.array([[[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]])
    weights = call(x, np.array([2.0, 0.0]), np.array([3]))[1][0]
    if not weights[0] > weights[1] > weights[2] > 0:
        return Broken("a word that points along the query should get more weight than one that points elsewhere",
                      f"for the query [2.0, 0.0], the words {x[0].tolist()} get {rounded(weights)}")
    if not np.isclose(weights[0] / weights[1], weights[1] / weights[2], rtol=1e-4):
        return Broken("equal steps of score should mean equal ratios of weight",
                      f"scores one step apart get {rounded(weights)}")


def _sentences_are_alone(call):
    x, query = _sentences(44, B=3)
    together, alone = call(x, query, np.array([4, 4, 4])), call(x[1:2], query, np.array([4]))
    for name, a, b in zip(("pooled", "weights"), together, alone):
        if not np.allclose(a[1], b[0], atol=1e-6):
            return Broken("a sentence should give the same alone and in a batch",
                          f"{name} of sentence 1: {rounded(a[1])} in a batch, {rounded(b[0])} alone")


def _scores_are_divided(call):
    for D in (4, 16):
        x = np.stack([np.full(D, 1.0), np.full(D, 0.5)])[None]  # dot products D and D / 2 with a query of ones
        a, b = call(x, np.ones(D), np.array([2]))[1][0]
        wanted = D / 2 / math.sqrt(D)
        if not abs(np.log(a / b) - wanted) < 1e-3:
            return Broken(f"two words with the dot products {D} and {D // 2} should have log(w1/w2) = {wanted:.0f} "
                          f"for D = {D}", f"the weights {a:.3f} and {b:.3f}: got {np.log(a / b):.3f}")


def _padding_gets_nothing(call):
    x, query = _sentences(45, B=3)
    weights = call(x, query, np.array([2, 4, 1]))[1]
    for b, n in enumerate((2, 4, 1)):
        row = weights[b]
        if not np.all(abs(row[n:]) < 1e-9):
            return Broken("padding should get the weight 0",
                          f"sentence {b} has the length {n} and the weights {rounded(row)}")
        if not abs(row.sum() - 1) < 1e-6:
            return Broken("the weights of the real words should sum to 1",
                          f"sentence {b} has the length {n} and the weights {rounded(row)}")


def _padded_as_trimmed(call):
    x, query = _sentences(46)
    cut = call(x[:, :2], query, np.array([2, 2]))[0]
    more = call(x, query, np.array([2, 2]))[0]
    if not np.allclose(cut, more, atol=1e-6):
        return Broken("two words should give the same vector with padding after them and without",
                      f"sentence 0: {rounded(cut[0])} without, {rounded(more[0])} with")


def _anything_may_stand_in_the_padding(call):
    x, query = _sentences(49)
    lengths = np.array([2, 4])
    wanted = call(x, query, lengths)
    for what in (np.nan, np.inf):
        odd = x.copy()
        odd[0, 2:] = what
        for name, got, plain in zip(("pooled", "weights"), call(odd, query, lengths), wanted):
            if np.isnan(got).any() or not np.allclose(got, plain, atol=1e-6):
                return Broken("what stands in the padding should not reach the result, whatever it is",
                              f"two words and then {what} as padding: " + (
                                  "NaN comes out" if np.isnan(got).any() else
                                  f"{name} of sentence 0 is {rounded(got[0])}, with other padding {rounded(plain[0])}"),
                              "print 0 * np.nan and 0 * np.inf")


def _one_word_is_itself(call):
    x, query = _sentences(47)
    pooled, _ = call(x, query, np.array([1, 3]))
    if not np.allclose(pooled[0], x[0, 0], atol=1e-6):
        return Broken("a sentence of one word should be pooled into that word",
                      f"the word {rounded(x[0, 0])} becomes {rounded(pooled[0])}")


def _nothing_gives_nothing(call):
    x, query = _sentences(48, B=3)
    pooled, weights = call(x, query, np.array([3, 0, 2]))
    if not (np.all(pooled[1] == 0) and np.all(weights[1] == 0)):
        return Broken("a sentence of length 0 should get weights 0 and a pooled vector of zeros",
                      f"its weights are {rounded(weights[1])}, its pooled vector {rounded(pooled[1])}")


def _long_vectors_do_not_overflow(call):
    x = np.array([[[1000.0], [1001.0], [5000.0]], [[-2000.0], [-2001.0], [0.0]]])
    weights = call(x, np.array([1.0]), np.array([2, 2]))[1]
    wanted = [[0.269, 0.731, 0.0], [0.731, 0.269, 0.0]]
    if not np.allclose(weights, wanted, atol=1e-3):
        return Broken("scores far from 0 should compete by their differences, like small ones",
                      f"for D = 1, two real words each, x = {x[..., 0].tolist()}: the weights {rounded(weights)}")


# --- right answers in other words ---


def _by_loop(x, query, lengths):
    B, T, D = x.shape
    pooled, weights = np.zeros((B, D)), np.zeros((B, T))
    for b in range(B):
        n = int(lengths[b])
        if n == 0:
            continue
        scores = [float(x[b, t] @ query) / D**0.5 for t in range(n)]
        terms = [math.exp(s - max(scores)) for s in scores]
        for t in range(n):
            weights[b, t] = terms[t] / sum(terms)
            pooled[b] += weights[b, t] * x[b, t]
    return pooled, weights


def _trimmed(x, query, lengths):
    x = words_only(x, lengths)
    weights = np.zeros(x.shape[:2])
    for b, n in enumerate(lengths):
        if n > 0:
            weights[b, :n] = softmax(x[b, :n] @ query / np.sqrt(len(query)))
    return np.einsum("bt,btd->bd", weights, x), weights


def _scaled_query(x, query, lengths):
    real = np.arange(x.shape[1])[None, :] < lengths.reshape(-1, 1)
    x = np.where(real[:, :, None], x, 0)
    scores = np.einsum("btd,d->bt", x, query * len(query) ** -0.5)
    weights = softmax(np.where(real, scores, -np.inf), axis=1)
    return (weights[:, :, None] * x).sum(axis=1), weights


def _low_and_covered(x, query, lengths):
    real = np.arange(x.shape[1]) < lengths[:, None]
    x = x.copy()
    x[~real] = 0
    weights = softmax(np.where(real, x @ query / np.sqrt(x.shape[2]), -1e9), axis=-1) * real
    return np.sum(weights[..., np.newaxis] * x, axis=1), weights


def _nan_replaced(x, query, lengths):
    scores = np.where(real_words(x, lengths), x @ query / np.sqrt(x.shape[-1]), -np.inf)
    with np.errstate(invalid="ignore"):
        weights = np.nan_to_num(_given.softmax(scores))
    return np.matmul(weights[:, np.newaxis, :], np.nan_to_num(x, posinf=0, neginf=0)).squeeze(1), weights


def _terms_and_safe_sum(x, query, lengths):
    real = real_words(x, lengths)
    scores = np.where(real, x @ query / np.sqrt(x.shape[-1]), -np.inf)
    largest = np.where(lengths[:, None] > 0, scores.max(axis=1, keepdims=True), 0.0)
    e = np.exp(scores - largest)
    weights = e / np.maximum(e.sum(axis=1, keepdims=True), 1e-12)
    return np.where(real[..., None], weights[..., None] * x, 0).sum(axis=1), weights


def _by_attention(x, query, lengths):
    from course_utils.attention import scaled_dot_product_attention

    q, x = np.broadcast_to(query, (len(x), 1, len(query))), words_only(x, lengths)
    output, weights = scaled_dot_product_attention(q, x, x, real_words(x, lengths)[:, None])
    return output[:, 0], weights[:, 0]


POOLING = Exercise(
    name="attention_pooling",
    title="Pool each sentence into one vector",
    notebook="hw1_weights",
    signature="attention_pooling(x, query, lengths)",
    reference=attention_pooling,
    arrays="numpy",
    returns=(Returns("pooled", "(B, D)"), Returns("weights", "(B, T)")),
    cases=_cases,
    drawn=_drawn,
    battery=pooling_battery(_PADDING, _ALL),
    probes=(
        Probe("the weights of a sentence sum to 1", _weights_sum_to_one),
        Probe("a query of zeros gives the mean", _no_preference_is_the_mean),
        Probe("pooled comes first, and is the words times the weights", _in_their_order, _ORDER),
        Probe("a word along the query gets more weight", _what_points_along_the_query_wins),
        Probe("a sentence is the same alone and in a batch", _sentences_are_alone),
        Probe("scores are divided by the square root of D", _scores_are_divided, _SCALE),
        Probe("padding gets weight 0, the real words share out 1", _padding_gets_nothing, _PADDING),
        Probe("padded sentences are pooled like trimmed ones", _padded_as_trimmed, _PADDING),
        Probe("NaN and infinity in the padding change nothing", _anything_may_stand_in_the_padding, _PADDING),
        Probe("one word is pooled into itself", _one_word_is_itself, _PADDING),
        Probe("an empty sentence gives zeros", _nothing_gives_nothing, _ALL),
        Probe("large scores compete like small ones", _long_vectors_do_not_overflow, _ALL),
    ),
    stages=pooling_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loop),
        Equivalent("trimmed-sentences", _trimmed),
        Equivalent("scaled-query", _scaled_query),
        Equivalent("minus-one-billion-and-covered", _low_and_covered),
        Equivalent("nan-replaced", _nan_replaced),
        Equivalent("softmax-by-hand", _terms_and_safe_sum),
        Equivalent("attention-with-one-query", _by_attention),
    ),
    hints=(
        "It is attention with one query for all sentences: scores (B, T), hide the padding, softmax along T, then a "
        "weighted sum along T. Draw the shapes first.",
        "`np.arange(T) < lengths[:, None]` is True on real words. Hide the others before softmax. Try a batch with "
        "every length that can occur, from none to T, and NaN in its padding: what is 0 * np.nan?",
        "`weights = softmax(np.where(real, x @ query / np.sqrt(D), -np.inf))`, where a row without a real word is "
        "replaced by zeros, and `pooled = np.einsum('bt,btd->bd', weights, np.where(real[..., None], x, 0.0))`.",
    ),
    in_order=_ORDER,
    credit=(Part(_WORDS, 3), Part(_ORDER, 1), Part(_SCALE, 2), Part(_PADDING, 2), Part(_ALL, 2, visible=False)),
    minutes=20,
    points=10,
)

EXERCISES = (POOLING,)
