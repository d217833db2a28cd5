"""Exercise of assignment 1: how the pooled vectors answer to the query, by the chain rule."""

import math
from functools import partial

import numpy as np

from course_utils.attention import softmax
from course_utils.checks import Broken, Case, Equivalent, Exercise, Part, Probe, Returns
from course_utils.exercises.families.shared import rounded
from course_utils.exercises.homework.weights._battery import gradient_battery
from course_utils.exercises.homework.weights._gradient_mistakes import MISTAKES, gradient_by_stages
from course_utils.exercises.homework.weights._pooling_mistakes import words_only
from course_utils.exercises.homework.weights.pooling import attention_pooling, padded

_NONE, _SIZE, _BATCH, _ALL = "no choice, no slope", "scale", "batch and padding", "all of it, and empty sentences"


def pooling_gradient(x, query, lengths, upstream):
    """Slopes (D,) of ``(upstream * pooled).sum()`` along the numbers of the query."""
    x = words_only(x, lengths)
    pooled, weights = attention_pooling(x, query, lengths)
    gains = (x @ upstream[..., None])[..., 0] - (pooled * upstream).sum(axis=-1, keepdims=True)  # (B, T)
    return np.einsum("bt,btd->d", weights * gains, x) / math.sqrt(x.shape[-1])


def _batch(rng, B, T, D, lengths):
    return (*padded(rng, B, T, D), np.array(lengths), rng.normal(size=(B, D)))


def _cases():
    rng = np.random.default_rng(103)
    one = np.array
    # Words of a single number have scale 1, so that a forgotten scale costs its own part and no other.
    return (
        Case((one([[[0.0], [1.0]]]), one([0.0]), one([2]), one([[4.0]])), note="two words with equal weights"),
        Case((one([[[0.0], [1.0], [3.0]]]), one([0.5]), one([3]), one([[2.0]])), note="three words of one number"),
        Case((one([[[-1.0], [0.5], [2.0], [1.0]]]), one([-1.0]), one([4]), one([[-1.5]])), note="four words"),
        # Within a step of the query that a computer can measure, the weights of such words change by much.
        Case((one([[[0.0], [1e6], [3e6]]]), one([5e-7]), one([3]), one([[0.01]])), note="words that lie far apart"),
        Case(_batch(rng, 1, 3, 4, [3]), note="words of four numbers", part=_SIZE),
        Case(_batch(rng, 1, 5, 2, [5]), note="five words of two numbers", part=_SIZE),
        Case(_batch(rng, 1, 4, 4, [4]), note="as many words as numbers", part=_SIZE),
        Case(_batch(rng, 3, 4, 1, [4, 4, 4]), note="three sentences", part=_BATCH),
        Case(_batch(rng, 2, 5, 1, [3, 5]), note="padding in the first sentence", part=_BATCH),
        Case(_batch(rng, 4, 3, 1, [2, 1, 3, 2]), note="four lengths", part=_BATCH),
        Case(_batch(rng, 4, 3, 1, [2, 0, 3, 1]), note="sentence 1 is empty", part=_ALL),
        Case(_batch(rng, 2, 4, 1, [0, 3]), note="sentence 0 is empty", part=_ALL),
        Case((one([[[1000.0], [1001.0], [999.0]], [[-1000.0], [-1001.0], [0.0]]]), one([1.0]), one([3, 2]),
              one([[0.01], [0.02]])), note="scores near 1000", part=_ALL),
    )


def _drawn(seed):
    rng = np.random.default_rng(seed)
    far = 1e6 * np.cumsum([0, *rng.uniform(0.8, 1.2, size=3)]).reshape(1, 4, 1)  # small steps are too long here
    near = 1000.0 * rng.permutation([-1, 1])[:, None, None] + rng.uniform(-1, 1, size=(2, 4, 1))
    *some, upstream = _batch(rng, 4, 5, 1, [*rng.permutation([2, 0, 5]), 3])
    return (Case((far, rng.uniform(4e-7, 6e-7, size=1), np.array([4]), rng.uniform(0.01, 0.02, size=(1, 1))),
                 note="drawn words far apart"),
            Probe("equal drawn words give slopes of 0", partial(_equal_words_cannot_be_told_apart,
                                                                drawn=_sentence(seed)), _NONE),
            Probe("what all drawn words share has no slope", partial(_what_is_the_same_for_all_words_has_no_slope,
                                                                     drawn=_sentence(seed)), _NONE),
            Case(_batch(rng, 1, 4, 3, [4]), {}, "drawn words of three numbers", _SIZE),
            Case(_batch(rng, 3, 6, 1, rng.permutation([2, 4, 6])), {}, "drawn words and lengths", _BATCH),
            Case((*some, 0.1 * upstream), {}, "drawn words, an empty sentence", _ALL),
            Case((near, np.array([1.0]), np.array([4, 3]), rng.uniform(0.01, 0.02, size=(2, 1))), {},
                 "drawn scores near 1000", _ALL))


# --- properties ---


def _sentence(seed, B=1, T=4, D=3):
    rng = np.random.default_rng(seed)
    return _batch(rng, B, T, D, [T] * B)


def _slope_between(x, query, lengths, upstream, along):
    """The slope along a direction by a small step to both sides, from softmax written out."""
    def total(q):
        found = 0.0
        for words, n, u in zip(x, lengths, upstream):
            terms = np.exp(words[:n] @ q / math.sqrt(len(q)))
            found += (terms @ (words[:n] @ u)) / terms.sum()
        return found

    h = 1e-5
    return (total(query + h * along) - total(query - h * along)) / (2 * h)


def _measured(x, query, lengths, upstream):
    return np.array([_slope_between(x, query, lengths, upstream, e) for e in np.eye(len(query))])


def _one_slope_for_each_number(call):
    args = _sentence(51)
    shape = call(*args).shape
    if shape != (3,):
        return Broken("there should be one slope for each number of the query",
                      f"the query has shape (3,) and the result shape {shape}")


def _points_the_right_way(call):
    args = _sentence(52)
    got, wanted = call(*args), _measured(*args)
    length = np.linalg.norm(got)
    if not (length > 0 and got @ wanted / (length * np.linalg.norm(wanted)) > 0.9999):
        return Broken("a small step of the query along the gradient should raise the sum the fastest",
                      f"small steps give slopes in the proportions {rounded(wanted / abs(wanted).max())}, "
                      f"yours have {rounded(got / max(abs(got).max(), 1e-30))}")


def _equal_words_cannot_be_told_apart(call, drawn=None):
    x, query, lengths, upstream = drawn or _sentence(53)
    gradient = call(np.broadcast_to(x[:, :1], x.shape).copy(), query, lengths, upstream)
    if not np.all(abs(gradient) < 1e-6):
        return Broken("if all words are the same, every query gives the same vector, so all slopes should be 0",
                      f"four times the word {rounded(x[0, 0])}: the gradient is {rounded(gradient)}")


def _twice_as_much_upstream(call):
    x, query, lengths, upstream = _sentence(54)
    other = np.array([[1.0, -2.0, 0.5]])
    got = call(x, query, lengths, 3 * upstream + other)
    wanted = 3 * call(x, query, lengths, upstream) + call(x, query, lengths, other)
    if not np.allclose(got, wanted, rtol=1e-4, atol=1e-7):
        return Broken("upstream should count in proportion: three times one and once another give 3 and 1 gradients",
                      f"wanted {rounded(wanted)}, got {rounded(got)}")


def _what_is_the_same_for_all_words_has_no_slope(call, drawn=None):
    x, query, lengths, _ = drawn or _sentence(55)
    if not np.any(abs(call(x, query, lengths, np.array([[1.0, 0.0, 0.0]]))) > 1e-9):
        return Broken("where the words differ, the query should matter", "three different words: all slopes are 0")
    x = np.concatenate([x[..., :2], np.full((*x.shape[:2], 1), 5.0)], axis=-1)  # so pooled[:, 2] is always 5
    gradient = call(x, query, lengths, np.array([[0.0, 0.0, 1.0]]))
    if not np.all(abs(gradient) < 1e-6):
        return Broken("a number that all words share is pooled into itself by every query, so its slopes should be 0",
                      f"all words have 5 in place 2, upstream is [0, 0, 1]: the gradient is {rounded(gradient)}")


def _two_words_by_hand(call):
    for far in (1.0, 2e6):
        p = 1 / (1 + math.exp(-1))  # the scores are 0 and 1
        got = call(np.array([[[0.0], [far]]]), np.array([1 / far]), np.array([2]), np.array([[1 / far**2]]))
        if not np.allclose(got, p * (1 - p), rtol=1e-5):
            return Broken("the words 0 and a, query 1 / a, upstream 1 / a**2 should give p (1 - p) = 0.19661193",
                          f"for a = {far:.0f} and D = 1, the gradient is {rounded(got, 8)}")


def _slopes_are_those_of_small_steps(call):
    for D in (2, 5):
        args = _sentence(56, D=D)
        got, wanted = call(*args), _measured(*args)
        if not np.allclose(got, wanted, rtol=1e-3, atol=1e-6):
            return Broken("each slope should be the change of the sum for a small step, divided by the step",
                          f"for D = {D}, small steps give {rounded(wanted)}, your gradient is {rounded(got)}")


def _sentences_add_up(call):
    x, query, lengths, upstream = _sentence(57, B=3)
    wanted = sum(call(x[b:b + 1], query, lengths[b:b + 1], upstream[b:b + 1]) for b in range(3))
    got = call(x, query, lengths, upstream)
    if not np.allclose(got, wanted, rtol=1e-4, atol=1e-7):
        return Broken("the gradient of a batch should be the sum of the gradients of its sentences",
                      f"the sentences one by one add up to {rounded(wanted)}, together they give {rounded(got)}")


def _padding_does_not_count(call):
    x, query, _, upstream = _sentence(58, B=2)
    moved = x.copy()
    moved[0, 2:] = 7.0
    lengths = np.array([2, 4])
    a, b = call(x, query, lengths, upstream), call(moved, query, lengths, upstream)
    if not np.allclose(a, b, rtol=1e-4, atol=1e-7):
        return Broken("other numbers in the padding should change nothing",
                      f"the gradient is {rounded(a)}, and {rounded(b)} with 7 in the padding of sentence 0")
    trimmed = call(x[:1, :2], query, np.array([2]), upstream[:1])
    whole = call(x[:1], query, np.array([2]), upstream[:1])
    if not np.allclose(trimmed, whole, rtol=1e-4, atol=1e-7):
        return Broken("two words should have the same gradient with padding after them and without",
                      f"{rounded(trimmed)} without, {rounded(whole)} with")


def _anything_may_stand_in_the_padding(call):
    x, query, _, upstream = _sentence(60, B=2)
    lengths = np.array([2, 4])
    wanted = call(x, query, lengths, upstream)
    for what in (np.nan, np.inf):
        odd = x.copy()
        odd[0, 2:] = what
        got = call(odd, query, lengths, upstream)
        if np.isnan(got).any() or not np.allclose(got, wanted, rtol=1e-4, atol=1e-7):
            return Broken("what stands in the padding should not reach the gradient, whatever it is",
                          f"two words and then {what} as padding: " + (
                              "NaN comes out" if np.isnan(got).any() else
                              f"the gradient is {rounded(got)}, with other padding {rounded(wanted)}"),
                          "print 0 * np.nan and 0 * np.inf")


def _nothing_adds_nothing(call):
    x, query, _, upstream = _sentence(59, B=2)
    got, wanted = call(x, query, np.array([0, 4]), upstream), call(x[1:], query, np.array([4]), upstream[1:])
    if not np.allclose(got, wanted, rtol=1e-4, atol=1e-7):
        return Broken("an empty sentence should add nothing to the gradient",
                      f"{rounded(wanted)} without it, {rounded(got)} with it")


# --- right answers in other words ---


def _by_loop(x, query, lengths, upstream):
    D = len(query)
    gradient = np.zeros(D)
    for b in range(len(x)):
        n = int(lengths[b])
        if n == 0:
            continue
        words = x[b, :n]
        p = softmax(words @ query / math.sqrt(D))
        pooled = p @ words
        for t in range(n):
            gradient += p[t] * (upstream[b] @ (words[t] - pooled)) * words[t] / math.sqrt(D)
    return gradient


def _by_jacobian(x, query, lengths, upstream):
    gradient = np.zeros(len(query))
    for words, n, u in zip(x, lengths, upstream):
        if n:
            words = words[:n]
            p = softmax(words @ query / np.sqrt(len(query)))
            J = np.diag(p) - np.outer(p, p)
            gradient += words.T @ (J @ (words @ u)) / np.sqrt(len(query))
    return gradient


def _by_covariance(x, query, lengths, upstream):
    """The gradient is the weighted covariance of the words times upstream."""
    x = words_only(x, lengths)
    pooled, weights = attention_pooling(x, query, lengths)
    centred = x - pooled[:, None]
    return np.einsum("bt,btd,bte,be->d", weights, centred, centred, upstream) / np.sqrt(x.shape[-1])


def _jacobian_of_the_batch(x, query, lengths, upstream):
    x = words_only(x, lengths)
    _, p = attention_pooling(x, query, lengths)
    J = p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :]
    d_weights = np.einsum("bd,btd->bt", upstream, x)
    d_scores = np.einsum("bts,bs->bt", J, d_weights)
    return (d_scores[..., None] * x).sum(axis=(0, 1)) / x.shape[-1] ** 0.5


def _matrices(x, query, lengths, upstream):
    x = words_only(x, lengths)
    _, weights = attention_pooling(x, query, lengths)
    d_weights = (x @ upstream[:, :, None]).squeeze(-1)
    d_scores = weights * d_weights - weights * np.sum(weights * d_weights, axis=1)[:, None]
    return d_scores.reshape(-1) @ x.reshape(-1, x.shape[-1]) / np.sqrt(len(query))


POOLING_GRADIENT = Exercise(
    name="pooling_gradient",
    title="Follow the pooled vectors back to the query",
    notebook="hw1_weights",
    signature="pooling_gradient(x, query, lengths, upstream)",
    reference=pooling_gradient,
    arrays="numpy",
    returns=(Returns("gradient", "(D,)"),),
    cases=_cases,
    drawn=_drawn,
    battery=gradient_battery(_BATCH, _ALL),
    probes=(
        Probe("one slope for each number of the query", _one_slope_for_each_number),
        Probe("equal words give slopes of 0", _equal_words_cannot_be_told_apart, _NONE),
        Probe("what all words share has no slope", _what_is_the_same_for_all_words_has_no_slope, _NONE),
        Probe("the gradient is proportional to upstream", _twice_as_much_upstream),
        Probe("the gradient points where the sum rises fastest", _points_the_right_way, _SIZE),
        Probe("two words by hand, near or far apart", _two_words_by_hand),
        Probe("slopes agree with small steps", _slopes_are_those_of_small_steps, _SIZE),
        Probe("sentences add up", _sentences_add_up, _BATCH),
        Probe("padding does not count", _padding_does_not_count, _BATCH),
        Probe("NaN and infinity in the padding change nothing", _anything_may_stand_in_the_padding, _BATCH),
        Probe("an empty sentence adds nothing", _nothing_adds_nothing, _ALL),
    ),
    stages=gradient_by_stages,
    mistakes=MISTAKES,
    equivalents=(
        Equivalent("loops", _by_loop),
        Equivalent("jacobian-of-each-sentence", _by_jacobian),
        Equivalent("jacobian-of-the-batch", _jacobian_of_the_batch),
        Equivalent("covariance", _by_covariance),
        Equivalent("matrix-products", _matrices),
    ),
    hints=(
        "Go backwards, one step at a time, and write the shape of each slope down: along the weights (B, T), along the "
        "scores (B, T), along the query (D,). The middle step is the table of slopes from notebook 02.",
        "A weight w[t] multiplies the word x[t], so the sum answers to it by `upstream @ x[t]`. With the slopes of "
        "softmax, word t counts by how far that is above its average under the weights. At the end, all scores of all "
        "sentences pull at one query.",
        "`d_w = np.einsum('btd,bd->bt', x, upstream)`, `d_s = w * (d_w - (w * d_w).sum(-1, keepdims=True))`, "
        "`return np.einsum('bt,btd->d', d_s, x) / np.sqrt(D)`.",
    ),
    uses=("attention_pooling",),
    credit=(Part("the chain rule", 4), Part(_NONE, 1), Part(_SIZE, 2), Part(_BATCH, 2), Part(_ALL, 1, visible=False)),
    minutes=25,
    points=10,
)

EXERCISES = (POOLING_GRADIENT,)
